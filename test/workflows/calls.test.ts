import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Review } from '../../src/domain/proposal.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { effect, type FakeCall, type FakeOptions, startFakes } from './fakes.ts';

const once =
  (...calls: FakeCall[]): FakeOptions['steps'] =>
  (step) =>
    step === 1 ? { calls } : { text: 'done' };

const look: FakeCall = { tool: 'look', effect: 'read' };

describe.each(MODES)('calls ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: FakeOptions) => startFakes({ maxCachedWorkflows, ...options });

  describe('an effect of which nobody knows', () => {
    it.each([
      { decision: 'approve', happened: true, status: 'succeeded' },
      { decision: 'deny', happened: false, status: 'failed' },
    ] as const)('INVARIANT E3: after $decision it is settled, and that result is the call’s', async (each) => {
      const { platform, run } = await start({
        steps: once(effect('pay')),
        execute: () => ({ status: 'unknown', output: 'socket hang up' }),
      });
      const task = await run();

      const [pending] = await untilPending(task);
      await (each.decision === 'approve' ? task.approve({ note: 'seen' }) : task.deny({ reason: 'seen' }));
      const outcome = await task.result();
      const trace = await task.trace();

      expect(pending).toMatchObject({ kind: 'effect', may: ['approve', 'deny'] });
      expect(outcome).toMatchObject({ status: 'completed', effects: [{ callId: 's1.c1', status: each.status }] });
      expect(platform.inputs.resolve).toMatchObject([
        {
          happened: each.happened,
          key: outcome.effects[0]?.key,
          human: { note: 'seen' },
          call: { id: 's1.c1', args: {} },
        },
      ]);
      expect(trace.steps[0]?.calls[0]?.result).toMatchObject({ status: each.status, output: 'settled' });
    });

    it('INVARIANT E7: "it happened" may carry the output', async () => {
      const { platform, run } = await start({
        steps: once(effect('pay')),
        execute: () => ({ status: 'unknown', output: 'socket hang up' }),
      });
      const task = await run();
      await untilPending(task);

      await task.approve({ args: { paymentId: 'p1' } });

      expect((await task.trace()).status).toBeDefined();
      await task.result();
      expect(platform.inputs.resolve).toMatchObject([{ happened: true, output: { paymentId: 'p1' } }]);
      expect((await task.trace()).steps[0]?.calls[0]).toMatchObject({
        human: { decision: 'approved' },
        result: { output: { paymentId: 'p1' } },
      });
    });
  });

  describe('INVARIANT A1: a verdict that has become stricter', () => {
    const ask = (digest: Review['digest']): Review => ({
      callId: 's1.c1',
      tool: 'pay',
      effect: 'write',
      verdict: { outcome: 'ask', reasons: [{ code: 'tool_changed', message: 'pay changed' }] },
      ...(digest === undefined ? {} : { digest }),
      plan: { idempotent: true, timeoutMs: 10_000, maxAttempts: 1, alone: false, isCompensable: true },
    });

    it('asks again, under another name, and runs with the new approval; each is used once', async () => {
      const { platform, run } = await start({
        steps: once(effect('pay', { asks: true, args: { amount: 1 } })),
        execute: ({ approval }, times) =>
          times === 1 ? { status: 'rejected', output: 'asks', ask: ask(approval?.digest) } : {},
      });
      const task = await run();
      const [first] = await untilPending(task);
      await task.approve();
      const [second] = await until(async () => {
        const { pending } = await task.status();
        return pending.length === 1 && pending[0]?.id !== first?.id ? pending : undefined;
      }, 'it is asked again');
      await task.approve({ callId: second?.id ?? '' });
      const outcome = await task.result();

      // The digest is the same, so only the count tells the two questions apart.
      expect(second).toMatchObject({
        digest: first?.digest,
        reasons: [{ code: 'tool_changed' }, { code: 'asks_again' }],
        args: { amount: 1 },
      });
      const [used, again] = platform.inputs.execute.map(({ approval }) => approval?.id);
      expect(used).toMatch(new RegExp(`^${task.taskId}/.+/${first?.id}$`));
      expect(again).toMatch(new RegExp(`^${task.taskId}/.+/${second?.id}$`));
      expect(outcome).toMatchObject({ usage: { toolCalls: 1 }, effects: [{ status: 'succeeded' }] });
    });

    it('is refused for good by a denial: nothing ran, so nothing is undone', async () => {
      const { platform, run } = await start({
        steps: (step) => (step === 1 ? { calls: [effect('pay')] } : { fail: 'no more' }),
        execute: () => ({ status: 'rejected', output: 'asks', ask: ask('sha256:00') }),
      });
      const task = await run();
      await untilPending(task);

      await task.deny({ reason: 'not now' });

      expect(await task.result()).toMatchObject({
        status: 'failed',
        effects: [],
        denied: [{ callId: 's1.c1', tool: 'pay', reason: 'not now' }],
      });
      expect(platform.log.filter((what) => what.startsWith('compensate'))).toEqual([]);
    });
  });

  it('tells reviews and runs what happened: usage, untrusted text, refused calls with their arguments', async () => {
    const { platform, run } = await start({
      steps: (step) =>
        step === 1
          ? { calls: [effect('pay', { asks: true, args: { to: 'eve' } })] }
          : step === 2
            ? { calls: [look] }
            : step === 3
              ? { calls: [effect('note', { provenance: { '/to': { source: 'untrusted', item: 's2.c1' } } })] }
              : { text: 'done' },
    });
    const task = await run();
    await untilPending(task);
    await task.deny({ reason: 'never eve' });
    const outcome = await task.result();

    const denied = [{ callId: 's1.c1', tool: 'pay', args: { to: 'eve' }, reason: 'never eve' }];
    const [first, second, third] = platform.inputs.propose.map(({ situation }) => situation);
    expect(first).toMatchObject({ isUntrusted: false, denied: [], usage: { steps: 0 } });
    expect(second).toMatchObject({ isUntrusted: false, denied, usage: { steps: 1 } });
    expect(third).toMatchObject({ isUntrusted: false, denied });
    expect(platform.inputs.execute[0]).toMatchObject({
      situation: { isUntrusted: true, denied, usage: { steps: 3 } },
      call: { provenance: { '/to': { source: 'untrusted', item: 's2.c1' } } },
    });
    expect(outcome.denied).toEqual([{ callId: 's1.c1', tool: 'pay', reason: 'never eve' }]);
    expect((await task.trace()).steps[2]?.calls[0]?.provenance).toBeDefined();
  });

  it('counts the data beside the goal as untrusted, and what calls cost', async () => {
    const { platform, run } = await start({ steps: once(effect('pay')), execute: () => ({ costUsd: 0.5 }) });

    const outcome = await (await run({ input: { order: 17 } })).result();

    expect(platform.inputs.propose[0]?.situation?.isUntrusted).toBe(true);
    expect(outcome.usage.costUsd).toBeCloseTo(0.52);
  });

  it('runs a call on the task queue of its tool', async () => {
    const taskQueue = `own-${randomUUID()}`;
    const { run, startWorker, platform, client } = await start({ steps: once(effect('pay', { taskQueue })) });
    const task = await run();
    await until(async () => (await task.status()).activity?.type === 'execute' || undefined, 'it is scheduled');
    expect(platform.log).not.toContain('execute s1.c1');

    await startWorker(taskQueue);

    expect((await task.result()).status).toBe('completed');
    expect(client.temporal).toBeDefined();
  });

  it('chooses the smallest grants before anything is read, and goes by them', async () => {
    const { platform, run } = await start({
      steps: once(effect('pay')),
      admission: { narrowGrants: true },
      narrowGrants: () => ({
        grants: ['pay'],
        model: 'fake',
        usage: { inputTokens: 7, outputTokens: 3, cachedTokens: 0 },
        costUsd: 0.1,
      }),
    });

    const task = await run();
    const outcome = await task.result();
    const trace = await task.trace();

    expect(platform.log[0]).toBe('narrowGrants grants');
    expect(platform.inputs.propose.map(({ context }) => context.grants)).toEqual([['pay'], ['pay']]);
    expect(platform.inputs.execute[0]?.context.grants).toEqual(['pay']);
    expect(outcome.usage).toMatchObject({ inputTokens: 27, outputTokens: 13 });
    expect(trace.events).toMatchObject([{ type: 'grants', detail: { grants: ['pay'] } }]);
  });

  describe('built-in tools', () => {
    it('a wait is a durable timer: it goes on over a worker’s restart', async () => {
      const { run, startWorker, stopWorker, client } = await start({
        steps: once({ tool: 'wait', builtIn: { kind: 'wait', ms: 2_000 } }),
      });
      const task = await run();
      await until(async () => {
        const { events } = await client.temporal.workflow.getHandle(task.taskId).fetchHistory();
        return events?.some((event) => event.timerStartedEventAttributes) || undefined;
      }, 'the timer runs');

      await stopWorker();
      await startWorker();

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { toolCalls: 1 }, effects: [] });
      expect((await task.trace()).steps[0]?.calls[0]?.result).toMatchObject({
        status: 'succeeded',
        output: 'waited 2 s',
      });
    });

    it('a wait counts for the limit "duration", and ends with it', async () => {
      const { run } = await start({
        steps: once({ tool: 'wait', builtIn: { kind: 'wait', ms: 3_600_000 } }),
        limits: { durationMs: 1_500 },
      });

      expect(await (await run()).result()).toMatchObject({
        status: 'limit',
        reason: expect.stringContaining('duration'),
      });
    });

    it('a wait ends with a cancellation', async () => {
      const { run } = await start({ steps: once({ tool: 'wait', builtIn: { kind: 'wait', ms: 3_600_000 } }) });
      const task = await run();
      await until(async () => (await task.trace()).steps.length === 1 || undefined, 'it waits');

      await task.cancel();

      expect((await task.result()).status).toBe('cancelled');
    });

    it('a plan is kept, shown and traced, and reads travel on beside it', async () => {
      const plan = { steps: ['look', 'pay'] };
      const { platform, run, client } = await start({
        steps: (step) =>
          step === 1
            ? { calls: [look, { tool: 'plan', builtIn: { kind: 'plan', plan } }] }
            : { calls: [effect('pay', { asks: true })] },
      });
      const task = await run();
      await untilPending(task);
      const workflow = client.temporal.workflow.getHandle(task.taskId);

      expect(await workflow.query('status')).toMatchObject({ plan, usage: { toolCalls: 2 } });
      expect((await task.trace()).plan).toEqual(plan);
      expect(await workflow.query('trace')).toMatchObject({ plan });
      expect(await workflow.query('__temporal_workflow_metadata')).toMatchObject({
        currentDetails: expect.stringContaining('The agent’s plan'),
      });
      expect(platform.inputs.read).toEqual([]);
      await task.cancel();
      await task.result();
    });
  });
});
