import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness } from '../support/harness.ts';

it.each(MODES)(
  'INVARIANT H2: an answer that was paid for survives a failure of the activity after it, and so do the reads before it ($name)',
  async ({ maxCachedWorkflows }) => {
    let reviews = 0;
    let reads = 0;
    const look = defineTool({
      name: 'look',
      description: 'Look',
      effect: 'read',
      input: z.object({}),
      execute: () => {
        reads += 1;
        return 'seen';
      },
    });
    // A schema that throws is a bug on the worker: the review fails right after the model was paid.
    const write = defineTool({
      name: 'write',
      description: 'Write',
      effect: 'write',
      input: z.object({}).refine(() => {
        reviews += 1;
        if (reviews === 1) throw new Error('the rule store is away');
        return true;
      }),
      execute: () => 'written',
    });
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: [look, write] });
    const script = [
      { calls: [{ tool: 'look', args: {} }] },
      { calls: [{ tool: 'write', args: {} }] },
      { text: 'done' },
    ];
    const { client, model, newTaskId } = await startHarness({ agents: [agent], script, maxCachedWorkflows });

    const task = await client.start({ agent: 'clerk', goal: 'x', principal: ana }, { taskId: newTaskId() });

    expect(await task.result()).toMatchObject({
      status: 'completed',
      effects: [{ tool: 'write', status: 'succeeded' }],
    });
    expect(model.requests).toHaveLength(3);
    expect(reads).toBe(1);
  },
);
