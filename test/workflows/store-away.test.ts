import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startPostgres } from '../../src/dev/postgres.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, startHarness, until } from '../support/harness.ts';

/** A control store that can be stopped and comes back at the same place with what it held. */
const startOwnStore = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-store-away-'));
  let server = await startPostgres({ dataDir, port: 0, log: () => undefined });
  const { port, url } = server;
  onTestFinished(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true });
  });
  return {
    url,
    stop: () => server.stop(),
    restart: async () => {
      server = await startPostgres({ dataDir, port, log: () => undefined });
    },
  };
};

const makeAgent = (done: string[]) =>
  defineAgent({
    name: 'clerk',
    instructions: 'Work.',
    tools: [
      defineTool({
        name: 'look',
        description: 'Look',
        effect: 'read',
        input: z.object({}),
        execute: () => {
          done.push('look');
          return 'seen';
        },
      }),
      defineTool({
        name: 'pay',
        description: 'Pay',
        effect: 'write',
        input: z.object({}),
        execute: () => {
          done.push('pay');
          return 'paid';
        },
      }),
    ],
  });

describe('while the control store is away', () => {
  it('no call passes unchecked, the answer that was paid for is kept, and the task goes on when it is back', async () => {
    const store = await startOwnStore();
    const done: string[] = [];
    const { client, model, newTaskId } = await startHarness({
      agents: [makeAgent(done)],
      store: store.url,
      script: [
        { calls: [{ tool: 'look', args: {} }], delayMs: 1_000 },
        { calls: [{ tool: 'pay', args: {} }] },
        { text: 'done' },
      ],
    });
    const task = await client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: newTaskId() });
    await until(() => model.inFlight() === 1 || undefined, 'the model is asked');

    await store.stop();
    await until(() => model.inFlight() === 0 || undefined, 'the model has answered');
    const { status } = await task.status();
    const before = [...done];
    await store.restart();

    expect(status).toBe('running');
    expect(before).toEqual([]);
    expect((await task.result()).status).toBe('completed');
    expect(done).toEqual(['look', 'pay']);
    expect(model.requests).toHaveLength(3);
  });

  it('a cancellation still ends the task', async () => {
    const store = await startOwnStore();
    const done: string[] = [];
    const { client, model, newTaskId } = await startHarness({
      agents: [makeAgent(done)],
      store: store.url,
      script: [{ calls: [{ tool: 'pay', args: {} }], delayMs: 500 }],
    });
    const task = await client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: newTaskId() });
    await until(() => model.inFlight() === 1 || undefined, 'the model is asked');
    await store.stop();
    await until(() => model.inFlight() === 0 || undefined, 'the model has answered');

    await task.cancel();

    expect((await task.result()).status).toBe('cancelled');
    expect(done).toEqual([]);
    await store.restart();
  });
});
