import type { TaskHandle } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';

/** A question with everything a worker knows of it; where none answers, as the list has it: long arguments cut. */
export const readWhole = async (task: TaskHandle, pending: PendingDecision): Promise<PendingDecision> => {
  try {
    return await task.pendingDecision(pending.id, { whole: true });
  } catch {
    // Decided by now, no worker, no server: whoever decides is told by the task.
    return pending;
  }
};
