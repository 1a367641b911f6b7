import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';

type Fields = Partial<ToolDefinition<z.ZodType, z.ZodType>>;

const makeAct = (fields: Fields) =>
  defineTool({
    name: 'act',
    description: 'Act',
    effect: 'write',
    input: z.object({ n: z.number().optional() }),
    execute: () => 'done',
    ...fields,
  });

const startTask = async (fields: Fields, script: Parameters<typeof startHarness>[0]['script']) => {
  const harness = await startHarness({
    agents: [defineAgent({ name: 'clerk', instructions: 'Work.', tools: [makeAct(fields)] })],
    script,
  });
  const start = () =>
    harness.client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: harness.newTaskId() });
  return { ...harness, start };
};

const act = (n = 0) => ({ calls: [{ tool: 'act', args: { n } }] });

describe('progress that a tool reports', () => {
  it('that is no JSON does not make its effect unknown', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const { start } = await startTask({ execute: (_, { heartbeat }) => (heartbeat(circular), heartbeat(1n), 'done') }, [
      act(),
      { text: 'done' },
    ]);

    const outcome = await (await start()).result();

    expect(outcome).toMatchObject({ status: 'completed', effects: [{ status: 'succeeded' }] });
  });

  it('after its time is up ends neither worker nor task', async () => {
    const { start } = await startTask(
      {
        timeout: '200ms',
        idempotent: false,
        execute: async (_, { heartbeat }) => {
          for (let n = 0; n < 25; n++) {
            await delay(100);
            heartbeat({ n });
          }
        },
      },
      [act(), { calls: [{ tool: 'ask_human', args: { question: 'Go on?' } }] }, { text: 'done' }],
    );
    const task = await start();
    await untilPending(task);
    await task.deny({ reason: 'it did not' });
    await untilPending(task);
    await delay(2_000);
    await task.answer({ text: 'yes' });

    expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ status: 'failed' }] });
  }, 20_000);
});

describe('a task that is cancelled while its call waits for its turn', () => {
  // `limit.ts`, `takeTurn`: the wait is aborted and thrown, the workflow hears of a lost activity. Proposed: an aborted wait ends
  // like `notBegun` in `pipeline.ts` (`failed`, nothing was done).
  it('has no unknown effect of what never began', async () => {
    const done: string[] = [];
    const { start } = await startTask(
      { rateLimit: { calls: 1, per: '10s' }, execute: (_, { callId }) => done.push(callId) },
      [act(1), act(2), { text: 'done' }],
    );
    const task = await start();
    await until(() => done.length > 0 || undefined, 'the first call ran');
    await until(async () => (await task.trace()).steps.length > 1 || undefined, 'the second call was proposed');
    await until(async () => (await task.status()).activity?.type === 'execute' || undefined, 'the second call waits');

    await task.cancel();

    const { effects } = await task.result();
    expect(done).toHaveLength(1);
    expect(effects.filter(({ status }) => status === 'unknown')).toEqual([]);
  }, 30_000);
});
