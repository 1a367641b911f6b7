import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskHandle } from '../../src/client.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { makeRule, ranOf, workflowOf } from './desk-support.ts';
import { effect, type FakeHarness, startFakes } from './fakes.ts';

// Continue-as-new is suggested by the server; this one does so early.
let server: Awaited<ReturnType<typeof startSpecialServer>>;
beforeAll(async () => {
  server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '45' });
});
afterAll(() => server.stop());

const anybody = makeRule({ name: 'anybody', roles: [] });
const soon = makeRule({ name: 'soon', roles: [], expire: { afterMs: 1_500, then: 'fallback' } });

/** Sends what counts for nothing, until the run has a successor. */
const untilNewRun = async (harness: FakeHarness, task: TaskHandle): Promise<void> => {
  const workflow = workflowOf(harness, task);
  const { runId } = await workflow.describe();
  await until(async () => {
    await workflow.signal('approve', 'nonsense');
    return (await workflow.describe()).runId !== runId;
  }, 'it goes on in a new run');
};

describe.each(MODES)('a task that ends by a question that nobody decided ($name)', ({ maxCachedWorkflows }) => {
  it('ends so in the next run as well: what was approved beside it does not run any more', async () => {
    const harness = await startFakes({
      steps: () => ({
        calls: [effect('pay', { asks: true, rule: anybody }), effect('send', { asks: true, rule: soon })],
      }),
      maxCachedWorkflows,
      address: server.address,
      admission: { approvalRules: [anybody], fallback: { output: { answer: 'unknown' } } },
    });
    const task = await harness.run();
    const [first] = await untilPending(task, 2);
    await task.pause();
    await task.approve({ callId: first?.id ?? '' });
    await untilPending(task, 0);

    await untilNewRun(harness, task);
    await task.resume();

    expect(await task.result()).toMatchObject({ status: 'fallback', output: { answer: 'unknown' } });
    expect(ranOf(harness)).toEqual([]);
  });
});
