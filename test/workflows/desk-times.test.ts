import { describe, expect, it } from 'vitest';
import type { TaskHandle } from '../../src/client.ts';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { effect, type FakeCall, type FakeHarness, type FakeOptions, startFakes } from './fakes.ts';

const rule = (fields: Partial<ApprovalRule>): ApprovalRule => ({
  name: 'timed',
  when: {},
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  ...fields,
});

const pay = effect('pay', { asks: true, args: { amount: 1 } });

const once =
  (...calls: FakeCall[]): FakeOptions['steps'] =>
  (step) =>
    step === 1 ? { calls } : { text: 'done' };

const timed = (fields: Partial<ApprovalRule>): FakeOptions => ({
  steps: once(pay),
  admission: { approvalRules: [rule(fields)], reports: 'all' },
});

const historyOf = async ({ client }: FakeHarness, task: TaskHandle) =>
  (await client.temporal.workflow.getHandle(task.taskId).fetchHistory()).events ?? [];

const decode = (data: Uint8Array | null | undefined) => Buffer.from(data ?? []).toString('utf8');

/** The summaries of all timers, and how many were started, fired and cancelled. */
const timersOf = async (harness: FakeHarness, task: TaskHandle) => {
  const events = await historyOf(harness, task);
  const summaries = events
    .filter((event) => event.timerStartedEventAttributes)
    .map((event) => JSON.parse(decode(event.userMetadata?.summary?.data)) as string);
  return {
    summaries,
    fired: events.filter((event) => event.timerFiredEventAttributes).length,
    cancelled: events.filter((event) => event.timerCanceledEventAttributes).length,
  };
};

const eventsOf = async (task: TaskHandle) => (await task.trace()).events.map(({ type }) => type);

const untilEvent = (task: TaskHandle, type: string) =>
  until(async () => (await eventsOf(task)).includes(type) || undefined, `the event ${type}`);

const resultOf = async (task: TaskHandle) => (await task.trace()).steps[0]?.calls[0]?.result;

describe.each(MODES)('the times of a question ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: FakeOptions) => startFakes({ maxCachedWorkflows, ...options });

  it('shows what happens when, before it does', async () => {
    const { run } = await start(
      timed({
        roles: ['clerk'],
        remindMs: 60_000,
        escalate: [{ afterMs: 120_000, roles: ['heads'] }],
        expire: { afterMs: 180_000, then: 'deny' },
      }),
    );
    const task = await run();

    const [pending] = await untilPending(task);
    const since = Date.parse(pending?.since ?? '');

    expect(pending).toMatchObject({
      rule: 'timed',
      agent: 'clerk',
      epoch: expect.any(String),
      who: { roles: ['clerk'], quorum: 1, verified: false, not: [] },
      deadline: new Date(since + 180_000).toISOString(),
      timeline: [
        { at: new Date(since + 60_000).toISOString(), do: 'remind' },
        { do: 'escalate', roles: ['heads'] },
        { do: 'expire', then: 'deny' },
      ],
    });
    await task.cancel();
    await task.result();
  });

  it('a rule without times costs no timer', async () => {
    const harness = await start(timed({}));
    const task = await harness.run();
    await untilPending(task);
    await task.approve();
    await task.result();

    expect((await timersOf(harness, task)).summaries).toEqual([]);
  });

  it('reminds, and goes to others: they are found by their role from then on', async () => {
    const harness = await start(
      timed({
        roles: ['clerk'],
        remindMs: 500,
        escalate: [{ afterMs: 1_000, roles: ['heads'] }],
        expire: { afterMs: 600_000, then: 'deny' },
      }),
    );
    const task = await harness.run();
    const [asked] = await untilPending(task);
    await untilEvent(task, 'escalated');

    const [pending] = await until(async () => {
      const { pending: now } = await task.status();
      return now[0]?.who?.roles.includes('heads') === true ? now : undefined;
    }, 'the memo says so');
    const { typedSearchAttributes } = await harness.client.temporal.workflow.getHandle(task.taskId).describe();
    await task.cancel();
    await task.result();

    expect(asked?.who?.roles).toEqual(['clerk']);
    expect(pending).toMatchObject({ id: asked?.id, who: { roles: ['clerk', 'heads'] }, deadline: asked?.deadline });
    expect(pending?.timeline).toMatchObject([{ do: 'expire' }]);
    expect(typedSearchAttributes.getAll()).toContainEqual(
      expect.objectContaining({
        key: expect.objectContaining({ name: 'HoldfastWaitingRoles' }),
        value: ['clerk', 'heads'],
      }),
    );
    const { id, tool, deadline = '' } = asked ?? ({} as Partial<NonNullable<typeof asked>>);
    expect((await timersOf(harness, task)).summaries).toEqual([
      `remind: ${tool} waits (${id})`,
      `${tool} goes to heads (${id})`,
      `${tool}: denied at ${deadline.slice(11, 16)} UTC (${id})`,
    ]);
    expect(harness.platform.inputs.report.flatMap(({ events }) => events.map(({ type }) => type))).toEqual([
      'asked',
      'reminded',
      'escalated',
      'withdrawn',
    ]);
  });

  it('expires: the call is refused in the platform’s words, and the agent goes on', async () => {
    const { run, platform } = await start(timed({ expire: { afterMs: 1_000, then: 'deny' } }));
    const task = await run();
    const [pending] = await untilPending(task);

    const outcome = await task.result();
    const trace = await task.trace();

    expect(outcome).toMatchObject({ status: 'completed', effects: [], denied: [] });
    expect(trace.steps[0]?.calls[0]).toMatchObject({
      human: { decision: 'expired', verified: false },
      result: { status: 'rejected', output: expect.stringMatching(/^Nobody decided in time.*So this did not run\.$/) },
    });
    expect(trace.events).toContainEqual(
      expect.objectContaining({ type: 'expired', detail: expect.objectContaining({ id: pending?.id }) }),
    );
    expect(platform.inputs.execute).toEqual([]);
    expect(platform.inputs.report.flatMap(({ events }) => events)).toMatchObject([
      { type: 'asked' },
      { type: 'expired', deadline: pending?.deadline, human: { decision: 'expired' } },
    ]);
  });

  it('a decision after the deadline is refused with the reason, and changes nothing', async () => {
    const { run, platform } = await start({
      ...timed({ expire: { afterMs: 1_000, then: 'deny' } }),
      steps: (step) => (step === 1 ? { calls: [pay] } : { calls: [effect('other', { asks: true })] }),
      admission: {
        approvalRules: [rule({ when: { tools: ['pay'] }, expire: { afterMs: 1_000, then: 'deny' } })],
      },
    });
    const task = await run();
    const [pending] = await untilPending(task);
    await until(async () => (await task.status()).pending[0]?.tool === 'other' || undefined, 'it expired');

    await expect(task.approve({ callId: pending?.id ?? '' })).rejects.toThrow(/expired/);
    expect((await task.status()).pending).toMatchObject([{ tool: 'other' }]);
    expect(platform.inputs.execute).toEqual([]);
    await task.cancel();
    await task.result();
  });

  it('ends as a fallback where the rule says so; nothing of it runs any more', async () => {
    const { run, platform } = await start({
      steps: once(pay, effect('next')),
      admission: {
        approvalRules: [rule({ expire: { afterMs: 1_000, then: 'fallback' } })],
        fallback: { output: { route: 'manual' } },
      },
    });
    const task = await run();

    expect(await task.result()).toMatchObject({
      status: 'fallback',
      output: { route: 'manual' },
      reason: expect.stringContaining('in time'),
      effects: [],
    });
    expect(platform.inputs.execute).toEqual([]);
  });

  it('a fallback takes hold before the next effect, also where another call’s person is waited for', async () => {
    const { run, platform } = await start({
      steps: once(effect('first', { asks: true }), effect('between'), pay),
      admission: {
        approvalRules: [rule({ when: { tools: ['pay'] }, expire: { afterMs: 1_000, then: 'fallback' } })],
        reports: 'decisions',
      },
    });
    const task = await run();

    expect(await task.result()).toMatchObject({ status: 'fallback' });
    expect(platform.inputs.execute).toEqual([]);
    expect(platform.inputs.report.flatMap(({ events }) => events.map(({ type, tool }) => `${type} ${tool}`))).toEqual([
      'expired pay',
      'withdrawn first',
    ]);
  });

  it('INVARIANT E7: a task that was cancelled undoes what it did, also where a fallback was due', async () => {
    const { run, client } = await start({
      steps: once(effect('book'), pay),
      execute: async () => {
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        return {};
      },
      compensate: () => ({ status: 'failed', message: 'no such booking' }),
      admission: {
        approvalRules: [rule({ when: { tools: ['pay'] }, expire: { afterMs: 500, then: 'fallback' } })],
      },
    });
    const task = await run();
    await until(async () => {
      const { events } = await client.temporal.workflow
        .getHandle(task.taskId)
        .query<{ events: { type: string }[] }>('trace');
      return events.some(({ type }) => type === 'expired') || undefined;
    }, 'it expired');

    await task.cancel();
    await until(async () => (await task.status()).pending[0]?.kind === 'compensation' || undefined, 'undoing failed');
    await task.approve();

    expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'compensated' }] });
  });

  it('pauses where the rule says so: the question stays without a deadline, and can still be decided', async () => {
    const { run, platform } = await start(timed({ expire: { afterMs: 1_000, then: 'pause' } }));
    const task = await run();
    const [asked] = await untilPending(task);
    await until(async () => (await task.status()).status === 'paused' || undefined, 'it is paused');

    const { pending } = await task.status();
    await task.approve();
    await until(async () => (await eventsOf(task)).includes('decision') || undefined, 'it is decided');
    expect(platform.inputs.execute).toEqual([]);
    await task.resume();

    expect(pending).toMatchObject([{ id: asked?.id }]);
    expect(pending[0]).not.toHaveProperty('deadline');
    expect(pending[0]).not.toHaveProperty('timeline');
    expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'succeeded' }] });
  });

  it('waits on when a paused task is resumed without a decision', async () => {
    const { run } = await start(timed({ expire: { afterMs: 1_000, then: 'pause' } }));
    const task = await run();
    await until(async () => (await task.status()).status === 'paused' || undefined, 'it is paused');

    await task.resume();

    await until(async () => (await task.status()).status === 'waiting' || undefined, 'it waits again');
    await task.deny({ reason: 'no' });
    expect(await task.result()).toMatchObject({ status: 'completed', denied: [{ reason: 'no' }] });
  });

  it('a decision ends the timer, and so does the end of the task', async () => {
    const decided = await start(timed({ expire: { afterMs: 600_000, then: 'deny' } }));
    const task = await decided.run();
    await untilPending(task);
    await task.approve();
    await task.result();
    const cancelled = await decided.run();
    await untilPending(cancelled);
    await cancelled.cancel();
    expect((await cancelled.result()).status).toBe('cancelled');

    expect(await timersOf(decided, task)).toMatchObject({ fired: 0, cancelled: 1 });
    expect(await timersOf(decided, cancelled)).toMatchObject({ fired: 0, cancelled: 1 });
  });

  it('a question while undoing keeps its timer although the task was cancelled, and never expires', async () => {
    const harness = await start({
      steps: (step) => (step === 1 ? { calls: [effect('book')] } : { calls: [effect('wait', { asks: true })] }),
      compensate: () => ({ status: 'failed', message: 'no such booking' }),
      admission: {
        approvalRules: [
          rule({
            when: { kinds: ['compensation'] },
            remindMs: 1_000,
            expire: { afterMs: 1_500, then: 'deny' },
          }),
        ],
        reports: 'all',
      },
    });
    const task = await harness.run();
    await untilPending(task);
    await task.cancel();
    await untilEvent(task, 'reminded');

    const [pending] = (await task.status()).pending;
    await task.approve();

    expect(pending).toMatchObject({ kind: 'compensation' });
    expect(pending).not.toHaveProperty('deadline');
    expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'compensated' }] });
    expect((await timersOf(harness, task)).summaries).toEqual([`remind: ${pending?.tool} waits (${pending?.id})`]);
  });

  it('a deadline that passes while no worker runs takes hold when one is back', async () => {
    const { run, stopWorker, startWorker, platform } = await start(timed({ expire: { afterMs: 1_500, then: 'deny' } }));
    const task = await run();
    const [pending] = await untilPending(task);

    await stopWorker();
    await until(() => Date.now() > Date.parse(pending?.deadline ?? '') + 300 || undefined, 'the deadline has passed');
    expect((await task.status()).pending).toHaveLength(1);
    await startWorker();

    expect((await task.result()).status).toBe('completed');
    expect(await resultOf(task)).toMatchObject({ status: 'rejected' });
    expect(platform.inputs.execute).toEqual([]);
  });

  it.each(['before', 'after'])(
    'a decision that is heard in the same workflow task as its deadline counts (sent %s it)',
    async (when) => {
      const { run, stopWorker, startWorker, client } = await start(timed({ expire: { afterMs: 2_000, then: 'deny' } }));
      const task = await run();
      const [pending] = await untilPending(task);
      const passed = () =>
        until(() => Date.now() > Date.parse(pending?.deadline ?? '') + 300 || undefined, 'the deadline has passed');
      const say = () => client.temporal.workflow.getHandle(task.taskId).signal('approve', { by: 'ben' });

      await stopWorker();
      if (when === 'after') await passed();
      await say();
      await passed();
      await startWorker();

      expect((await task.result()).effects).toMatchObject([{ status: 'succeeded' }]);
      expect((await task.trace()).steps[0]?.calls[0]?.human).toMatchObject({ decision: 'approved', by: 'ben' });
    },
  );

  it('a decision that is still being checked at its deadline counts', async () => {
    const harness = await start({
      ...timed({ expire: { afterMs: 1_500, then: 'deny' } }),
      review: async () => {
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        return {};
      },
    });
    const task = await harness.run();
    await untilPending(task);

    await task.approve({ args: { amount: 2 } });

    expect((await task.result()).effects).toMatchObject([{ status: 'succeeded' }]);
    expect(harness.platform.inputs.execute).toMatchObject([{ call: { args: { amount: 2 } } }]);
    expect(await timersOf(harness, task)).toMatchObject({
      summaries: [expect.stringContaining(': denied at '), expect.stringContaining('a decision is being checked')],
    });
  });
});
