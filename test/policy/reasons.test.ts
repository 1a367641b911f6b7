import { describe, expect, it } from 'vitest';
import { DIGEST, makeEngine, makeRequest } from './support.ts';

const capped = (amount: number, reason = 'ask me') =>
  `@id("cap") @reason("${reason}") forbid (principal, action == Action::"callUnattended", resource is Tool::refund)
   when { resource.args.amount.greaterThan(decimal("${amount}.0")) };`;

const digestOf = async (text: string, rules?: string): Promise<string | undefined> => {
  const engine = await makeEngine(text);
  const { reasons } = engine.decide(makeRequest(rules === undefined ? {} : { rules })).callUnattended;
  return reasons[0]?.policyDigest;
};

describe('a reason by a policy', () => {
  it('tells it from another text under the same id', async () => {
    const before = await digestOf(capped(10));

    expect(before).toEqual(DIGEST);
    expect(await digestOf(capped(15))).not.toBe(before);
    expect(await digestOf(capped(10, 'ask them'))).not.toBe(before);
  });

  it('is the same however the policy is laid out, and whatever stands beside it', async () => {
    const before = await digestOf(capped(10));

    expect(await digestOf(`// ten\n${capped(10).replaceAll(' ', '\n  ')}`.replace('"ask\n  me"', '"ask me"'))).toBe(
      before,
    );
    expect(await digestOf(`permit (principal, action, resource);\n${capped(10)}`)).toBe(before);
  });

  it('tells rules of a task apart as well, and one that failed', async () => {
    const failing = (max: string) =>
      `@id("sum") forbid (principal, action == Action::"callUnattended", resource) when { context.usage.steps * ${max} > 1 };`;
    const mine = capped(10).replace('"cap"', '"mine"');
    const none = 'permit (principal, action, resource);';

    expect(await digestOf(none, mine)).toEqual(DIGEST);
    expect(await digestOf(none, mine)).not.toBe(await digestOf(none, capped(15).replace('"cap"', '"mine"')));
    const [one, other] = [
      await digestOf(failing('9223372036854775807')),
      await digestOf(failing('9223372036854775806')),
    ];
    expect([one, other]).toEqual([DIGEST, DIGEST]);
    expect(one).not.toBe(other);
  });

  it('has none where nothing permits: there is no text', async () => {
    const engine = await makeEngine();
    const { reasons } = engine.decide(makeRequest({ tool: { unattended: false } })).callUnattended;

    expect(reasons).toEqual([{ code: 'unclassified', message: expect.any(String) }]);
  });
});
