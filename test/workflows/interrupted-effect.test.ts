import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';

type Run = (context: ToolContext, execution: number) => Promise<unknown>;

describe.each(MODES)('interrupted effects ($name)', ({ maxCachedWorkflows }) => {
  /** A task whose one effect is under way. */
  const start = async (
    run: Run,
    options: { idempotent?: boolean; effect?: 'read' | 'write'; timeout?: '200ms' } = {},
  ) => {
    const keys: string[] = [];
    const tool = defineTool({
      name: 'act',
      description: 'Act',
      effect: options.effect ?? 'write',
      ...(options.idempotent === undefined ? {} : { idempotent: options.idempotent }),
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      input: z.object({}),
      execute: (_, context) => {
        keys.push(context.idempotencyKey);
        return run(context, keys.length);
      },
    });
    const harness = await startHarness({
      agents: [defineAgent({ name: 'clerk', instructions: 'Work.', tools: [tool] })],
      script: [{ calls: [{ tool: 'act', args: {} }] }, { text: 'done' }],
      maxCachedWorkflows,
      temporal: { shutdownGraceTime: '100ms' },
    });
    const task = await harness.client.start(
      { agent: 'clerk', goal: 'x', principal: ana },
      { taskId: harness.newTaskId() },
    );
    await until(() => keys.length > 0 || undefined, 'the tool runs');
    return { ...harness, task, keys };
  };

  const untilAborted = ({ signal }: ToolContext): Promise<unknown> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gave up'))));

  describe('a task that is cancelled while an effect runs', () => {
    it('records what the tool says it did on its way out', async () => {
      const { task } = await start(
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('done all the same'))),
      );

      await task.cancel();

      expect(await task.result()).toMatchObject({
        status: 'cancelled',
        effects: [{ callId: 's1.c1', status: 'succeeded' }],
      });
    });

    it('records an effect as unknown where the tool gives up, and asks nobody', async () => {
      const { task } = await start(untilAborted);

      await task.cancel();

      expect(await task.result()).toMatchObject({
        status: 'cancelled',
        effects: [{ callId: 's1.c1', status: 'unknown' }],
      });
    });

    it('does not wait for a tool that ignores its signal', async () => {
      const { task } = await start(() => new Promise(() => undefined));

      await task.cancel();

      expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'unknown' }] });
    });

    it('keeps an unknown effect in the outcome when it is cancelled while a person is asked about it', async () => {
      const { task } = await start(() => new Promise(() => undefined), { timeout: '200ms' });
      await untilPending(task);

      await task.cancel();

      expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'unknown' }] });
    });
  });

  describe('a worker that shuts down while an effect runs', () => {
    it('leaves an idempotent one to the next worker, under the same key', async () => {
      const { task, keys, stopWorker, startWorker } = await start(
        (context, execution) => (execution === 1 ? untilAborted(context) : Promise.resolve('done')),
        {
          idempotent: true,
        },
      );

      await stopWorker();
      await startWorker();

      expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'succeeded' }] });
      expect(keys).toHaveLength(2);
      expect(new Set(keys).size).toBe(1);
    });

    it('INVARIANT E3: never repeats one that is not; a person is asked', async () => {
      const { task, keys, stopWorker, startWorker } = await start(untilAborted);

      await stopWorker();
      await startWorker();
      const [pending] = await untilPending(task);

      expect(pending).toMatchObject({ kind: 'effect' });
      expect(keys).toHaveLength(1);
      await task.deny();
      expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'failed' }] });
    });
  });
});
