import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { ana, MODES, startHarness } from '../support/harness.ts';

describe('the limit on concurrent model calls', () => {
  it.each(MODES)('holds over all workers ($name)', async ({ maxCachedWorkflows }) => {
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.' });
    let most = 0;
    const harness = await startHarness({
      agents: [agent],
      maxCachedWorkflows,
      script: () => {
        most = Math.max(most, harness.model.inFlight());
        return { text: 'done', delayMs: 100 };
      },
      model: { maxConcurrent: 2 },
    });
    await harness.startWorker();
    await harness.startWorker();
    const spec = { agent: 'clerk', goal: 'work', principal: ana };

    const tasks = await Promise.all(
      Array.from({ length: 12 }, () => harness.client.start(spec, { taskId: harness.newTaskId() })),
    );
    const outcomes = await Promise.all(tasks.map((task) => task.result()));

    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 'completed'));
    expect(most).toBe(2);
  });
});
