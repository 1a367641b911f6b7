import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { AgentClient } from '../../src/client.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';
import { makeTools, World } from './tools.ts';

describe.each(MODES)('bad input ($name)', ({ maxCachedWorkflows }) => {
  const start = async (script: Parameters<typeof startHarness>[0]['script'] = [{ text: 'done' }]) => {
    const world = new World();
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: Object.values(makeTools(world)) });
    return { world, ...(await startHarness({ agents: [agent], script, maxCachedWorkflows })) };
  };

  const spec = { agent: 'clerk', goal: 'work', principal: ana };

  describe('a specification that the client refuses', () => {
    it.each([
      { name: 'an empty goal', spec: { ...spec, goal: '  ' }, type: 'Spec.Invalid', message: 'the goal is empty' },
      { name: 'no principal', spec: { agent: 'clerk', goal: 'x' }, type: 'Spec.Invalid', message: 'principal' },
      { name: 'a misspelt limit', spec: { ...spec, limits: { step: 3 } }, type: 'Spec.Invalid', message: 'limits' },
      {
        name: 'an endless limit',
        spec: { ...spec, limits: { steps: Number.POSITIVE_INFINITY } },
        type: 'Spec.Invalid',
        message: 'steps',
      },
      {
        name: 'an input of 3 MB',
        spec: { ...spec, input: 'x'.repeat(3_000_000) },
        type: 'Spec.TooLarge',
        message: 'at most',
      },
      { name: 'nothing', spec: undefined, type: 'Spec.Invalid', message: '' },
    ])('$name', async ({ spec: given, type, message }) => {
      const { client, newTaskId } = await start();
      const taskId = newTaskId();

      await expect(client.start(given as never, { taskId })).rejects.toMatchObject({
        type,
        message: expect.stringContaining(message),
      });
      await expect(client.handle(taskId).status()).rejects.toMatchObject({ type: 'Task.NotFound' });
    });

    it('a task id that does not fit', async () => {
      const { client } = await start();
      await expect(client.start(spec, { taskId: 'a b\nc' })).rejects.toMatchObject({ type: 'Spec.Invalid' });
    });
  });

  describe('a specification that any Temporal client started', () => {
    it.each([
      { name: 'nothing', args: [], reason: 'Spec.Invalid' },
      { name: 'a text', args: ['do it'], reason: 'Spec.Invalid' },
      { name: 'an unknown agent', args: [{ ...spec, agent: 'nobody' }], reason: 'this worker has clerk' },
      { name: 'an unknown field', args: [{ ...spec, grant: ['*'] }], reason: 'Spec.Invalid' },
      {
        name: 'an input nested 1,000 deep',
        args: [{ ...spec, input: JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`) as unknown }],
        reason: 'nested too deep',
      },
      { name: 'an input of 1 MB', args: [{ ...spec, input: 'x'.repeat(1_000_000) }], reason: 'Spec.TooLarge' },
      {
        name: 'an output schema that is none',
        args: [{ ...spec, output: { type: 'nonsense' } }],
        reason: 'Spec.Invalid',
      },
    ])('$name ends the task with a reason, at once', async ({ args, reason }) => {
      const { client, taskQueue, newTaskId } = await start();
      const workflowId = newTaskId();

      const outcome = await client.temporal.workflow.execute('agentTask', { args, workflowId, taskQueue });

      expect(outcome).toMatchObject({ taskId: workflowId, status: 'failed', reason: expect.stringContaining(reason) });
    });
  });

  describe('the same id twice', () => {
    it('is the same task, while it runs and after it has ended', async () => {
      const { client, model, newTaskId } = await start();
      const taskId = newTaskId();

      const [one, two] = await Promise.all([client.start(spec, { taskId }), client.start(spec, { taskId })]);
      const first = await one.result();
      const third = await client.start({ principal: ana, goal: 'work', agent: 'clerk' }, { taskId });

      expect(await two.result()).toEqual(first);
      expect(await third.result()).toEqual(first);
      expect(model.requests).toHaveLength(1);
    });

    it.each([
      { name: 'another goal', other: { ...spec, goal: 'something else' } },
      { name: 'another principal', other: { ...spec, principal: { id: 'eve' } } },
    ])('INVARIANT H4: is refused with $name, also after the end', async ({ other }) => {
      const { client, newTaskId } = await start();
      const taskId = newTaskId();
      const task = await client.start(spec, { taskId });

      await expect(client.start(other, { taskId })).rejects.toMatchObject({ type: 'Task.Conflict' });
      await task.result();
      await expect(client.start(other, { taskId })).rejects.toMatchObject({ type: 'Task.Conflict' });
    });
  });

  describe('messages that anyone may type', () => {
    const waiting = async () => {
      const harness = await start([{ calls: [{ tool: 'pay', args: { amount: 5 } }] }, { text: 'done' }]);
      const task = await harness.client.start(spec, { taskId: harness.newTaskId() });
      await untilPending(task);
      return { ...harness, task, workflow: harness.client.temporal.workflow.getHandle(task.taskId) };
    };

    const page = async (client: AgentClient, taskId: string): Promise<string> => {
      const metadata = await client.temporal.workflow
        .getHandle(taskId)
        .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      return metadata.currentDetails ?? '';
    };

    it.each([
      { name: 'approve', input: 'yes please' },
      { name: 'approve', input: [1, 2] },
      { name: 'approve', input: { callId: 's9.c9' } },
      { name: 'approve', input: { approved: true } },
      { name: 'approve', input: { args: JSON.parse(`{"a":${'['.repeat(1_000)}${']'.repeat(1_000)}}`) as unknown } },
      { name: 'deny', input: { reason: { deep: true } } },
      { name: 'answer', input: { text: 'blue' } },
      { name: 'pause', input: 'now' },
      { name: 'resume', input: 7 },
      { name: 'approve s9.c9 ffff', input: undefined },
      { name: 'no such signal', input: { x: 1 } },
    ])('the signal $name with $input changes nothing and is answered on the page', async ({ name, input }) => {
      const { client, world, task, workflow } = await waiting();

      await workflow.signal(name, ...(input === undefined ? [] : [input]));

      await until(
        async () => (await page(client, task.taskId)).includes('Signals that changed nothing') || undefined,
        'the page says so',
      );
      expect((await task.status()).pending).toHaveLength(1);
      expect(world.calls).toEqual([]);
      await task.approve();
      expect((await task.result()).status).toBe('completed');
    });

    it.each([
      {
        name: 'not JSON',
        payload: { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"callId": ') },
      },
      {
        name: 'an encoding nobody knows',
        payload: { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('xyz') },
      },
      { name: 'no encoding at all', payload: { data: Buffer.from('xyz') } },
      { name: 'bytes', payload: { metadata: { encoding: Buffer.from('binary/plain') }, data: Buffer.from([0, 1, 2]) } },
    ])('a payload that is $name does not wedge the task', async ({ payload }) => {
      const { client, task } = await waiting();

      await client.temporal.workflowService.signalWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: task.taskId },
        signalName: 'approve',
        input: { payloads: [payload] },
      });
      await task.approve();

      expect((await task.result()).status).toBe('completed');
    });

    it('a bad update is refused with the reason and leaves no event', async () => {
      const { task, client } = await waiting();
      const events = async () => (await client.temporal.workflow.getHandle(task.taskId).describe()).historyLength;
      const before = await events();

      await expect(task.approve({ callId: 's9.c9' })).rejects.toMatchObject({
        type: 'Decision.Refused',
        message: expect.stringContaining('s9.c9'),
      });
      await expect(task.answer({ text: 'blue' })).rejects.toMatchObject({ type: 'Decision.Refused' });
      await expect(task.deny({ reason: 'x'.repeat(20_000) })).rejects.toMatchObject({ type: 'Decision.Refused' });

      expect(await events()).toBe(before);
    });

    it('a decision after the end is refused, saying how it ended', async () => {
      const { task } = await waiting();
      const [pending] = (await task.status()).pending;
      await task.approve();
      await task.result();

      await expect(task.deny({ callId: pending?.id ?? '' })).rejects.toMatchObject({
        type: 'Decision.Refused',
        message: expect.stringContaining('ended'),
      });
    });

    it('a task that is not there', async () => {
      const { client } = await start();
      await expect(client.handle('nobody').approve()).rejects.toMatchObject({ type: 'Task.NotFound' });
      await expect(client.handle('nobody').trace()).rejects.toMatchObject({ type: 'Task.NotFound' });
      await expect(client.handle('nobody').result()).rejects.toMatchObject({ type: 'Task.NotFound' });
    });
  });

  describe('a namespace without search attributes', () => {
    it('runs the task all the same: an unregistered one must not wedge it', async () => {
      const { address } = inject('temporal');
      const namespace = `bare-${randomUUID().slice(0, 8)}`;
      const connection = await Connection.connect({ address });
      await connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
      });
      onTestFinished(() => connection.close());
      const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: [makeTools(new World()).pay] });
      const script = [{ calls: [{ tool: 'pay', args: { amount: 5 } }] }, { text: 'done' }];
      const { client } = await startHarness({ agents: [agent], script, namespace, maxCachedWorkflows });

      const task = await client.start(spec, { taskId: 'bare' });
      await untilPending(task);
      expect(await client.inbox()).toHaveLength(1);
      await task.approve();

      expect((await task.result()).status).toBe('completed');
      await expect(client.list({ agent: 'clerk' })).rejects.toMatchObject({
        type: 'Spec.Invalid',
        message: expect.stringContaining('doctor'),
      });
    });
  });

  describe('an unreachable server', () => {
    it('is named, with where its address came from', async () => {
      await expect(AgentClient.connect({ address: '127.0.0.1:9' })).rejects.toThrow(
        /127\.0\.0\.1:9 cannot be reached \(address from: option\)/,
      );
    });
  });
});
