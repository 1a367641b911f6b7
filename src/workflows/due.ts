import { cutText, isRecord } from '../domain/json.ts';
import { describeBudget, describeLimit, type ReachedLimit, reachedLimit, usedShare } from '../domain/limits.ts';
import { describeLoop, findLoop, type Loop } from '../domain/loops.ts';
import { historyIsFull } from './end.ts';
import type { TaskState } from './state.ts';

/** What stands between a task and its next step. `why` is in words. */
export type Due =
  | { readonly code: 'history'; readonly why: string }
  | { readonly code: 'limit'; readonly reached: ReachedLimit; readonly why: string }
  | { readonly code: 'review_point'; readonly reached: ReachedLimit; readonly why: string }
  | { readonly code: 'loop'; readonly loop: Loop; readonly why: string };

/** A question's reasons stand whole in the memo. */
const PROBLEM_BYTES = 2_000;

/** The limit of unusable proposals in words. The last one's problem is what a person has to go by. */
export const describeInvalid = ({ invalid, events }: TaskState): string => {
  const detail = events.findLast(({ type }) => type === INVALID)?.detail;
  const problem =
    isRecord(detail) && typeof detail['problem'] === 'string' ? cutText(detail['problem'], PROBLEM_BYTES) : 'unknown';
  return `limit invalidProposals reached: ${invalid} proposals in a row could not be used; the last one: ${problem}.`;
};

/** Type of the event of a proposal that could not be used. */
export const INVALID = 'invalid_proposal';

/** Of tasks whose limits a person may extend, unusable proposals are asked about here, before the next one. */
const tooManyInvalid = ({ invalid, admitted }: TaskState): ReachedLimit | undefined => {
  const max = admitted.limits.invalidProposals;
  return invalid < max ? undefined : { limit: 'invalidProposals', used: invalid, max };
};

/** The time was up in the middle of something. Known by that, not by the clock: a retry that would come too late ends it early. */
export const timeDue = ({ timeUp, admitted, activeMs }: TaskState): Due | undefined => {
  const reached = { limit: 'durationMs', used: activeMs, max: admitted.limits.durationMs } as const;
  return timeUp === undefined ? undefined : { code: 'limit', reached, why: timeUp };
};

const limitDue = (task: TaskState): Due | undefined => {
  const time = timeDue(task);
  if (time !== undefined) return time;
  const reached = reachedLimit(task.admitted.limits, task.usage, task.activeMs);
  if (reached !== undefined) return { code: 'limit', reached, why: describeLimit(reached) };
  const invalid = tooManyInvalid(task);
  return invalid && { code: 'limit', reached: invalid, why: describeInvalid(task) };
};

const loopDue = ({ admitted, loops, transcript }: TaskState): Due | undefined => {
  const loop = admitted.findsLoops === true ? findLoop(loops, transcript.items) : undefined;
  return loop === undefined ? undefined : { code: 'loop', loop, why: describeLoop(loop) };
};

/** The share of its budget that a task has used, where that is due for a review. */
export const usedBudget = ({ admitted, usage, isReviewed }: TaskState): ReachedLimit | undefined => {
  const { reviewPoint, limits } = admitted;
  return reviewPoint === undefined || isReviewed ? undefined : usedShare(limits, usage, reviewPoint);
};

const reviewDue = (task: TaskState): Due | undefined => {
  const reached = usedBudget(task);
  return reached && { code: 'review_point', reached, why: describeBudget(reached, task.usage.steps) };
};

/** Why a task ends whose history has no more room. */
export const HISTORY = 'limit history reached: the server ends a run that grows further';

/** What is to be settled before the next proposal; the first of it. All of it follows from what continue-as-new passes on. */
export const whatIsDue = (task: TaskState): Due | undefined =>
  historyIsFull(task) ? { code: 'history', why: HISTORY } : (limitDue(task) ?? loopDue(task) ?? reviewDue(task));
