import * as wf from '@temporalio/workflow';
import type { VerifiedDecision } from '../activities/messages.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import { findDecision } from '../domain/find-decision.ts';
import type { Checked, DecisionMessage } from '../domain/messages.ts';
import type { Review } from '../domain/proposal.ts';
import { contentDigest } from '../domain/signed-decision.ts';
import type { Proof } from '../domain/votes.ts';
import { checks, readable, verifying } from './activities.ts';
import { situationOf } from './situation.ts';
import type { TaskState } from './state.ts';

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

/**
 * Signatures, and changed arguments, that are checked at the same time: whoever may send signals could send any number of them, and
 * the server takes only so many activities of one run.
 */
const MAX_CHECKS = 16;
const TOO_MANY = {
  signed: 'too many signed decisions are being checked; send it again',
  changed: 'too many changed arguments are being checked; send it again',
} as const;

const inputOf = (task: TaskState, pending: PendingDecision, message: DecisionMessage & { readonly token: string }) => {
  const { epoch, principal } = task.admitted.context;
  return {
    token: message.token,
    taskId: task.taskId,
    epoch,
    ...defined({ tenant: principal.tenant }),
    id: pending.id,
    digest: pending.digest,
    decision: message.name,
    content: contentDigest(message),
  };
};

/** Checks what people send in activities: signatures, and changed arguments. Never throws: an error in a signal handler fails the run. */
export class Proving {
  readonly #task: TaskState;
  #running = 0;
  #reviewing = 0;

  constructor(task: TaskState) {
    this.#task = task;
  }

  /** Whether one more may be checked now. Plain at once, so that a flood of them costs nothing. @returns why not */
  whyNotNow({ token }: DecisionMessage, isReviewed: boolean): string | undefined {
    if (token !== undefined) return this.#running < MAX_CHECKS ? undefined : TOO_MANY.signed;
    return !isReviewed || this.#reviewing < MAX_CHECKS ? undefined : TOO_MANY.changed;
  }

  /** INVARIANT A3: who sent a message, proven by its signature; it says exactly this about exactly this question. */
  async prove(pending: PendingDecision, message: DecisionMessage): Promise<Checked<Proof>> {
    const { token, by } = message;
    if (token === undefined) return refuse('the decision is not signed');
    if (this.#running >= MAX_CHECKS) return refuse(TOO_MANY.signed);
    this.#running += 1;
    const checked = this.#verify(pending, { ...message, token })
      .catch(() => undefined)
      .finally(() => {
        this.#running -= 1;
      });
    // Keys may be away for minutes; a task does not stay for a decision that cannot count any more.
    const answer = await Promise.race([checked, this.#gone(pending)]);
    const found = findDecision(this.#task.desk, { ...message, target: pending.id }, Date.now());
    if (!found.ok) return found;
    if (answer === undefined) return refuse('the signature could not be checked; send it again');
    const verified = readable(answer);
    if (!verified.ok) return refuse(verified.refusal);
    const { roles, issuer } = verified;
    if (by === undefined || by === verified.by) return { ok: true, value: { by: verified.by, issuer, roles } };
    return refuse(`"by" says ${JSON.stringify(by.slice(0, 80))}, and the signature is of ${verified.by}`);
  }

  async #gone({ id }: PendingDecision): Promise<undefined> {
    const { desk } = this.#task;
    const isGone = () => !desk.pending.some((pending) => pending.id === id);
    await wf.CancellationScope.nonCancellable(() => wf.condition(isGone));
    return undefined;
  }

  async #verify(
    pending: PendingDecision,
    message: DecisionMessage & { readonly token: string },
  ): Promise<VerifiedDecision> {
    const summary = `check who signed: ${message.name} ${pending.id}`;
    const input = inputOf(this.#task, pending, message);
    // INVARIANT E7: what is asked after a cancellation is decided by signature as well.
    return wf.CancellationScope.nonCancellable(() => verifying.verifyDecision.executeWithOptions({ summary }, [input]));
  }

  /** Edited arguments are validated and authorized before they count. @returns the review of what will run */
  async review(pending: PendingDecision, args: unknown): Promise<Checked<Review>> {
    if (this.#reviewing >= MAX_CHECKS) return refuse(TOO_MANY.changed);
    const call = { id: pending.callId, tool: pending.tool, args };
    const summary = `check edited arguments of ${pending.callId}`;
    const { context } = this.#task.admitted;
    const input = { context, call, situation: situationOf(this.#task) };
    this.#reviewing += 1;
    let answer: Review;
    try {
      answer = await checks.review.executeWithOptions({ summary }, [input]);
    } catch (error) {
      // Thrown on, it would end the task: an error in a signal handler fails the run.
      const why = wf.isCancellation(error) ? 'the task is being cancelled' : 'try again';
      return refuse(`the edited arguments could not be checked; ${why}`);
    } finally {
      this.#reviewing -= 1;
    }
    const review = readable(answer);
    if (review.verdict.outcome !== 'reject') return { ok: true, value: review };
    const reasons = review.verdict.reasons.map(({ message }) => message).join('; ');
    return refuse(`the edited arguments were refused: ${reasons}`);
  }
}
