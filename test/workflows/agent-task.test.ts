import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Script, ScriptedModel } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';
import { makeTools, World } from './tools.ts';

const call = (tool: string, args: Record<string, unknown>) => ({ tool, args });
const done = { text: 'all done' };

/** The last request to the model, with JSON in its texts as it reads it. */
const readTold = (model: ScriptedModel): string => JSON.stringify(model.requests.at(-1)?.body).replaceAll('\\"', '"');

for (const { name: mode, maxCachedWorkflows } of MODES) {
  const start = async (
    script: Script,
    options: { approval?: boolean; output?: z.ZodType; api?: 'responses' | 'chat' } = {},
  ) => {
    const world = new World();
    const { note, look, pay } = makeTools(world);
    const asked = withApproval(note, {
      requireConfirmation: ({ text }) => text.startsWith('prod') && 'writes to production',
    });
    const agent = defineAgent({
      name: 'clerk',
      instructions: 'Do what the goal says.',
      tools: [options.approval === true ? asked : note, look, pay],
      ...(options.output === undefined ? {} : { output: options.output }),
    });
    const harness = await startHarness({
      agents: [agent],
      script,
      maxCachedWorkflows,
      model: { api: options.api ?? 'responses' },
    });
    return { world, ...harness };
  };

  describe(`agentTask (${mode})`, () => {
    it.each(['responses', 'chat'] as const)('reads, writes and answers over the %s API', async (api) => {
      const script = [
        { calls: [call('look', { what: 'a' }), call('look', { what: 'b' })] },
        { calls: [call('look', { what: 'c' }), call('note', { text: 'n1' }), call('look', { what: 'd' })] },
        done,
      ];
      const { client, world, newTaskId } = await start(script, { api });

      const task = await client.start(
        { agent: 'clerk', goal: 'look and note', principal: ana },
        { taskId: newTaskId() },
      );
      const outcome = await task.result();

      expect(outcome).toMatchObject({
        status: 'completed',
        output: 'all done',
        usage: { steps: 3, toolCalls: 5 },
        effects: [{ callId: 's2.c2', tool: 'note', status: 'succeeded' }],
      });
      expect(world.calls.map(({ tool }) => tool)).toEqual(['look', 'look', 'look', 'note', 'look']);
      expect(world.calls.find(({ tool }) => tool === 'note')?.key).toBe(outcome.effects[0]?.key);
    });

    it('takes six events a step while it reads', async () => {
      const reads = Array.from({ length: 10 }, (_, n) => ({ calls: [call('look', { what: `w${n}` })] }));
      const { client, newTaskId } = await start([...reads, done]);

      const task = await client.start({ agent: 'clerk', goal: 'read', principal: ana }, { taskId: newTaskId() });
      await task.result();

      const { raw } = await client.temporal.workflow.getHandle(task.taskId).describe();
      expect(Number(raw.workflowExecutionInfo?.historyLength)).toBeLessThanOrEqual(11 * 6 + 14);
    });

    it('waits for a person, and runs what was approved', async () => {
      const script = [{ calls: [call('note', { text: 'prod change' })] }, done];
      const { client, world, newTaskId } = await start(script, { approval: true });
      const task = await client.start({ agent: 'clerk', goal: 'change', principal: ana }, { taskId: newTaskId() });

      const [pending] = await untilPending(task);
      expect(pending).toMatchObject({
        kind: 'approval',
        callId: 's1.c1',
        tool: 'note',
        args: { text: 'prod change' },
        reasons: [{ code: 'confirmation_required', message: 'writes to production' }],
      });
      expect(world.count('note')).toBe(0);
      await task.approve({ by: 'ben', note: 'fine' });
      const outcome = await task.result();

      expect(outcome.status).toBe('completed');
      expect(world.count('note')).toBe(1);
      const trace = await task.trace();
      expect(trace.steps[0]?.calls[0]).toMatchObject({
        verdict: { outcome: 'ask' },
        human: { decision: 'approved', by: 'ben', verified: false, note: 'fine' },
        result: { status: 'succeeded' },
      });
    });

    it('takes an approval as a plain signal with no input, as the UI sends it', async () => {
      const script = [{ calls: [call('note', { text: 'prod change' })] }, done];
      const { client, world, newTaskId } = await start(script, { approval: true });
      const task = await client.start({ agent: 'clerk', goal: 'change', principal: ana }, { taskId: newTaskId() });
      await untilPending(task);

      await client.temporal.workflow.getHandle(task.taskId).signal('approve');

      expect((await task.result()).status).toBe('completed');
      expect(world.count('note')).toBe(1);
    });

    it('takes a decision by the name of its own handler, which is gone afterwards', async () => {
      const script = [{ calls: [call('note', { text: 'prod 1' }), call('note', { text: 'prod 2' })] }, done];
      const { client, world, newTaskId } = await start(script, { approval: true });
      const task = await client.start({ agent: 'clerk', goal: 'change', principal: ana }, { taskId: newTaskId() });
      const [first, second] = await untilPending(task, 2);
      const workflow = client.temporal.workflow.getHandle(task.taskId);

      await workflow.signal('approve');
      await workflow.signal(`deny ${second?.id.replace('-', ' ')}`, { reason: 'not this one' });
      await untilPending(task, 1);
      await workflow.signal(`approve ${second?.id.replace('-', ' ')}`);
      await workflow.executeUpdate(`approve ${first?.id.replace('-', ' ')}`);
      const outcome = await task.result();

      expect(outcome.effects).toEqual([expect.objectContaining({ callId: 's1.c1', status: 'succeeded' })]);
      expect(world.calls.map(({ input }) => input)).toEqual([{ text: 'prod 1' }]);
    });

    it('gives a denial back to the model as the result of that call, with the reason', async () => {
      const script = [{ calls: [call('note', { text: 'prod change' })] }, done];
      const { client, world, model, newTaskId } = await start(script, { approval: true });
      const task = await client.start({ agent: 'clerk', goal: 'change', principal: ana }, { taskId: newTaskId() });
      await untilPending(task);

      await task.deny({ reason: 'too risky' });
      const outcome = await task.result();

      expect(outcome).toMatchObject({ status: 'completed', effects: [] });
      expect(world.count('note')).toBe(0);
      expect(readTold(model)).toContain('too risky');
    });

    it('runs edited arguments after they were validated, tells the model, and refuses invalid ones without a change', async () => {
      const script = [{ calls: [call('note', { text: 'prod change' })] }, done];
      const { client, world, model, newTaskId } = await start(script, { approval: true });
      const task = await client.start({ agent: 'clerk', goal: 'change', principal: ana }, { taskId: newTaskId() });
      await untilPending(task);

      await expect(task.approve({ args: { text: '' } })).rejects.toThrow(/edited arguments were refused/);
      expect((await task.status()).pending).toHaveLength(1);
      await task.approve({ args: { text: 'prod, edited' }, by: 'ben' });

      expect((await task.result()).status).toBe('completed');
      expect(world.calls.map(({ input }) => input)).toEqual([{ text: 'prod, edited' }]);
      expect((await task.trace()).steps[0]?.calls[0]?.human).toMatchObject({
        decision: 'edited',
        args: { text: 'prod, edited' },
      });
      expect(readTold(model)).toContain('It ran with: {"text":"prod, edited"}');
    });

    it('waits for a person before what cannot be taken back', async () => {
      const { client, world, newTaskId } = await start([{ calls: [call('pay', { amount: 5 })] }, done]);
      const task = await client.start({ agent: 'clerk', goal: 'pay', principal: ana }, { taskId: newTaskId() });

      const [pending] = await untilPending(task);
      expect(pending?.reasons).toMatchObject([{ code: 'destructive' }]);
      await task.approve();

      expect((await task.result()).status).toBe('completed');
      expect(world.count('pay')).toBe(1);
    });

    it('asks a person on the agent’s behalf and gives it the answer', async () => {
      const { client, model, newTaskId } = await start([
        { calls: [call('ask_human', { question: 'Which colour?' })] },
        done,
      ]);
      const task = await client.start({ agent: 'clerk', goal: 'paint', principal: ana }, { taskId: newTaskId() });

      const [pending] = await untilPending(task);
      expect(pending).toMatchObject({ kind: 'answer', question: 'Which colour?', may: ['answer', 'deny'] });
      await task.answer({ text: 'blue', by: 'ben' });

      expect((await task.result()).status).toBe('completed');
      expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('blue');
    });

    it('pauses before the next step, and resumes with guidance for the model', async () => {
      const { client, model, newTaskId } = await start([{ calls: [call('note', { text: 'prod' })] }, done], {
        approval: true,
      });
      const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });
      await untilPending(task);

      await task.pause('lunch');
      await task.approve();
      await until(async () => (await task.status()).status === 'paused' || undefined, 'it is paused');
      expect(model.requests).toHaveLength(1);
      await task.resume('be brief');

      expect((await task.result()).status).toBe('completed');
      expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('be brief');
    });

    it('ends with the outcome cancelled, and cancels the request under way', async () => {
      const { client, model, newTaskId } = await start([{ fault: 'hang' }]);
      const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });
      await until(() => model.inFlight() === 1 || undefined, 'the model is asked');

      await task.cancel();
      const outcome = await task.result();

      expect(outcome).toMatchObject({ status: 'cancelled', usage: { steps: 0 } });
      await until(() => model.aborted() === 1 || undefined, 'the request was given up');
    });

    it('ends with the outcome cancelled while a person is waited for', async () => {
      const { client, newTaskId } = await start([{ calls: [call('pay', { amount: 5 })] }, done]);
      const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });
      await untilPending(task);

      await task.cancel();

      expect((await task.result()).status).toBe('cancelled');
      expect((await client.inbox()).filter(({ taskId }) => taskId === task.taskId)).toEqual([]);
    });

    it('checks the final answer against the agent’s schema, and lets the model repair it', async () => {
      const output = z.object({ colour: z.enum(['red', 'blue']) });
      const { client, newTaskId } = await start(
        [{ text: '{"colour":"green"}' }, { text: '```json\n{"colour":"blue"}\n```' }],
        { output },
      );
      const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });

      expect(await task.result()).toMatchObject({
        status: 'completed',
        output: { colour: 'blue' },
        usage: { steps: 2 },
      });
    });

    it('gives up on a final answer that never meets the schema', async () => {
      const output = z.object({ colour: z.enum(['red', 'blue']) });
      const { client, newTaskId } = await start(() => ({ text: 'green' }), { output });
      const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });

      expect(await task.result()).toMatchObject({
        status: 'failed',
        reason: expect.stringContaining('Output.Invalid'),
        usage: { steps: 3 },
      });
    });

    it('is listed, shown in the inbox and gone from it once decided', async () => {
      const { client, newTaskId } = await start([{ calls: [call('pay', { amount: 5 })] }, done]);
      const principal = { id: newTaskId(), tenant: 'acme' };
      const task = await client.start({ agent: 'clerk', goal: 'pay five', principal }, { taskId: newTaskId() });
      await untilPending(task);

      const mine = { principal: principal.id };
      await until(async () => (await client.inbox(mine)).length === 1 || undefined, 'it is in the inbox');
      expect((await client.list({ ...mine, status: 'waiting' })).tasks).toMatchObject([
        { agent: 'clerk', goal: 'pay five', tenant: 'acme' },
      ]);
      await task.approve();
      await task.result();

      await until(
        async () => (await client.list({ ...mine, status: 'completed' })).tasks.length === 1 || undefined,
        'it is listed as completed',
      );
      expect(await client.inbox(mine)).toEqual([]);
    });
  });
}
