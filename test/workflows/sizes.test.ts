import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness, untilPending } from '../support/harness.ts';

const big = defineTool({
  name: 'big',
  description: 'A large text',
  effect: 'read',
  input: z.object({ n: z.number() }),
  execute: ({ n }) => String(n % 10).repeat(100_000),
});
const write = defineTool({
  name: 'write',
  description: 'Write a large text',
  effect: 'destructive',
  input: z.object({ text: z.string() }),
  execute: () => 'written',
});
const spec = {
  agent: 'clerk',
  goal: 'work',
  principal: ana,
  limits: { toolCalls: 500, steps: 500, tokens: 100_000_000 },
};

for (const { name: mode, maxCachedWorkflows } of MODES) {
  describe(`INVARIANT H1: large payloads (${mode})`, () => {
    const start = (script: Parameters<typeof startHarness>[0]['script']) =>
      startHarness({
        agents: [defineAgent({ name: 'clerk', instructions: 'Work.', tools: [big, write] })],
        script,
        maxCachedWorkflows,
      });

    it('eighty large reads at once end well', async () => {
      const calls = Array.from({ length: 80 }, (_, n) => ({ tool: 'big', args: { n } }));
      const { client, newTaskId } = await start([{ calls }, { text: 'done' }]);

      const task = await client.start(spec, { taskId: newTaskId() });

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { toolCalls: 80 } });
      expect((await task.prompt(2)).isVerified).toBe(true);
    });

    it('a transcript of several megabytes is fetched in pages by a worker that has lost it', async () => {
      const { client, newTaskId, startWorker } = await start(({ step }) =>
        step === 14
          ? { calls: [{ tool: 'write', args: { text: 'x' } }] }
          : step > 15
            ? { text: 'done' }
            : { calls: [1, 2, 3].map((n) => ({ tool: 'big', args: { n: 10 * step + n } })) },
      );
      const task = await client.start(spec, { taskId: newTaskId() });
      await untilPending(task);
      const fresh = await startWorker();
      await task.approve();

      expect((await task.result()).status).toBe('completed');
      await fresh.stop();
    });

    it('a pending decision with 60 KB of arguments fits memo, page and queries', async () => {
      const calls = [{ tool: 'write', args: { text: 'y'.repeat(60_000) } }];
      const { client, newTaskId } = await start([{ calls }, { text: 'done' }]);
      const task = await client.start(spec, { taskId: newTaskId() });

      const [pending] = await untilPending(task);
      expect(JSON.stringify(pending).length).toBeLessThan(10_000);
      await task.deny({ callId: pending?.id ?? '' });

      expect((await task.result()).status).toBe('completed');
    });
  });
}
