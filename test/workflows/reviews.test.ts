import { describe, expect, it } from 'vitest';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import type { TaskHandle } from '../../src/task-handle.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { effect, type FakeHarness, type FakeOptions, type FakeStep, startFakes } from './fakes.ts';

type Event = { readonly type: string; readonly detail: Record<string, unknown> };

/** What the trace of the workflow itself shows of one kind. */
const eventsOf = async ({ client }: FakeHarness, task: TaskHandle, type: string): Promise<readonly unknown[]> => {
  const trace = await client.temporal.workflow
    .getHandle(task.taskId)
    .query<{ readonly events: readonly Event[] }>('trace');
  return trace.events.filter((event) => event.type === type).map(({ detail }) => detail);
};

const onlyPending = async (task: TaskHandle): Promise<PendingDecision> => {
  const [pending] = await untilPending(task);
  if (pending === undefined) throw new Error('nothing is pending');
  return pending;
};

/** The next question, that is not this one. */
const nextPending = (task: TaskHandle, before: PendingDecision): Promise<PendingDecision> =>
  until(async () => (await task.status()).pending.find(({ id }) => id !== before.id), 'another question is there');

const notesOf = ({ platform }: FakeHarness): readonly string[] =>
  platform.inputs.propose.flatMap(({ appended }) =>
    appended.flatMap((item) => (item.kind === 'note' && item.from === 'human' ? [item.text] : [])),
  );

/** So many calls, each another one, then the answer. */
const working =
  (steps: number, tool = 'write') =>
  (step: number): FakeStep =>
    step <= steps ? { calls: [effect(tool, { args: { step } })] } : { text: 'done' };

const endless = working(1_000);

const expiring = (end: 'deny' | 'fallback'): ApprovalRule => ({
  name: 'soon',
  when: { kinds: ['review'] },
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  expire: { afterMs: 300, then: end },
});

describe.each(MODES)('a budget review ($name)', ({ maxCachedWorkflows }) => {
  // A fake step takes 15 tokens and costs 0.01 USD.
  const start = (options: Partial<FakeOptions> = {}) =>
    startFakes({
      maxCachedWorkflows,
      steps: working(5),
      limits: { costUsd: 0.06, tokens: 1_000 },
      ...options,
      admission: { reviewPoint: { share: 0.5, of: ['costUsd', 'tokens'] }, ...options.admission },
    });

  it('asks once when half of the budget is used, in words, and goes on after a yes with what the person says', async () => {
    const fakes = await start();
    const task = await fakes.run();

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({
      kind: 'review',
      callId: 'task',
      reasons: [{ code: 'review_point', message: '50 % of the budget is used: 0.03 of 0.06 USD, after 3 steps' }],
      may: ['approve', 'deny', 'edit'],
    });
    expect(pending.share).toBeUndefined();
    expect(fakes.platform.inputs.propose).toHaveLength(3);
    await task.approve({ note: 'skip the rest', by: 'ben' });

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 6 } });
    expect(notesOf(fakes)).toEqual(['skip the rest']);
    expect(await eventsOf(fakes, task, 'review')).toEqual([
      { code: 'review_point', decision: 'approved', by: 'ben', note: 'skip the rest' },
    ]);
  });

  it('ends as rejected after a no, with the reason, and undoes what was done', async () => {
    const fakes = await start();
    const task = await fakes.run();

    await onlyPending(task);
    await task.deny({ reason: 'too dear', by: 'ben' });

    expect(await task.result()).toMatchObject({
      status: 'rejected',
      reason: '50 % of the budget is used: 0.03 of 0.06 USD, after 3 steps; stopped by ben: too dear',
      effects: [{ status: 'compensated' }, { status: 'compensated' }, { status: 'compensated' }],
    });
  });

  it('may extend the budget on the way', async () => {
    const fakes = await start({ steps: working(8) });
    const task = await fakes.run();

    const pending = await onlyPending(task);
    await expect(task.approve({ callId: pending.id, args: { dollars: 5 } })).rejects.toThrow(/dollars/);
    await task.approve({ callId: pending.id, args: { costUsd: 0.1 } });

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 9 } });
    expect(await eventsOf(fakes, task, 'review')).toMatchObject([{ decision: 'approved', allowed: { costUsd: 0.1 } }]);
  });

  it('does not ask a task that reaches its goal before', async () => {
    const fakes = await start({ steps: working(2) });
    const task = await fakes.run();

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 3 } });
    expect(await eventsOf(fakes, task, 'review')).toEqual([]);
  });

  it('asks nobody about a task that is cancelled while it waits, or by then', async () => {
    const fakes = await start();
    const task = await fakes.run();

    await onlyPending(task);
    await task.cancel();

    expect(await task.result()).toMatchObject({ status: 'cancelled' });
    expect((await task.status()).pending).toEqual([]);
  });

  it('ends as the rule says when nobody decides in time', async () => {
    const denied = await start({ admission: { approvalRules: [expiring('deny')] } });
    const fallen = await start({
      admission: { approvalRules: [expiring('fallback')], fallback: { output: 'so far' } },
    });

    expect(await (await denied.run()).result()).toMatchObject({
      status: 'rejected',
      reason: expect.stringContaining('nobody decided'),
    });
    const outcome = await (await fallen.run()).result();
    expect(outcome).toMatchObject({ status: 'fallback', output: 'so far' });
    expect(outcome.effects.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });
});

describe.each(MODES)('a limit ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: Partial<FakeOptions>) =>
    startFakes({
      maxCachedWorkflows,
      steps: endless,
      ...options,
      admission: { onLimit: 'escalate', ...options.admission },
    });

  it.each([
    { name: 'steps', limits: { steps: 4 }, share: { steps: 2 }, message: 'limit steps reached: 4 of 4' },
    {
      name: 'toolCalls',
      limits: { toolCalls: 4 },
      share: { toolCalls: 2 },
      message: 'limit toolCalls reached: 4 of 4',
    },
    { name: 'tokens', limits: { tokens: 60 }, share: { tokens: 30 }, message: 'limit tokens reached: 60 of 60' },
    {
      name: 'costUsd',
      limits: { costUsd: 0.04 },
      share: { costUsd: 0.02 },
      message: 'limit costUsd reached: 0.04 of 0.04',
    },
  ])(
    'of $name is asked about, and a plain yes allows half of it further, each time',
    async ({ limits, share, message }) => {
      const fakes = await start({ limits, steps: working(7) });
      const task = await fakes.run();

      const first = await onlyPending(task);
      expect(first).toMatchObject({ kind: 'review', callId: 'task', share, reasons: [{ code: 'limit', message }] });
      expect(fakes.platform.inputs.propose).toHaveLength(4);
      await task.approve({ callId: first.id, by: 'ben' });
      const second = await nextPending(task, first);
      expect(second.share).toEqual(share);
      expect(fakes.platform.inputs.propose).toHaveLength(6);
      await task.approve({ callId: second.id });

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 8 } });
      expect(await eventsOf(fakes, task, 'escalation')).toMatchObject([
        { code: 'limit', decision: 'approved', by: 'ben', allowed: share },
        { code: 'limit', decision: 'approved', allowed: share },
      ]);
    },
  );

  it('is extended by exactly what a person names', async () => {
    const fakes = await start({ limits: { steps: 2 } });
    const task = await fakes.run();

    const first = await onlyPending(task);
    await task.approve({ callId: first.id, args: { steps: 5, duration: '1h', costUsd: 3 } });
    await nextPending(task, first);

    const { limits } = await fakes.client.temporal.workflow
      .getHandle(task.taskId)
      .query<{ readonly limits: Record<string, number> }>('status');
    expect(limits).toMatchObject({ steps: 7, durationMs: 3 * 60 * 60_000 });
    // Where there is no limit, naming it makes none.
    expect(limits).not.toHaveProperty('costUsd');
    expect(fakes.platform.inputs.propose).toHaveLength(7);
    await task.deny({ reason: 'enough' });
    await task.result();
  });

  it('ends the task as limit after a no, with the reason', async () => {
    const { run } = await start({ limits: { steps: 2 } });
    const task = await run();

    await onlyPending(task);
    await task.deny({ reason: 'enough', by: 'ben' });

    expect(await task.result()).toMatchObject({
      status: 'limit',
      reason: 'limit steps reached: 2 of 2; stopped by ben: enough',
      effects: [{ status: 'compensated' }, { status: 'compensated' }],
    });
  });

  it('that a proposal would exceed is asked about, and the same proposal runs after a yes', async () => {
    const calls = [effect('a'), effect('b'), effect('c')];
    const fakes = await start({
      limits: { toolCalls: 1 },
      steps: (step) => (step === 1 ? { calls } : { text: 'done' }),
    });
    const task = await fakes.run();

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({
      reasons: [{ message: 'limit toolCalls reached: 3 more calls proposed, 1 left' }],
      share: { toolCalls: 3 },
    });
    expect(fakes.platform.inputs.execute).toEqual([]);
    await task.approve({ note: 'go' });

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 2, toolCalls: 3 } });
    expect(fakes.platform.log.filter((what) => what.startsWith('execute'))).toEqual([
      'execute s1.c1',
      'execute s1.c2',
      'execute s1.c3',
    ]);
  });

  it('of proposals that cannot be used is asked about, with the last problem', async () => {
    const fakes = await start({
      limits: { invalidProposals: 2 },
      steps: (step) => (step <= 3 ? { calls: [] } : { text: 'done' }),
    });
    const task = await fakes.run();

    const first = await onlyPending(task);
    expect(first).toMatchObject({
      share: { invalidProposals: 1 },
      reasons: [{ code: 'limit', message: expect.stringMatching(/^limit invalidProposals.*your answer was empty/) }],
    });
    await task.approve({ callId: first.id, note: 'call a tool' });
    const second = await nextPending(task, first);
    await task.approve({ callId: second.id, args: { tokens: 1_000 } });

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 4 } });
    expect(notesOf(fakes)).toEqual(['call a tool']);
  });

  it('keeps a pause: a yes does not resume the task', async () => {
    const fakes = await start({ limits: { steps: 2 }, steps: working(2) });
    const task = await fakes.run();

    const pending = await onlyPending(task);
    await task.pause('lunch');
    await task.approve({ callId: pending.id });
    await until(async () => (await task.status()).status === 'paused' || undefined, 'it is paused');
    expect(fakes.platform.inputs.propose).toHaveLength(2);
    await task.resume();

    expect((await task.result()).status).toBe('completed');
  });

  it('asks about the budget no more once a person allowed more of it', async () => {
    const fakes = await start({
      limits: { costUsd: 0.04 },
      steps: working(5),
      admission: { reviewPoint: { share: 0.99, of: ['costUsd'] } },
    });
    const task = await fakes.run();

    await onlyPending(task);
    await task.approve();

    expect((await task.result()).status).toBe('completed');
    expect(await eventsOf(fakes, task, 'review')).toEqual([]);
  });

  it('with a fallback gives it, says why, and keeps the effects', async () => {
    const admission = { onLimit: 'fallback', fallback: { output: { answer: 'unknown' } } } as const;
    const steps = await start({ limits: { steps: 2 }, admission });
    const calls = await start({
      limits: { toolCalls: 1 },
      steps: () => ({ calls: [effect('a'), effect('b')] }),
      admission,
    });
    const invalid = await start({ steps: () => ({ calls: [] }), admission });

    const outcomes = await Promise.all([steps, calls, invalid].map(async ({ run }) => (await run()).result()));

    expect(outcomes).toMatchObject([
      { status: 'fallback', output: { answer: 'unknown' }, reason: 'limit steps reached: 2 of 2' },
      { status: 'fallback', output: { answer: 'unknown' }, reason: expect.stringContaining('limit toolCalls') },
      { status: 'fallback', output: { answer: 'unknown' }, reason: expect.stringContaining('limit invalidProposals') },
    ]);
    expect(outcomes[0]?.effects.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  });

  it('ends the task as before where nobody is to be asked', async () => {
    const { run } = await start({ limits: { steps: 2 }, admission: { onLimit: 'fail' } });

    expect(await (await run()).result()).toMatchObject({ status: 'limit', reason: 'limit steps reached: 2 of 2' });
  });

  it('of time leaves out how long a person takes', async () => {
    const fakes = await start({
      limits: { durationMs: 2_000 },
      steps: (step) =>
        step === 1
          ? { calls: [{ tool: 'wait', effect: 'read', builtIn: { kind: 'wait', ms: 60_000 } }] }
          : { text: 'done' },
    });
    const task = await fakes.run();

    const pending = await onlyPending(task);
    expect(pending.share?.['durationMs']).toBeGreaterThanOrEqual(1_000);
    expect(pending.reasons[0]?.message).toMatch(/^limit duration reached: \d+ of 2 s$/);
    const longer = 2_000 + (pending.share?.['durationMs'] ?? 0);
    await until(() => Date.now() - Date.parse(pending.since) > longer || undefined, 'all of the time has passed');
    await task.approve();

    expect((await task.result()).status).toBe('completed');
  });
});

describe.each(MODES)('a final output that is reviewed ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: Partial<FakeOptions> = {}) =>
    startFakes({
      maxCachedWorkflows,
      steps: (step) => ({ text: `answer ${step}` }),
      ...options,
      admission: { reviewOutput: true, ...options.admission },
    });

  it('completes the task once a person accepted it', async () => {
    const fakes = await start();
    const task = await fakes.run();

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({
      kind: 'review',
      callId: 's1',
      args: { output: 'answer 1' },
      may: ['approve', 'deny'],
      reasons: [{ code: 'final_output' }],
    });
    await expect(task.approve({ args: { output: 'mine' } })).rejects.toThrow(/edit is not possible/);
    await task.approve({ by: 'ben' });

    const outcome = await task.result();
    expect(outcome).toMatchObject({ status: 'completed', output: 'answer 1' });
    expect(outcome).not.toHaveProperty('reason');
    expect(await eventsOf(fakes, task, 'review')).toEqual([{ code: 'final_output', decision: 'approved', by: 'ben' }]);
  });

  it('goes back with the reason where a person does not accept it, as often as they say', async () => {
    const fakes = await start();
    const task = await fakes.run();

    const first = await onlyPending(task);
    await task.deny({ callId: first.id, reason: 'too short' });
    const second = await nextPending(task, first);
    expect(second).toMatchObject({ callId: 's2', args: { output: 'answer 2' } });
    await task.deny({ callId: second.id });
    const third = await nextPending(task, second);
    await task.approve({ callId: third.id });

    expect(await task.result()).toMatchObject({ status: 'completed', output: 'answer 3' });
    expect(notesOf(fakes)).toEqual([
      'A person reviewed your final answer and did not accept it; the reason: too short',
      'A person reviewed your final answer and did not accept it; no reason was given',
    ]);
  });

  it('goes back within the limits', async () => {
    const fakes = await start({ limits: { steps: 1 } });
    const task = await fakes.run();

    await onlyPending(task);
    await task.deny({ reason: 'no' });

    expect(await task.result()).toMatchObject({ status: 'limit', reason: 'limit steps reached: 1 of 1' });
  });

  it('ends the task as rejected when nobody looks in time', async () => {
    const fakes = await start({ admission: { approvalRules: [expiring('deny')] } });

    const outcome = await (await fakes.run()).result();

    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.stringContaining('nobody') });
    expect(outcome).not.toHaveProperty('output');
  });
});

describe.each(MODES)('a suspected loop ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: Partial<FakeOptions> = {}) =>
    startFakes({
      maxCachedWorkflows,
      steps: () => ({ calls: [effect('write')] }),
      ...options,
      admission: { findsLoops: true, ...options.admission },
    });

  it('asks in words that show it, and after a yes looks anew', async () => {
    const fakes = await start({ steps: (step) => (step <= 5 ? { calls: [effect('write')] } : { text: 'done' }) });
    const task = await fakes.run();

    const pending = await onlyPending(task);
    expect(pending).toMatchObject({
      kind: 'review',
      callId: 'task',
      reasons: [{ code: 'loop', message: 'write with the same arguments and the same result, 3 times' }],
      may: ['approve', 'deny'],
    });
    expect(fakes.platform.inputs.propose).toHaveLength(3);
    await task.approve({ note: 'it takes a while', by: 'ben' });

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 6 } });
    expect(notesOf(fakes)).toEqual(['it takes a while']);
    expect(await eventsOf(fakes, task, 'loop')).toEqual([
      { code: 'loop', decision: 'approved', by: 'ben', note: 'it takes a while' },
    ]);
  });

  it('ends the task as rejected after a no', async () => {
    const { run } = await start();
    const task = await run();

    await onlyPending(task);
    await task.deny({ reason: 'it is one' });

    expect(await task.result()).toMatchObject({
      status: 'rejected',
      reason: 'write with the same arguments and the same result, 3 times; stopped by a person: it is one',
    });
  });

  it('of one error for different arguments is found, too', async () => {
    const fakes = await start({ steps: endless, execute: () => ({ status: 'failed', output: 'no such table' }) });
    const task = await fakes.run();

    const pending = await onlyPending(task);

    expect(pending.reasons[0]?.message).toBe('write failed with the same error, 4 steps in a row');
    expect(fakes.platform.inputs.propose).toHaveLength(4);
    await task.deny();
    await task.result();
  });

  it('is not seen in reads that a wait parts, or whose results change', async () => {
    const wait = { tool: 'wait', effect: 'read', builtIn: { kind: 'wait', ms: 1 } } as const;
    const polling = await start({
      steps: (step) => (step <= 6 ? { calls: [effect('poll'), wait] } : { text: 'done' }),
    });
    const changing = await start({
      steps: (step) => (step <= 6 ? { calls: [effect('poll')] } : { text: 'done' }),
      execute: ({ call }) => ({ output: `state at ${call.id}` }),
    });

    expect(await (await polling.run()).result()).toMatchObject({ status: 'completed' });
    expect(await (await changing.run()).result()).toMatchObject({ status: 'completed' });
  });
});
