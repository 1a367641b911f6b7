import { Context } from '@temporalio/activity';
import { WithStartWorkflowOperation } from '@temporalio/client';
import type { ModelSlots } from '../models/slots.ts';
import type { modelSlots, SlotRequest } from '../workflows/model-slots.ts';

/** Slots that hold over all workers of a task queue: one workflow per model counts them. A request waits until it has one, or is cancelled. */
export const workflowSlots: ModelSlots = {
  acquire: async ({ model, signal, ...request }) => {
    const { client, info } = Context.current();
    const workflowId = `holdfast-model-slots/${info.taskQueue}/${model}`;
    for (;;) {
      signal.throwIfAborted();
      const startWorkflowOperation = new WithStartWorkflowOperation<typeof modelSlots>('modelSlots', {
        workflowId,
        taskQueue: info.taskQueue,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      const args: [SlotRequest] = [request];
      const isGranted = await client.workflow.executeUpdateWithStart<typeof modelSlots, boolean, [SlotRequest]>(
        'acquireSlot',
        { args, startWorkflowOperation },
      );
      if (isGranted) return () => client.workflow.getHandle(workflowId).signal('releaseSlot', request.holder);
    }
  },
};
