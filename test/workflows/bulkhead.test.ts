import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, startHarness } from '../support/harness.ts';

describe('a tool with a bulkhead', () => {
  it('runs on its own task queue, effects and reads alike', async () => {
    const taskQueue = `slow-${randomUUID()}`;
    const make = (name: string, effect: 'read' | 'write') =>
      defineTool({ name, description: name, effect, taskQueue, input: z.object({}), execute: () => name });
    const agent = defineAgent({
      name: 'clerk',
      instructions: 'Work.',
      tools: [make('scan', 'read'), make('print', 'write')],
    });
    const { client, newTaskId } = await startHarness({
      agents: [agent],
      script: [{ calls: [{ tool: 'scan' }, { tool: 'print' }] }, { text: 'done' }],
    });
    const task = await client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: newTaskId() });

    expect((await task.result()).status).toBe('completed');

    const { events } = await client.temporal.workflow.getHandle(task.taskId).fetchHistory();
    const queues = events?.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'execute' ? [scheduled.taskQueue?.name] : [],
    );
    expect(queues).toEqual([taskQueue, taskQueue]);
  });

  it('runs as many calls at a time as it says, over all tasks', async () => {
    let running = 0;
    let most = 0;
    const scan = defineTool({
      name: 'scan',
      description: 'Scan',
      effect: 'write',
      idempotent: true,
      maxConcurrent: 2,
      input: z.object({}),
      execute: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 200));
        running -= 1;
        return 'scanned';
      },
    });
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: [scan] });
    const { client, newTaskId } = await startHarness({
      agents: [agent],
      script: [{ calls: [{ tool: 'scan' }] }, { text: 'done' }],
    });
    const tasks = await Promise.all(
      Array.from({ length: 6 }, () =>
        client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: newTaskId() }),
      ),
    );

    const outcomes = await Promise.all(tasks.map((task) => task.result()));

    expect(outcomes.map(({ effects }) => effects[0]?.status)).toEqual(Array.from({ length: 6 }, () => 'succeeded'));
    expect(most).toBe(2);
  });
});
