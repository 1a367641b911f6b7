import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MODES } from '../support/waiting.ts';
import { makeRule, onlyPending, pay, ranOf, startDesk, untilPage, workflowOf } from './desk-support.ts';

const anybody = makeRule({ roles: [] });

describe.each(MODES)('a signal of a name that the SDK keeps for itself ($name)', ({ maxCachedWorkflows }) => {
  it('is ignored like every other one that means nothing, and wedges nothing', async () => {
    const harness = await startDesk([[pay()]], anybody, { maxCachedWorkflows });
    const task = await harness.run();
    const pending = await onlyPending(task);
    const workflow = workflowOf(harness, task);

    await workflow.signal('__temporal_x', { by: 'ben' });
    await untilPage(harness, task, 'no decision of that name is pending');
    await task.approve({ callId: pending.id });

    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(ranOf(harness)).toEqual(['execute s1.c1']);
  });

  it('is ignored also where it comes before the first line of the task', async () => {
    const harness = await startDesk([[pay()]], anybody, { maxCachedWorkflows });
    await harness.stopWorker();
    const taskId = `t-${randomUUID()}`;
    const task = await harness.run({}, taskId);
    await workflowOf(harness, task).signal('__temporal_x');
    await harness.startWorker();

    const pending = await onlyPending(task);
    await task.deny({ callId: pending.id });

    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(ranOf(harness)).toEqual([]);
  });
});
