import * as wf from '@temporalio/workflow';
import { explain, isFailureType } from '../domain/failures.ts';
import { cutText } from '../domain/json.ts';
import { Ending } from './ending.ts';
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

/** Of an outcome. */
export const REASON_BYTES = 4_000;

const failed = (reason: string): End => ({ status: 'failed', reason: cutText(reason, REASON_BYTES) });

/** How a task ends as `fallback`: with what its agent gives then. */
const asFallback = ({ admission }: TaskState, end: End): End => {
  const { fallback } = admission ?? {};
  return { ...end, status: 'fallback', ...(fallback === undefined ? {} : { output: fallback.output }) };
};

/** The end at a limit that nobody extends. */
export const limitEnd = (task: TaskState, words: string): End => {
  const reason = cutText(words, REASON_BYTES);
  return task.admission?.onLimit === 'fallback'
    ? asFallback(task, { status: 'fallback', reason })
    : { status: 'limit', reason };
};

/** What an activity that was cut off by the limit `duration` says, in words; undefined: the error is another one. */
export const describeTimeUp = (error: unknown, { admission }: TaskState): string | undefined => {
  if (!(error instanceof wf.ActivityFailure) || admission === undefined) return undefined;
  const { cause } = error;
  const isOutOfTime =
    error.retryState === 'TIMEOUT' || (cause instanceof wf.TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE');
  if (!isOutOfTime) return undefined;
  // What was under way at the end says nothing; the attempt before it does.
  const failure = cause instanceof wf.TimeoutFailure ? cause.cause : cause;
  const last = failure instanceof wf.ApplicationFailure ? ` (last: ${failure.message})` : '';
  const seconds = Math.round(admission.limits.durationMs / 1000);
  return cutText(`limit duration reached: ${seconds} s${last}`, REASON_BYTES);
};

/** An activity that gave up: by the task's limit, by a failure of the list, or by something else. */
const ofActivity = (error: wf.ActivityFailure, task: TaskState): End => {
  const { cause } = error;
  const timeUp = describeTimeUp(error, task);
  if (timeUp !== undefined) return limitEnd(task, timeUp);
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
  if (error instanceof Ending) return error.end.status === 'fallback' ? asFallback(task, error.end) : error.end;
  if (wf.isCancellation(error)) return { status: 'cancelled', reason: 'the task was cancelled' };
  if (error instanceof wf.ActivityFailure) return ofActivity(error, task);
  if (error instanceof wf.ApplicationFailure) return ofApplication(error);
  throw error;
};
