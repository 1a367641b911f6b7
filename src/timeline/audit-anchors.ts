import type { Client } from '@temporalio/client';
import type { TrailAnchor } from '../domain/audit-chain.ts';
import { HoldfastError } from '../domain/failures.ts';
import { isRecord } from '../domain/json.ts';
import { decodeAll, notFound, readTask } from './history.ts';

/** Where a task's audit trail stood, by its event history. */
export type RecordedAnchors = {
  /** The life of the task that the history is of; undefined when nothing of it was admitted yet. */
  readonly epoch: string | undefined;
  readonly anchors: readonly TrailAnchor[];
};

const anchorOf = (value: unknown): readonly TrailAnchor[] => {
  const anchor = isRecord(value) ? value['anchor'] : undefined;
  if (!isRecord(anchor)) return [];
  const { seq, hash } = anchor;
  return typeof seq === 'number' && typeof hash === 'string' ? [{ seq, hash }] : [];
};

const epochOf = (value: unknown): string | undefined => {
  const context = isRecord(value) ? value['context'] : undefined;
  const epoch = isRecord(context) ? context['epoch'] : undefined;
  return typeof epoch === 'string' ? epoch : undefined;
};

/**
 * Reads the anchors of a task's audit trail from its event history, over its chain of runs. Needs no worker.
 * @returns undefined when there is no history (any more)
 */
export const readAuditAnchors = async (client: Client, taskId: string): Promise<RecordedAnchors | undefined> => {
  let epoch: string | undefined;
  const anchors: TrailAnchor[] = [];
  try {
    for await (const { event } of readTask(client, taskId)) {
      const result = decodeAll(event.activityTaskCompletedEventAttributes?.result)[0];
      epoch ??= epochOf(result);
      // Reads give their results as a list, with the anchor on the last.
      anchors.push(...(Array.isArray(result) ? result : [result]).flatMap(anchorOf));
    }
  } catch (error) {
    // It may be deleted while it is read.
    const known = notFound(taskId, error);
    if (known instanceof HoldfastError && known.type === 'Task.NotFound') return undefined;
    throw known;
  }
  return { epoch, anchors };
};
