import { describe, expect, it } from 'vitest';
import { makeEngine, makeRequest } from './support.ts';

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Milliseconds of processor time: other processes of a busy machine do not count. */
const cpuMs = (run: () => void): number => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

describe('decisions', () => {
  it('about 12 calls take less than 5 ms, with arguments and rules of the task', async () => {
    const engine = await makeEngine(
      '@id("cap") forbid (principal, action, resource is Tool::refund) when { resource.args.amount.greaterThan(decimal("500.0")) };\n@id("who") forbid (principal, action == Action::"callUnattended", resource) when { !(principal in Role::"support") };',
    );
    const rules = 'forbid (principal, action, resource is Tool::refund) when { resource.args.orderId == "x" };';
    const request = makeRequest({ rules });
    const round = (): void => {
      for (let call = 0; call < 12; call++) engine.decide(request);
    };
    for (let warm = 0; warm < 40; warm++) round();

    expect(median(Array.from({ length: 51 }, () => cpuMs(round)))).toBeLessThan(5);
  });
});
