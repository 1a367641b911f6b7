import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { readUndoable, startCompensation } from '../../src/timeline/compensation.ts';
import type { Carried } from '../../src/workflows/state.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { ben, cat, makeRule, ranOf, workflowOf } from './desk-support.ts';
import { effect, type FakeCall, type FakeHarness, type FakeOptions, startFakes } from './fakes.ts';
import { sign, verifyFake } from './signing.ts';

// Continue-as-new is suggested by the server; this one does so early.
let server: Awaited<ReturnType<typeof startSpecialServer>>;
beforeAll(async () => {
  server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '45' });
});
afterAll(() => server.stop());

const anybody = makeRule({ roles: [] });
const asks = (tool: string, fields: Partial<FakeCall> = {}) => effect(tool, { asks: true, ...fields });
const once =
  (...calls: FakeCall[]): FakeOptions['steps'] =>
  (step) =>
    step === 1 ? { calls } : { text: 'done' };

const wireOf = ({ id }: PendingDecision) => id.replace('-', ' ');
const idsOf = (pending: readonly PendingDecision[]) => pending.map(({ id }) => id);
const typesOf = ({ platform }: FakeHarness) =>
  platform.inputs.report.flatMap(({ events }) => events.map(({ type, decisionId }) => `${type} ${decisionId}`));

/** Sends what counts for nothing, until the run has a successor. */
const untilNewRun = async (harness: FakeHarness, task: TaskHandle): Promise<string> => {
  const workflow = workflowOf(harness, task);
  const { runId } = await workflow.describe();
  return until(
    async () => {
      await workflow.signal('approve', 'nonsense');
      const now = await workflow.describe();
      return now.runId === runId ? undefined : now.runId;
    },
    'it goes on in a new run',
    50_000,
  );
};

/** What the last run was started with. */
const carriedOf = async (harness: FakeHarness, task: TaskHandle): Promise<{ spec: unknown; carried: Carried }> => {
  const { events } = await workflowOf(harness, task).fetchHistory();
  const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const [spec, carried] = payloads.map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as unknown);
  return { spec, carried: carried as Carried };
};

describe.each(MODES)('a run that ends while people are asked ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: FakeOptions) =>
    startFakes({
      maxCachedWorkflows,
      verifyDecision: verifyFake,
      ...options,
      address: server.address,
      admission: { approvalRules: [anybody], reports: 'all', ...options.admission },
    });

  it('hands two approvals and a question over: ids, doors and page stay, each is decided and run once', async () => {
    const harness = await start({
      steps: once(
        { tool: 'look', effect: 'read' },
        asks('pay', { args: { amount: 1 } }),
        { tool: 'ask_human', effect: 'read', question: 'Which?' },
        asks('pay', { args: { amount: 2 } }),
      ),
    });
    const task = await harness.run();
    const before = await untilPending(task, 3);

    await untilNewRun(harness, task);
    const after = await untilPending(task, 3);
    const [first, question, last] = after;
    const workflow = workflowOf(harness, task);
    const pages = await workflow.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    await workflow.executeUpdate(`approve ${wireOf(last as PendingDecision)}`, { args: [{ by: 'cat' }] });
    await workflow.signal(`answer ${wireOf(question as PendingDecision)}`, { text: 'blue', by: 'eve' });
    await workflow.signal('approve', { id: first?.id, by: 'ben' });
    const outcome = await task.result();
    const { steps } = await task.trace();

    expect(after).toEqual(before);
    for (const id of idsOf(before)) expect(pages.currentDetails).toContain(id);
    expect(outcome).toMatchObject({ status: 'completed', usage: { steps: 2, toolCalls: 3 } });
    expect(ranOf(harness)).toEqual(['execute s1.c2', 'execute s1.c4']);
    expect(harness.platform.inputs.read).toHaveLength(1);
    expect(harness.platform.inputs.execute.map(({ approval }) => approval?.id?.split('/').at(-1))).toEqual([
      first?.id,
      last?.id,
    ]);
    expect(steps[0]?.calls.map(({ human }) => human?.by)).toEqual([undefined, 'ben', 'eve', 'cat']);
    expect(steps[0]?.calls[2]?.result).toMatchObject({ output: 'blue' });
    expect(typesOf(harness).toSorted()).toEqual(
      idsOf(before)
        .flatMap((id) => [`asked ${id}`, `decided ${id}`])
        .toSorted(),
    );
  });

  it('hands over what was decided for later calls, and what was decided stays so', async () => {
    const harness = await start({ steps: once(asks('first'), asks('second'), asks('third')) });
    const task = await harness.run();
    const [first, second, third] = await untilPending(task, 3);
    await task.approve({ callId: second?.id ?? '', by: 'ben' });
    await task.deny({ callId: third?.id ?? '', reason: 'no' });

    await untilNewRun(harness, task);
    await expect(task.deny({ callId: second?.id ?? '' })).rejects.toThrow('decided already');
    expect(idsOf(await untilPending(task))).toEqual([first?.id]);
    await task.approve({ callId: first?.id ?? '', by: 'cat' });

    expect(await task.result()).toMatchObject({
      usage: { toolCalls: 2 },
      effects: [{ tool: 'first' }, { tool: 'second' }],
      denied: [{ tool: 'third', reason: 'no' }],
    });
    expect(harness.platform.inputs.execute.map(({ approval }) => approval?.human.by)).toEqual(['cat', 'ben']);
  });

  it('INVARIANT E3: hands an unknown effect over; nothing of it runs again', async () => {
    const harness = await start({
      steps: once(effect('pay')),
      execute: () => ({ status: 'unknown', output: 'socket hang up', costUsd: 1 }),
    });
    const task = await harness.run();
    const before = await untilPending(task);

    await untilNewRun(harness, task);
    expect(await untilPending(task)).toEqual(before);
    await task.approve({ args: { paid: true } });

    expect(await task.result()).toMatchObject({
      usage: { toolCalls: 1, costUsd: 1.02 },
      effects: [{ callId: 's1.c1', status: 'succeeded' }],
    });
    expect(harness.platform.inputs.execute).toHaveLength(1);
    expect(harness.platform.inputs.resolve).toMatchObject([{ happened: true, output: { paid: true } }]);
  });

  it('INVARIANT A1: hands a call over that asks again when it is to run', async () => {
    const harness = await start({
      steps: once(asks('pay')),
      execute: (_, times) =>
        times > 1
          ? {}
          : {
              status: 'rejected',
              output: 'asks',
              ask: {
                callId: 's1.c1',
                tool: 'pay',
                effect: 'write',
                verdict: { outcome: 'ask', reasons: [{ code: 'tool_changed', message: 'pay changed' }] },
                digest: 'sha256:0b0b0b',
                plan: { idempotent: true, timeoutMs: 10_000, maxAttempts: 1, alone: false },
              },
            },
    });
    const task = await harness.run();
    const [first] = await untilPending(task);
    await task.approve({ by: 'ben' });
    const [again] = await until(async () => {
      const { pending } = await task.status();
      return pending[0] !== undefined && pending[0].id !== first?.id ? pending : undefined;
    }, 'it asks again');

    await untilNewRun(harness, task);
    expect(idsOf(await untilPending(task))).toEqual([again?.id]);
    await task.approve({ callId: again?.id ?? '', by: 'cat' });

    expect(await task.result()).toMatchObject({ usage: { toolCalls: 1 }, effects: [{ status: 'succeeded' }] });
    expect(harness.platform.inputs.execute.map(({ approval }) => approval?.human.by)).toEqual(['ben', 'cat']);
    expect(harness.platform.inputs.execute[1]?.approval).toMatchObject({ digest: 'sha256:0b0b0b' });
  });

  it('hands a quorum over with the votes that it has', async () => {
    const harness = await start({
      steps: once(asks('pay')),
      admission: { approvalRules: [makeRule({ quorum: 2 })] },
    });
    const task = await harness.run();
    const [pending] = await untilPending(task);
    const asked = pending as PendingDecision;
    await task.approve({ callId: asked.id, token: sign(ben, asked, { name: 'approve' }) });

    await untilNewRun(harness, task);
    const [after] = await untilPending(task);
    await expect(task.approve({ callId: asked.id, token: sign(ben, asked, { name: 'approve' }) })).rejects.toThrow(
      'counts already',
    );
    await task.approve({ callId: asked.id, token: sign(cat, asked, { name: 'approve' }) });
    await task.result();

    expect(after).toMatchObject({ id: asked.id, votes: [{ by: 'ben' }] });
    expect(harness.platform.inputs.execute).toMatchObject([
      { approval: { human: { by: 'ben, cat', verified: true, votes: [{ by: 'ben' }, { by: 'cat' }] } } },
    ]);
  });

  it('hands a running timer over with the time that it has', async () => {
    const harness = await start({
      steps: once(asks('pay')),
      admission: {
        approvalRules: [makeRule({ roles: [], remindMs: 500, expire: { afterMs: 15_000, then: 'deny' } })],
      },
    });
    const task = await harness.run();
    const [before] = await untilPending(task);
    await until(() => typesOf(harness).includes(`reminded ${before?.id}`) || undefined, 'it reminds');

    await untilNewRun(harness, task);
    const [after] = await untilPending(task);
    await task.result();
    const { steps } = await task.trace();

    expect(after).toMatchObject({ id: before?.id, deadline: before?.deadline, timeline: [{ do: 'expire' }] });
    const { human } = steps[0]?.calls[0] ?? {};
    expect(human).toMatchObject({ decision: 'expired' });
    expect(Date.parse(human?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(before?.deadline ?? ''));
    expect(typesOf(harness).filter((each) => each.startsWith('reminded'))).toHaveLength(1);
  });

  it('INVARIANT E7: hands a question about undoing over; what failed is not tried again', async () => {
    const harness = await start({
      steps: (step) => (step === 1 ? { calls: [effect('book'), effect('hold')] } : { fail: 'no more' }),
      admission: { onFailure: 'ask' },
      compensate: ({ call }) =>
        call.tool === 'hold' ? { status: 'failed', message: 'no such booking' } : { status: 'compensated' },
    });
    const task = await harness.run();
    const [whether] = await untilPending(task);

    await untilNewRun(harness, task);
    expect(idsOf(await untilPending(task))).toEqual([whether?.id]);
    await task.approve({ callId: whether?.id ?? '' });
    const [byHand] = await until(async () => {
      const { pending } = await task.status();
      return pending[0]?.callId === 's1.c2' ? pending : undefined;
    }, 'undoing failed');
    await untilNewRun(harness, task);
    const after = await untilPending(task);
    const { status } = await task.status();
    await task.approve({ callId: byHand?.id ?? '', note: 'called them' });

    expect(after).toEqual([byHand]);
    expect(status).toBe('waiting');
    expect(await task.result()).toMatchObject({
      status: 'failed',
      effects: [
        { tool: 'book', status: 'compensated' },
        { tool: 'hold', status: 'compensated' },
      ],
    });
    expect(harness.platform.log.filter((what) => what.startsWith('compensate'))).toEqual([
      'compensate s1.c2',
      'compensate s1.c1',
    ]);
  });

  it('hands a pause over before an effect that was approved: it runs once the task goes on', async () => {
    const harness = await start({ steps: once(asks('pay')) });
    const task = await harness.run();
    await untilPending(task);
    await task.pause('lunch');
    await task.approve({ by: 'ben' });

    await untilNewRun(harness, task);
    expect((await task.status()).status).toBe('paused');
    expect(ranOf(harness)).toEqual([]);
    await task.resume();

    expect(await task.result()).toMatchObject({ status: 'completed', usage: { toolCalls: 1 } });
    expect(harness.platform.inputs.execute).toMatchObject([{ approval: { human: { by: 'ben' } } }]);
  });

  it('goes on in the same run where the state is too large to be handed over', async () => {
    const harness = await start({
      steps: (step) =>
        step === 1 ? { calls: [effect('big')] } : step === 2 ? { calls: [asks('pay')] } : { text: 'ok' },
      execute: ({ call }) => (call.tool === 'big' ? { output: 'x'.repeat(1_000_000) } : {}),
    });
    const task = await harness.run();
    await untilPending(task);
    const workflow = workflowOf(harness, task);
    const { runId } = await workflow.describe();

    for (let sent = 0; sent < 20; sent++) await workflow.signal('approve', 'nonsense');
    await until(
      async () => ((await workflow.fetchHistory()).events?.length ?? 0) > 60 || undefined,
      'the history is long',
    );
    await task.approve({ by: 'ben' });

    expect(await task.result()).toMatchObject({ status: 'completed', runId });
  });

  it('hears signals by name that arrive between two runs, and the one that says what it means counts', async () => {
    const harness = await start({ steps: once(asks('pay')) });
    const task = await harness.run();
    const [pending] = await untilPending(task);
    await untilNewRun(harness, task);
    const { spec, carried } = await carriedOf(harness, task);
    await harness.stopWorker();

    // Another task in the same state, whose messages are there before its first line runs.
    const workflowId = `t-${randomUUID()}`;
    const { taskQueue, client } = harness;
    const deny = `deny ${wireOf(pending as PendingDecision)}`;
    const options = { workflowId, taskQueue, args: [spec, carried], signal: deny, signalArgs: [{ reason: 'late' }] };
    const workflow = await client.temporal.workflow.signalWithStart('agentTask', options);
    await workflow.signal('approve');
    await harness.startWorker();

    expect(await workflow.result()).toMatchObject({ denied: [{ reason: 'late' }] });
    expect(await client.handle(workflowId).trace()).toMatchObject({ status: 'completed' });
    await task.cancel();
    await task.result();
    expect(ranOf(harness)).toEqual([]);
  });

  it('INVARIANT E7: the undoing of a task that ended hands its question over, too', async () => {
    const harness = await start({
      steps: (step) => ({ calls: [step === 1 ? effect('book') : asks('pay')] }),
      compensate: () => ({ status: 'failed', message: 'no such booking' }),
    });
    const ended = await harness.run();
    await untilPending(ended);
    await workflowOf(harness, ended).terminate('by mistake');
    const { temporal } = harness.client;
    const undoable = await readUndoable(temporal, ended.taskId);
    const task = harness.client.handle(await startCompensation(temporal, undoable, undoable.undo));
    const before = await untilPending(task);

    await untilNewRun(harness, task);
    expect(await untilPending(task)).toEqual(before);
    await task.approve({ callId: before[0]?.id ?? '', note: 'called them' });

    expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'compensated' }] });
    expect(harness.platform.inputs.compensate).toHaveLength(1);
    const told = harness.platform.inputs.report.flatMap(({ events }) => events.map(({ id }) => id));
    expect(told.slice(-2)).toEqual([
      expect.stringMatching(/^[0-9a-f]{8}\/s1\.c1-[0-9a-f]{4}\/asked$/),
      expect.stringMatching(/^[0-9a-f]{8}\/s1\.c1-[0-9a-f]{4}\/decided$/),
    ]);
  });
});
