import { describe, expect, inject, it } from 'vitest';
import { compensationId } from '../../src/domain/task.ts';
import { cli } from '../cli/support.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { ben, makeRule, onlyPending } from './desk-support.ts';
import { effect, type FakeOptions, startFakes } from './fakes.ts';
import { sign, verifyFake } from './signing.ts';

const hf = (...args: string[]) => cli([...args, '--address', inject('temporal').address]);

const rule = makeRule({ name: 'high-risks', when: { kinds: ['effect', 'compensation'], risks: ['high'] } });

/** Calls that nobody was asked about. */
const unattended = (...risks: readonly ('low' | 'medium' | 'high')[]): FakeOptions['steps'] => {
  const calls = risks.map((risk, at) => effect(`write${at + 1}`, { risk }));
  return (step) => (step === 1 ? { calls } : { fail: 'no more' });
};

describe.each(MODES)('INVARIANT A3: of a call that ran unattended ($name)', ({ maxCachedWorkflows }) => {
  const start = async (options: Partial<FakeOptions> & Pick<FakeOptions, 'steps'>) => {
    const { admission, ...rest } = options;
    const harness = await startFakes({
      maxCachedWorkflows,
      verifyDecision: verifyFake,
      ...rest,
      admission: { approvalRules: [rule], ...admission },
    });
    return { harness, task: await harness.run() };
  };

  it('nobody says by a claim whether it happened, where its risk asks for a role', async () => {
    const { harness, task } = await start({
      steps: unattended('high'),
      execute: () => ({ status: 'unknown', output: 'cut off' }),
    });

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({
      kind: 'effect',
      risk: 'high',
      rule: 'high-risks',
      who: { roles: ['finance'] },
    });
    await expect(task.approve({ callId: pending.id, by: 'ben' })).rejects.toThrow('only a signed decision of finance');
    await task.deny({ callId: pending.id, token: sign(ben, pending, { name: 'deny' }) });
    await task.result();

    expect(harness.platform.inputs.resolve).toMatchObject([{ happened: false, human: { by: 'ben', verified: true } }]);
  });

  it('anybody may, where its risk asks for nobody', async () => {
    const { task } = await start({
      steps: unattended('medium'),
      execute: () => ({ status: 'unknown', output: 'cut off' }),
    });

    expect(await onlyPending(task)).toMatchObject({ risk: 'medium', rule: 'default', who: { roles: [] } });
    await task.deny({});
    await task.result();
  });

  it.each([
    { status: 'unknown', kind: 'effect' },
    { status: 'shared', kind: 'compensation' },
    { status: 'failed', kind: 'compensation' },
  ] as const)('nobody says by a claim what becomes of undoing it: $status', async ({ status, kind }) => {
    const { task } = await start({
      steps: unattended('high', 'low'),
      compensate: ({ call }, times) =>
        call.id === 's1.c1' && times === 1 ? { status, message: 'so it is' } : { status: 'compensated' },
    });

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({ kind, callId: 's1.c1', risk: 'high', rule: 'high-risks' });
    await expect(task.approve({ callId: pending.id, by: 'ben' })).rejects.toThrow('only a signed decision of finance');
    await task.approve({ callId: pending.id, token: sign(ben, pending, { name: 'approve' }) });

    expect((await task.result()).effects).toMatchObject([{ status: 'compensated' }, { status: 'compensated' }]);
  });

  it('nobody says by a claim whether it is undone at all', async () => {
    const { task } = await start({ steps: unattended('low', 'high'), admission: { onFailure: 'ask' } });

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({ kind: 'compensation', callId: 'task', risk: 'high', rule: 'high-risks' });
    await expect(task.deny({ callId: pending.id })).rejects.toThrow('only a signed decision of finance');
    await task.deny({ callId: pending.id, token: sign(ben, pending, { name: 'deny' }) });

    expect((await task.result()).effects).toMatchObject([{ status: 'succeeded' }, { status: 'succeeded' }]);
  });

  it('its risk stands in the history: a terminated task is undone under the same rule', async () => {
    const { harness, task } = await start({
      steps: (step) =>
        step === 1 ? { calls: [effect('write1', { risk: 'high' })] } : { calls: [effect('pay', { asks: true })] },
      compensate: (_, times) => (times === 1 ? { status: 'failed', message: 'no' } : { status: 'compensated' }),
    });
    await untilPending(task);
    await harness.client.temporal.workflow.getHandle(task.taskId).terminate('by mistake');
    const undoing = harness.client.handle(compensationId(task.taskId));

    const run = hf('compensate', task.taskId, '--yes', '--json');
    const pending = await until(async () => {
      const all = await harness.client.inbox({ waitingFor: 'compensation' });
      return all.find(({ taskId }) => taskId === undoing.taskId);
    }, 'it is in the inbox');
    expect(pending).toMatchObject({ risk: 'high', rule: 'high-risks', who: { roles: ['finance'] } });
    await undoing.approve({ callId: pending.id, token: sign(ben, pending, { name: 'approve' }) });

    expect(await run).toMatchObject({ code: 0 });
  });
});
