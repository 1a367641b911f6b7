import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { NON_RETRYABLE } from '../domain/failures.ts';
import type { RunPlan } from '../domain/proposal.ts';

const nonRetryableErrorTypes = [...NON_RETRYABLE];

/** About 45 s of a provider that is down, longer where it says itself when to come back. */
const MODEL_ATTEMPTS = 8;
/** Longest time for one model call with the reads before it. */
const PROPOSE_TIMEOUT_MS = 15 * 60_000;
/** Time for the platform's own work around a tool. */
const GRACE_MS = 5_000;

/**
 * An activity's result, read. Where a worker lacks the means to read it, the workflow task fails and is tried again:
 * going on with less than the history holds would be another task.
 */
export const readable = <T extends object>(result: T): T => {
  if (typeof result !== 'object')
    throw new TypeError('an activity result in the history cannot be read by this worker');
  return result;
};

/** The first activity: it has no admission to go by, so its bounds are fixed. */
export const admission = proxyActivities<Pick<Activities, 'admit'>>({
  startToCloseTimeout: '10s',
  // About 45 s of a worker that cannot admit; nothing is tried for ever.
  retry: { initialInterval: '200ms', maximumInterval: '10s', maximumAttempts: 10, nonRetryableErrorTypes },
});

/** A quick check without effects. */
export const checks = proxyActivities<Pick<Activities, 'review'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '2s', maximumAttempts: 5, nonRetryableErrorTypes },
});

/**
 * Thinking. The time that is left of the limit `duration` bounds it from outside: no timer, so no events for it.
 * @param leftMs of the limit
 */
export const thinking = (leftMs: number, heartbeatTimeoutMs: number) =>
  proxyActivities<Pick<Activities, 'propose' | 'read'>>({
    startToCloseTimeout: PROPOSE_TIMEOUT_MS,
    scheduleToCloseTimeout: Math.max(1, leftMs),
    heartbeatTimeout: heartbeatTimeoutMs,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: {
      initialInterval: '500ms',
      maximumInterval: '15s',
      maximumAttempts: MODEL_ATTEMPTS,
      nonRetryableErrorTypes,
    },
  });

/**
 * One call with effects. INVARIANT E3: what is not idempotent gets one attempt; a lost one is unknown.
 * The limit `duration` does not cut it off: an effect under way is not made unknown by a limit.
 */
export const acting = (plan: RunPlan, heartbeatTimeoutMs: number) => {
  const options: ActivityOptions = {
    startToCloseTimeout: plan.timeoutMs + GRACE_MS,
    heartbeatTimeout: heartbeatTimeoutMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '500ms',
      maximumInterval: '15s',
      maximumAttempts: plan.idempotent ? Math.max(plan.maxAttempts, 1) : 1,
      nonRetryableErrorTypes,
    },
  };
  return proxyActivities<Pick<Activities, 'execute'>>(options);
};
