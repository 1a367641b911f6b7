import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSpecialServer } from '../support/special-server.ts';
import { until, untilPending } from '../support/waiting.ts';
import { makeRule, ranOf, workflowOf } from './desk-support.ts';
import { effect, startFakes } from './fakes.ts';

// Continue-as-new is suggested by the server; this one does so early.
let server: Awaited<ReturnType<typeof startSpecialServer>>;
beforeAll(async () => {
  server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '45' });
});
afterAll(() => server.stop());

/**
 * A worker that does not know the run yet is given a first workflow task without commands together with the update that follows;
 * whoever replays it later is given the two one after the other.
 */
it('a run that takes over while people are asked is replayed as it ran, also when an update follows at once', async () => {
  const harness = await startFakes({
    address: server.address,
    maxCachedWorkflows: 0,
    steps: (step) => (step === 1 ? { calls: [effect('pay', { asks: true })] } : { text: 'done' }),
    admission: { approvalRules: [makeRule({ roles: [] })], reports: 'all' },
  });
  const task = await harness.run();
  const [pending] = await untilPending(task);
  const workflow = workflowOf(harness, task);
  const { runId } = await workflow.describe();
  // One after the other is heard: none of them is left for the new run.
  const isIdle = async () => {
    const { raw, historyLength } = await workflow.describe();
    return (raw.pendingWorkflowTask == null && historyLength >= 4) || undefined;
  };
  while ((await workflow.describe()).runId === runId) {
    await workflow.signal('approve', 'nonsense');
    await until(isIdle, 'the message is heard');
  }

  await task.approve({ callId: pending?.id ?? '', by: 'ben' });

  expect(await task.result()).toMatchObject({ status: 'completed', usage: { toolCalls: 1 } });
  expect(ranOf(harness)).toEqual(['execute s1.c1']);
  const { events = [] } = await workflow.fetchHistory();
  expect(events?.filter(({ workflowTaskFailedEventAttributes: failed }) => failed != null)).toEqual([]);
});

it('INVARIANT A2: a question that is decided by what came with the start of a run leaves no door of its name open', async () => {
  const harness = await startFakes({
    address: server.address,
    steps: (step) =>
      step === 1
        ? { calls: [effect('pay', { asks: true }), effect('wire', { asks: true, args: { to: 'ben' } })] }
        : { text: 'done' },
    admission: { approvalRules: [makeRule({ roles: [] })] },
  });
  const task = await harness.run();
  const [pay, wire] = await untilPending(task, 2);
  const workflow = workflowOf(harness, task);
  const { runId } = await workflow.describe();
  while ((await workflow.describe()).runId === runId) await workflow.signal('approve', 'nonsense');
  await harness.stopWorker();
  // The same beginning again, with a message before its first line.
  const { events } = await workflow.fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const args = input.map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString('utf8')) as unknown);
  const { taskQueue } = harness;
  const again = await harness.client.temporal.workflow.start('agentTask', {
    args,
    taskQueue,
    workflowId: `${task.taskId}-2`,
  });
  await again.signal(`approve ${wire?.id.replace('-', ' ') ?? ''}`);
  await harness.startWorker();

  const doors = await until(async () => {
    const { definition } = await again.query<{ definition: { signalDefinitions: readonly { name: string }[] } }>(
      '__temporal_workflow_metadata',
    );
    return definition.signalDefinitions.map(({ name }) => name);
  }, 'it says what it listens to');

  expect(doors).toContain(`approve ${pay?.id.replace('-', ' ')}`);
  expect(doors.filter((name) => name.includes(wire?.id.replace('-', ' ') ?? '?'))).toEqual([]);
  await Promise.all([again.terminate(), workflow.terminate()]);
});
