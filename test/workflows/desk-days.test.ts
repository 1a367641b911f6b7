import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows, type WorkflowBundle } from '../../src/bundle.ts';
import type { ApprovalRule, Expiry } from '../../src/domain/approval-rule.ts';
import { MODES, until } from '../support/waiting.ts';
import { effect, type FakeOptions, type FakePlatform, startFakes } from './fakes.ts';

const DAY = 24 * 3_600_000;

/** Asked of the clerks, reminded after a day, also asked of their heads after two, and over after three. */
const rule = (then: Expiry): ApprovalRule => ({
  name: 'three days',
  when: {},
  // Roles need a signature; what was paused is decided without one here.
  roles: then === 'pause' ? [] : ['clerk'],
  quorum: 1,
  verified: false,
  separate: false,
  remindMs: DAY,
  escalate: [{ afterMs: 2 * DAY, roles: ['heads'] }],
  expire: { afterMs: 3 * DAY, then },
});

const pay = effect('pay', { asks: true, args: { amount: 1 } });

const steps: FakeOptions['steps'] = (step) => (step === 1 ? { calls: [pay] } : { text: 'done' });

/** What happened at the desk, and how many milliseconds after it was asked, by the clock of the workflow. */
const toldBy = ({ inputs }: FakePlatform) => {
  const events = inputs.report.flatMap((input) => input.events);
  const asked = Date.parse(events[0]?.at ?? '');
  return events.map(({ type, at }) => ({ type, after: Date.parse(at) - asked }));
};

let bundle: WorkflowBundle;
beforeAll(async () => {
  bundle = await bundleWorkflows([fileURLToPath(new URL('../support/fast-clock.ts', import.meta.url))]);
});

describe.each(MODES)('days at the desk, with the clock moved ($name)', ({ maxCachedWorkflows }) => {
  const start = (then: Expiry) =>
    startFakes({
      bundle,
      maxCachedWorkflows,
      steps,
      // The work itself takes days, too, by this clock.
      limits: { durationMs: 1_000 * DAY },
      admission: { approvalRules: [rule(then)], reports: 'all', fallback: { output: 'by hand' } },
    });

  it('reminds after a day, asks others after two, and denies after three', async () => {
    const { run, platform } = await start('deny');
    const task = await run();

    expect(await task.result()).toMatchObject({ status: 'completed', effects: [] });

    const told = toldBy(platform);
    expect(told.map(({ type }) => type)).toEqual(['asked', 'reminded', 'escalated', 'expired']);
    for (const [index, { after }] of told.entries()) expect(after).toBeGreaterThanOrEqual(index * DAY);
    const [asked] = platform.inputs.report.flatMap(({ events }) => events);
    expect(Date.parse(asked?.deadline ?? '') - Date.parse(asked?.at ?? '')).toBe(3 * DAY);
    expect(platform.inputs.execute).toEqual([]);
  });

  it('ends with the fallback after three days', async () => {
    const { run, platform } = await start('fallback');
    const task = await run();

    expect(await task.result()).toMatchObject({ status: 'fallback', output: 'by hand' });
    expect(toldBy(platform).at(-1)?.after).toBeGreaterThanOrEqual(3 * DAY);
    expect(platform.inputs.execute).toEqual([]);
  });

  it('pauses after three days, and goes on when somebody decides long after', async () => {
    const { run, platform } = await start('pause');
    const task = await run();
    await until(async () => (await task.status()).status === 'paused' || undefined, 'it is paused');

    await task.approve();
    await task.resume();

    expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'succeeded' }] });
    expect(platform.inputs.execute).toHaveLength(1);
  });
});
