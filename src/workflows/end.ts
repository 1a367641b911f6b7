import * as wf from '@temporalio/workflow';
import { explain, isFailureType } from '../domain/failures.ts';
import { cutText } from '../domain/json.ts';
import type { End, TaskState } from './state.ts';

/** The server terminates a run at 51,200 events or 50 MB; a task ends in its own words before that. */
const MAX_EVENTS = 45_000;
const MAX_BYTES = 45_000_000;
/** What undoing one effect may take, with a question to a person; it needs its room, too (INVARIANT E7). */
const UNDO_EVENTS = 30;
const UNDO_ROOM = 15_000;

/** Tells whether the run is close to where the server would terminate it. */
export const historyIsFull = ({ undo }: TaskState): boolean => {
  const { historyLength, historySize } = wf.workflowInfo();
  return historyLength > MAX_EVENTS - Math.min(UNDO_ROOM, undo.length * UNDO_EVENTS) || historySize > MAX_BYTES;
};

const REASON_BYTES = 4_000;

const failed = (reason: string): End => ({ status: 'failed', reason: cutText(reason, REASON_BYTES) });

/** An activity that gave up: by the task's limit, by a failure of the list, or by something else. */
const ofActivity = (error: wf.ActivityFailure, task: TaskState): End => {
  const { cause } = error;
  const isOutOfTime =
    error.retryState === 'TIMEOUT' || (cause instanceof wf.TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE');
  if (isOutOfTime && task.admission !== undefined) {
    const last = cause instanceof wf.ApplicationFailure ? ` (last: ${cause.message})` : '';
    const seconds = Math.round(task.admission.limits.durationMs / 1000);
    return { status: 'limit', reason: cutText(`limit duration reached: ${seconds} s${last}`, REASON_BYTES) };
  }
  if (cause instanceof wf.ApplicationFailure) return ofApplication(cause);
  return failed(`${error.activityType} gave no result: ${cause?.message ?? error.message}`);
};

const ofApplication = ({ type, message }: wf.ApplicationFailure): End =>
  failed(isFailureType(type) ? explain(type, message) : `${type ?? 'Error'}: ${message}`);

/**
 * The end that an error means. What is none of ours is a bug, and thrown on: Temporal keeps the run for the repaired code.
 */
export const describeFailure = (error: unknown, task: TaskState): End => {
  if (error instanceof wf.ContinueAsNew) throw error;
  if (wf.isCancellation(error)) return { status: 'cancelled', reason: 'the task was cancelled' };
  if (error instanceof wf.ActivityFailure) return ofActivity(error, task);
  if (error instanceof wf.ApplicationFailure) return ofApplication(error);
  throw error;
};
