import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskHandle } from '../../src/client.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { ben, cat, makeRule, onlyPending, ranOf, workflowOf } from './desk-support.ts';
import { effect, type FakeCall, type FakeHarness, type FakeOptions, startFakes } from './fakes.ts';
import { sign, verifyFake } from './signing.ts';

const asks = (tool: string, fields: Partial<FakeCall> = {}) => effect(tool, { asks: true, ...fields });
const once =
  (...calls: FakeCall[]): FakeOptions['steps'] =>
  (step) =>
    step === 1 ? { calls } : { text: 'done' };

const reported = ({ platform }: FakeHarness) => platform.inputs.report.map(({ events }) => events.map(({ id }) => id));

/** Activities in the order in which they were scheduled, with the workflow task that did. */
const scheduledOf = async (harness: FakeHarness, task: TaskHandle) => {
  const { events } = await workflowOf(harness, task).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled, userMetadata }) =>
    scheduled
      ? [
          {
            type: scheduled.activityType?.name,
            by: String(scheduled.workflowTaskCompletedEventId),
            summary: JSON.parse(Buffer.from(userMetadata?.summary?.data ?? []).toString()) as string,
          },
        ]
      : [],
  );
};

describe.each(MODES)('what is told of the desk ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: FakeOptions) =>
    startFakes({
      maxCachedWorkflows,
      verifyDecision: verifyFake,
      ...options,
      admission: { approvalRules: [makeRule({ roles: [] })], reports: 'all', ...options.admission },
    });

  it('tells what is asked together, and every decision', async () => {
    const harness = await start({ steps: once(asks('first'), asks('second')) });
    const task = await harness.run();
    const [first = '', second = ''] = (await untilPending(task, 2)).map(({ id }) => id);
    await until(() => reported(harness).length === 1 || undefined, 'it was told');

    await task.approve({ callId: first, by: 'ben' });
    await until(() => reported(harness).length === 2 || undefined, 'it was told');
    await task.deny({ callId: second, reason: 'no' });
    await task.result();

    expect(reported(harness)).toEqual([
      [`${first}/asked`, `${second}/asked`],
      [`${first}/decided`],
      [`${second}/decided`],
    ]);
    const { events, context } = harness.platform.inputs.report[2] ?? {};
    expect(context).toMatchObject({ taskId: task.taskId, agent: 'clerk', principal: { id: 'ana' } });
    expect(events).toMatchObject([
      { kind: 'approval', rule: 'money', tool: 'second', human: { decision: 'denied', note: 'no', verified: false } },
    ]);
    expect(
      (await scheduledOf(harness, task)).filter(({ type }) => type === 'report').map(({ summary }) => summary),
    ).toEqual([`report: ${first} asked and 1 more`, `report: ${first} decided`, `report: ${second} decided`]);
  });

  it.each(['signal', 'update'] as const)(
    'never delays the approved call: it is scheduled with the ruling, before the report (%s)',
    async (by) => {
      const harness = await start({ steps: once(asks('pay')), admission: { reports: 'decisions' } });
      const task = await harness.run();
      const [pending] = await untilPending(task);
      const wire = `approve ${pending?.id.replace('-', ' ')}`;
      const workflow = workflowOf(harness, task);

      await (by === 'signal' ? workflow.signal(wire) : workflow.executeUpdate(wire, { args: [undefined] }));
      await task.result();

      const scheduled = await scheduledOf(harness, task);
      const types = scheduled.map(({ type }) => type);
      const at = types.indexOf('execute');
      expect(types.slice(0, at + 2)).toEqual(['admit', 'propose', 'execute', 'report']);
      expect(scheduled[at]?.by).toBe(scheduled[at + 1]?.by);
    },
  );

  it('nothing is told of a task that was admitted without it', async () => {
    const harness = await start({ steps: once(asks('pay')), admission: { reports: undefined } as never });
    const task = await harness.run();
    await untilPending(task);
    await task.approve();
    await task.result();

    expect(reported(harness)).toEqual([]);
  });

  it('tells decisions only, where nobody is notified', async () => {
    const harness = await start({
      steps: once(asks('pay'), asks('late'), asks('left')),
      admission: {
        reports: 'decisions',
        approvalRules: [
          makeRule({ name: 'short', when: { tools: ['late'] }, roles: [], expire: { afterMs: 500, then: 'deny' } }),
          makeRule({ roles: [], remindMs: 300 }),
        ],
      },
    });
    const task = await harness.run();
    await until(
      async () => (await task.trace()).events.some(({ type }) => type === 'expired') || undefined,
      'it expired',
    );
    await task.approve({ callId: 's1.c1' });
    await until(() => ranOf(harness).length === 1 || undefined, 'it runs');
    await task.cancel();
    await task.result();

    const types = harness.platform.inputs.report.flatMap(({ events }) =>
      events.map(({ type, tool }) => `${type} ${tool}`),
    );
    expect(types).toEqual(['expired late', 'decided pay', 'withdrawn left']);
  });

  it('tells of votes, and that a question took the place of another', async () => {
    const harness = await start({
      steps: once(asks('pay', { args: { amount: 1 } })),
      admission: { approvalRules: [makeRule({ quorum: 2 })] },
    });
    const task = await harness.run();
    const pending = await onlyPending(task);
    const args = { amount: 2 };
    await task.approve({ callId: pending.id, args, token: sign(ben, pending, { name: 'approve', args }) });
    const changed = await onlyPending(task);
    await task.approve({ callId: changed.id, token: sign(cat, changed, { name: 'approve' }) });
    await task.result();

    expect(reported(harness).flat()).toEqual([
      `${pending.id}/asked`,
      `${pending.id}/withdrawn`,
      `${changed.id}/asked`,
      `${changed.id}/voted/1`,
      `${changed.id}/decided`,
    ]);
    expect(harness.platform.inputs.execute).toMatchObject([{ call: { args } }]);
  });

  it('a store that is away delays no call and no decision, only the end; then all of it is told, in order', async () => {
    const gate = Promise.withResolvers<void>();
    const harness = await start({ steps: once(asks('pay')), report: () => gate.promise });
    const task = await harness.run();
    const [pending] = await untilPending(task);
    await task.approve();
    await until(async () => (await task.trace()).steps.length === 2 || undefined, 'the agent is done');
    expect(ranOf(harness)).toEqual(['execute s1.c1']);
    expect(reported(harness)).toEqual([[`${pending?.id}/asked`]]);
    expect((await task.status()).closedAt).toBeNull();

    gate.resolve();
    expect((await task.result()).status).toBe('completed');
    expect(reported(harness).flat()).toEqual([`${pending?.id}/asked`, `${pending?.id}/decided`]);
  });

  it('a report that fails for good fails no task', async () => {
    const harness = await start({
      steps: once(asks('pay')),
      report: (_, times) => {
        if (times === 1) throw ApplicationFailure.nonRetryable('no such table', 'Store.Broken');
      },
    });
    const task = await harness.run();
    const [pending] = await untilPending(task);
    const failed = await until(async () => {
      const { events } = await workflowOf(harness, task).query<{ events: { type: string; detail: unknown }[] }>(
        'trace',
      );
      return events.find(({ type }) => type === 'report_failed');
    }, 'the report failed');
    await task.approve();

    expect(failed.detail).toEqual({ events: [`${pending?.id}/asked`], reason: 'no such table' });
    expect((await task.result()).status).toBe('completed');
    expect(reported(harness).flat()).toEqual([`${pending?.id}/asked`, `${pending?.id}/decided`]);
  });
});

describe('what is told of the desk by a run that takes over', () => {
  let server: Awaited<ReturnType<typeof startSpecialServer>>;
  beforeAll(async () => {
    server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '45' });
  });
  afterAll(() => server.stop());

  it('tells again what the run before did not hear back of, by the same name', async () => {
    const gate = Promise.withResolvers<void>();
    const harness = await startFakes({
      steps: once(asks('pay')),
      address: server.address,
      admission: { approvalRules: [makeRule({ roles: [] })], reports: 'all' },
      report: (_, times) => (times === 1 ? gate.promise : undefined),
    });
    const task = await harness.run();
    const [pending] = await untilPending(task);
    const workflow = workflowOf(harness, task);
    const { runId } = await workflow.describe();

    await until(async () => {
      await workflow.signal('approve', 'nonsense');
      return (await workflow.describe()).runId !== runId || undefined;
    }, 'it goes on in a new run');
    await task.approve({ callId: pending?.id ?? '' });
    await task.result();
    gate.resolve();

    const ids = reported(harness);
    expect(ids[0]).toEqual([`${pending?.id}/asked`]);
    expect(new Set(ids.slice(1).flat())).toEqual(new Set([`${pending?.id}/asked`, `${pending?.id}/decided`]));
  });
});
