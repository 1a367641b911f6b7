import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Script } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { makeTools, World } from './tools.ts';

// Continue-as-new is suggested by the server; this one does so early.
let server: Awaited<ReturnType<typeof startSpecialServer>>;
beforeAll(async () => {
  server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '60' });
});
afterAll(() => server.stop());

for (const { name: mode, maxCachedWorkflows } of MODES) {
  const start = async (script: Script) => {
    const world = new World();
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: Object.values(makeTools(world)) });
    return { world, ...(await startHarness({ agents: [agent], script, maxCachedWorkflows, address: server.address })) };
  };
  const spec = { agent: 'clerk', goal: 'work', principal: ana, limits: { steps: 100, toolCalls: 200 } };

  describe(`a task that continues as new (${mode})`, () => {
    it('keeps transcript, counts, effects and trace over its runs, and repeats nothing', async () => {
      const steps = 40;
      const { client, world, model, newTaskId } = await start(({ step }) =>
        step > steps
          ? { text: 'done' }
          : { calls: [{ tool: step % 10 === 0 ? 'note' : 'look', args: { what: `w${step}`, text: `n${step}` } }] },
      );
      const task = await client.start(spec, { taskId: newTaskId() });

      const outcome = await task.result();
      const trace = await task.trace();
      const { raw } = await client.temporal.workflow.getHandle(task.taskId).describe();

      expect(outcome).toMatchObject({ status: 'completed', usage: { steps: steps + 1, toolCalls: steps } });
      expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(outcome.runId);
      expect(outcome.effects.map(({ callId }) => callId)).toEqual(['s10.c1', 's20.c1', 's30.c1', 's40.c1']);
      expect(new Set(outcome.effects.map(({ key }) => key.split('/')[1])).size).toBe(1);
      expect(world.calls).toHaveLength(steps);
      expect(model.requests).toHaveLength(steps + 1);
      expect(trace.steps.map(({ n }) => n)).toEqual(Array.from({ length: steps + 1 }, (_, index) => index + 1));
      expect(trace.steps.every(({ calls }) => calls.every(({ result }) => result !== undefined))).toBe(true);
      expect((await task.prompt(35)).isVerified).toBe(true);
    });

    it('INVARIANT A4: an update that was processed before is not processed again by the next run', async () => {
      const { client, world, newTaskId } = await start(({ step }) =>
        step > 30
          ? { text: 'done' }
          : { calls: [{ tool: step === 1 || step === 25 ? 'pay' : 'look', args: { what: 'x', amount: step } }] },
      );
      const task = await client.start(spec, { taskId: newTaskId() });
      const workflow = client.temporal.workflow.getHandle(task.taskId);
      const [first] = await untilPending(task);
      const approve = { args: [{ id: first?.id }] as [unknown], updateId: 'approve-once' };
      await workflow.executeUpdate('approve', approve);
      const { runId } = await task.status();

      const [second] = await untilPending(task);
      expect((await task.status()).runId).not.toBe(runId);
      expect(second?.callId).toBe('s25.c1');
      await workflow.executeUpdate('approve', { ...approve, args: [{ id: second?.id }] });
      expect((await task.status()).pending).toHaveLength(1);
      await task.approve();

      expect((await task.result()).status).toBe('completed');
      expect(world.count('pay')).toBe(2);
    });

    it('hands over a limit of time that cut the model off before the clock had reached it', async () => {
      // The next attempt would come after the limit, so it ends early: the clock does not show that the time is up.
      const fault = { status: 500, headers: { 'retry-after-ms': '20000' } };
      const { client, model, newTaskId } = await start([{ fault, times: 1, text: 'done' }]);
      const short = { ...spec, limits: { duration: '10s' }, onLimit: 'escalate' as const };
      const task = await client.start(short, { taskId: newTaskId() });
      const before = await untilPending(task);
      const workflow = client.temporal.workflow.getHandle(task.taskId);
      const { runId } = await workflow.describe();

      await until(
        async () => {
          await workflow.signal('approve', 'nonsense');
          return (await workflow.describe()).runId !== runId || undefined;
        },
        'it goes on in a new run',
        50_000,
      );
      expect(await untilPending(task)).toEqual(before);
      expect(model.requests).toHaveLength(1);
      await task.approve({ callId: before[0]?.id ?? '' });

      expect(await task.result()).toMatchObject({ status: 'completed', output: 'done' });
      expect(model.requests).toHaveLength(2);
    });
  });
}
