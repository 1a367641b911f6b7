import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Script } from '../../src/testing/index.ts';
import { wait } from '../../src/tools/built-in/wait.ts';
import { type AgentDefinition, defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness, untilPending } from '../support/harness.ts';
import { makeTools, World } from './tools.ts';

const look = (what = 'x') => ({ tool: 'look', args: { what } });

for (const { name: mode, maxCachedWorkflows } of MODES) {
  const start = async (script: Script, spec: Record<string, unknown> = {}, agent: Partial<AgentDefinition> = {}) => {
    const world = new World();
    const tools = [...Object.values(makeTools(world)), wait];
    const defined = defineAgent({ name: 'clerk', instructions: 'Work.', tools, ...agent });
    const harness = await startHarness({ agents: [defined], script, maxCachedWorkflows });
    const task = await harness.client.start(
      { agent: 'clerk', goal: 'work', principal: ana, ...spec },
      { taskId: harness.newTaskId() },
    );
    return { task, world, ...harness };
  };

  describe(`when a person is asked about the task itself (${mode})`, () => {
    it('is at half of the tokens that the task is given, by default', async () => {
      const usage = { inputTokens: 300, outputTokens: 10 };
      const script: Script = ({ step }) => ({
        usage,
        ...(step < 4 ? { calls: [look(`w${step}`)] } : { text: 'done' }),
      });
      const { task } = await start(script, { limits: { tokens: 1_300 } });

      const [pending] = await untilPending(task);
      expect(pending?.reasons).toEqual([
        { code: 'review_point', message: '71 % of the budget is used: 930 of 1300 tokens, after 3 steps' },
      ]);
      await task.approve();

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 4 } });
    });

    it('is never before the limit where the task says so, or nobody limits what it may cost', async () => {
      const usage = { inputTokens: 900, outputTokens: 0 };
      const limited = await start([{ calls: [look()], usage }, { text: 'done' }], {
        limits: { tokens: 1_000 },
        reviewAt: 1,
      });
      const free = await start([{ calls: [look()], usage: { inputTokens: 150_000 } }, { text: 'done' }]);

      expect((await limited.task.result()).status).toBe('completed');
      expect((await free.task.result()).status).toBe('completed');
    });

    it('is when it calls the same with the same result for the third time, and the words show it', async () => {
      const { task, world } = await start(({ step }) => (step <= 5 ? { calls: [look()] } : { text: 'done' }));

      const [pending] = await untilPending(task);
      expect(pending?.reasons).toEqual([
        { code: 'loop', message: 'look with the same arguments and the same result, 3 times' },
      ]);
      expect(world.count('look')).toBe(3);
      await task.deny({ reason: 'stop it' });

      expect(await task.result()).toMatchObject({ status: 'rejected', reason: expect.stringContaining('stop it') });
    });

    it('is not when it polls with waits', async () => {
      const { task } = await start(({ step }) =>
        step <= 6 ? { calls: [look(), { tool: 'wait', args: { duration: '1ms' } }] } : { text: 'done' },
      );

      expect((await task.result()).status).toBe('completed');
    });

    it('is before its answer counts, where the agent says so', async () => {
      const { task } = await start(
        [{ json: { colour: 'red' } }, { json: { colour: 'blue' } }],
        {},
        {
          reviewOutput: true,
          output: z.object({ colour: z.string() }),
        },
      );

      const [first] = await untilPending(task);
      expect(first?.args).toEqual({ output: { colour: 'red' } });
      await task.deny({ ...(first === undefined ? {} : { callId: first.id }), reason: 'not red' });
      await task.approve({ callId: await untilCall(task, 's2') });

      expect(await task.result()).toMatchObject({ status: 'completed', output: { colour: 'blue' } });
    });
  });

  describe(`a limit of time (${mode})`, () => {
    it('that cuts a proposal off is asked about, and the agent proposes again, as the next step', async () => {
      const { task, model } = await start([{ fault: 'hang', times: 1, text: 'done' }], {
        limits: { duration: '3s' },
        onLimit: 'escalate',
      });

      const [pending] = await untilPending(task);
      expect(pending?.reasons[0]?.message).toContain('limit duration reached: 3 s');
      expect(pending?.share?.['durationMs']).toBeGreaterThanOrEqual(1_500);
      await task.approve({ args: { duration: '1m' } });

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 1 } });
      expect(model.requests).toHaveLength(2);
      expect((await task.trace()).steps.map(({ n }) => n)).toEqual([2]);
    });

    it('that cuts the choice of grants off is asked about, and the task never runs with wider ones', async () => {
      const grants = { format: 'minimal_grants', json: { grants: [{ tool: 'look', args: {} }] } } as const;
      const { task, model } = await start(
        [
          { ...grants, fault: 'hang', times: 1 },
          { calls: [{ tool: 'note', args: { text: 'n' } }, look()] },
          { text: 'done' },
        ],
        { limits: { duration: '3s' }, onLimit: 'escalate', grants: 'minimal' },
      );

      await untilPending(task);
      expect(model.requests.map(({ format }) => format)).toEqual(['minimal_grants']);
      await task.approve({ args: { duration: '1m' } });

      expect(await task.result()).toMatchObject({ status: 'completed' });
      const [first] = (await task.trace()).steps;
      expect(first?.calls.map(({ verdict }) => verdict.outcome)).toEqual(['reject', 'allow']);
    });

    it('that cuts reads off is asked about, and each of the calls has a result that says so', async () => {
      let isSlow = true;
      const slow = defineTool({
        name: 'slow',
        description: 'Takes its time',
        effect: 'read',
        input: z.object({}),
        execute: async (_, { signal }) => {
          if (!isSlow) return 'quick';
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')));
          });
          return 'never';
        },
      });
      const world = new World();
      const { note } = makeTools(world);
      const { task, model } = await start(
        [
          { calls: [{ tool: 'slow' }, { tool: 'note', args: { text: 'n' } }] },
          { calls: [{ tool: 'slow' }] },
          { text: 'done' },
        ],
        { limits: { duration: '4s' }, onLimit: 'escalate' },
        { tools: [slow, note] },
      );

      await untilPending(task);
      isSlow = false;
      await task.approve({ args: { duration: '1m' } });

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 3 } });
      expect(world.calls).toEqual([]);
      expect(JSON.stringify(model.requests[1]?.body)).toContain('It was not run: limit duration reached');
    });

    it('ends the task with its fallback, where the agent has one for it', async () => {
      const { task } = await start(
        [{ fault: 'hang' }],
        { limits: { duration: '3s' }, onLimit: 'fallback' },
        {
          fallback: { output: 'ask again tomorrow' },
        },
      );

      expect(await task.result()).toMatchObject({
        status: 'fallback',
        output: 'ask again tomorrow',
        reason: expect.stringContaining('limit duration reached: 3 s'),
      });
    });
  });

  it(`a fallback that the agent does not have is refused in words (${mode})`, async () => {
    const { task } = await start([{ text: 'done' }], { onLimit: 'fallback' });

    expect(await task.result()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('the fallback of agent clerk cannot be used: it has none'),
    });
  });
}

const untilCall = async (task: Parameters<typeof untilPending>[0], callId: string): Promise<string> => {
  for (;;) {
    const pending = (await untilPending(task))[0];
    if (pending?.callId === callId) return pending.id;
  }
};
