import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type {
  CompensateInput,
  ExecuteInput,
  ExecuteResult,
  NarrowGrantsInput,
  NarrowGrantsResult,
  ResolveInput,
} from '../activities/messages.ts';
import type { Compensated } from '../activities/ports.ts';
import type { Undo } from '../domain/compensation.ts';
import { NON_RETRYABLE } from '../domain/failures.ts';
import type { RunPlan } from '../domain/proposal.ts';

const nonRetryableErrorTypes = [...NON_RETRYABLE];

/** About 45 s of a provider that is down, longer where it says itself when to come back. */
const MODEL_ATTEMPTS = 8;
/** Longest time for one model call with the reads before it. */
const PROPOSE_TIMEOUT_MS = 15 * 60_000;
/** Time for the platform's own work around a tool. */
const GRACE_MS = 5_000;
/** Hours of a store that is away: a call waits for it, it never passes unchecked. The ledger says what is safe to repeat. */
const EFFECT_ATTEMPTS = 1_000;

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
  startToCloseTimeout: '30s',
  // A quarter of an hour of a store that is away (an attempt waits for it), five minutes of a worker that cannot admit;
  // nothing is tried for ever.
  retry: { initialInterval: '200ms', maximumInterval: '10s', maximumAttempts: 30, nonRetryableErrorTypes },
});

/** Who signed a decision. A signal is not sent again by itself, so keys that are away for some minutes are waited for. */
export const verifying = proxyActivities<Pick<Activities, 'verifyDecision'>>({
  startToCloseTimeout: '15s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', maximumAttempts: 60, nonRetryableErrorTypes },
});

/** A check without effects. Rules of the host, and before-images, may take some seconds each. */
export const checks = proxyActivities<Pick<Activities, 'review'>>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '200ms', maximumInterval: '2s', maximumAttempts: 5, nonRetryableErrorTypes },
});

type Thinking = Pick<Activities, 'propose' | 'read'> & {
  narrowGrants(input: NarrowGrantsInput): Promise<NarrowGrantsResult>;
};

/**
 * Thinking. The time that is left of the limit `duration` bounds it from outside: no timer, so no events for it.
 * @param leftMs of the limit
 */
export const thinking = (leftMs: number, heartbeatTimeoutMs: number) =>
  proxyActivities<Thinking>({
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
 * One call with effects. INVARIANTS E1, E3: what may be repeated is the ledger's to say, so a lost worker and a store that
 * is away are waited for; only what is lost after all of that is unknown.
 * The limit `duration` does not cut it off: an effect under way is not made unknown by a limit.
 */
export const acting = (plan: RunPlan, heartbeatTimeoutMs: number) => {
  const options: ActivityOptions = {
    startToCloseTimeout: plan.timeoutMs + GRACE_MS,
    heartbeatTimeout: heartbeatTimeoutMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '500ms',
      backoffCoefficient: 2,
      maximumInterval: '15s',
      maximumAttempts: EFFECT_ATTEMPTS,
      nonRetryableErrorTypes,
    },
    ...(plan.taskQueue === undefined ? {} : { taskQueue: plan.taskQueue }),
  };
  return proxyActivities<{ execute(input: ExecuteInput): Promise<ExecuteResult> }>(options);
};

/** Tells the store what happened at the desk. Nobody waits for it but the task's end; a store that is away is waited for. */
export const reporting = proxyActivities<Pick<Activities, 'report'>>({
  startToCloseTimeout: '30s',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '60s',
    maximumAttempts: EFFECT_ATTEMPTS,
    nonRetryableErrorTypes,
  },
});

/** Settles an unknown effect: one write to the store, which may be away for long. */
export const settling = proxyActivities<{ resolve(input: ResolveInput): Promise<ExecuteResult> }>({
  startToCloseTimeout: '30s',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '15s',
    maximumAttempts: EFFECT_ATTEMPTS,
    nonRetryableErrorTypes,
  },
});

/**
 * Undoes one effect. INVARIANT E7: no limit and no execution time-out cuts it off, and an outage is waited for, longer than
 * an effect waits: there is nothing better to do.
 */
export const undoing = ({ timeoutMs, taskQueue }: Undo, heartbeatTimeoutMs: number) =>
  proxyActivities<{ compensate(input: CompensateInput): Promise<Compensated> }>({
    // It may ask `reconcile` first, and then undo.
    startToCloseTimeout: 2 * timeoutMs + GRACE_MS,
    heartbeatTimeout: heartbeatTimeoutMs,
    retry: {
      initialInterval: '500ms',
      backoffCoefficient: 2,
      maximumInterval: '60s',
      maximumAttempts: EFFECT_ATTEMPTS,
      nonRetryableErrorTypes,
    },
    ...(taskQueue === undefined ? {} : { taskQueue }),
  });
