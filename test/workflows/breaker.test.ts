import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ToolError } from '../../src/gateway/tool-error.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness } from '../support/harness.ts';

describe.each(MODES)('a tool that keeps failing ($name)', ({ maxCachedWorkflows }) => {
  it('is taken off the offer, the model is told once, and a model that calls it all the same is told when to come back', async () => {
    const look = defineTool({
      name: 'look',
      description: 'Look',
      effect: 'read',
      input: z.object({ n: z.int() }),
      execute: () => Promise.reject(new ToolError('down', { kind: 'transient' })),
    });
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: [look] });
    const offered: boolean[] = [];
    const { client, model, newTaskId } = await startHarness({
      agents: [agent],
      maxCachedWorkflows,
      script: ({ step, tools }) => {
        offered.push(tools.includes('look'));
        return step <= 6 ? { calls: [{ tool: 'look', args: { n: step } }] } : { text: 'done' };
      },
    });
    const task = await client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: newTaskId() });

    const outcome = await task.result();
    const { events, steps } = await task.trace();

    expect(outcome.status).toBe('completed');
    expect(offered).toEqual([true, true, true, false, false, false, false]);
    expect(events.filter(({ type }) => type === 'breaker')).toHaveLength(1);
    expect(steps.map(({ calls }) => calls[0]?.result?.status)).toEqual([
      'failed',
      'failed',
      'failed',
      'rejected',
      'rejected',
      'rejected',
      undefined,
    ]);
    expect(model.requests).toHaveLength(7);
  });
});
