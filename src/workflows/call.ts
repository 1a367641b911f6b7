import * as wf from '@temporalio/workflow';
import type { Approval } from '../activities/messages.ts';
import type { Scope } from '../domain/approval-rule.ts';
import type { HumanDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import type { Ruling } from '../domain/desk.ts';
import { type Decision, parseArguments, type Reason, type Review } from '../domain/proposal.ts';
import type { RawCall, ResultItem } from '../domain/transcript.ts';
import { namesOf } from '../domain/votes.ts';

/** A proposed call with everything the loop needs of it. */
export type Call = {
  readonly raw: RawCall;
  readonly review: Review;
  readonly args: unknown;
  readonly decision: Decision | undefined;
};

/** One go at a call: as the model proposed it, or as a person approved it. */
export type Turn = {
  readonly review: Review;
  readonly args: unknown;
  readonly approval?: Approval;
  /** It was approved, and is asked about again: the tool is not the one that was approved. */
  readonly isToolChanged?: boolean;
};

/** Puts a call and its review together. */
export const toCall = (raw: RawCall, review: Review): Call => {
  const parsed = parseArguments(raw);
  // A rejected call may carry anything as its decision; the others were checked by the review.
  const isReviewed = parsed.ok && review.verdict.outcome !== 'reject';
  return {
    raw,
    review,
    args: parsed.ok ? parsed.args : {},
    decision: isReviewed ? (parsed.decision as Decision) : undefined,
  };
};

type Ended = { readonly status: ResultItem['status']; readonly output: unknown; readonly human?: HumanDecision };

/** A result that the platform itself gives a call. */
export const resultOf = (call: Call, { status, output, human }: Ended): ResultItem => ({
  kind: 'result',
  id: call.raw.id,
  tool: call.review.tool,
  status,
  output,
  trust: 'trusted',
  ...(human === undefined ? {} : { human }),
});

const DECISIONS = { answer: 'answered', deny: 'denied', approve: 'approved' } as const;

/** Who decided: those who proved who they are, or (a claim, INVARIANT A3) the name in the message. */
const decidedBy = ({ message, votes = [] }: Ruling): Pick<HumanDecision, 'by' | 'verified' | 'votes'> =>
  votes.length > 0
    ? { by: namesOf(votes), verified: true, votes }
    : { ...defined({ by: message.by }), verified: false };

const isEdited = ({ message, pending }: Ruling): boolean => message.args !== undefined && pending.kind !== 'effect';

const decisionOf = (ruling: Ruling): HumanDecision['decision'] => {
  if (ruling.isExpired === true) return 'expired';
  // Whoever allows another share of a budget than was offered says yes, and changes no arguments.
  const isChanged = isEdited(ruling) && ruling.pending.kind !== 'review';
  return isChanged ? 'edited' : DECISIONS[ruling.message.name];
};

/** How far a yes reaches, where that is further than once. */
const furtherThanOnce = ({ name, scope }: Ruling['message']): Scope | undefined =>
  name === 'approve' && scope !== 'once' ? scope : undefined;

/** A decision, as it is recorded with the call. */
export const toHuman = (ruling: Ruling): HumanDecision => {
  const { message, pending, atMs } = ruling;
  const decision = decisionOf(ruling);
  // The answer to a question is the call's result, and no remark on it.
  const isAnswer = pending.kind === 'answer' && decision !== 'expired';
  return {
    decision,
    ...decidedBy(ruling),
    at: new Date(atMs).toISOString(),
    ...defined({
      note: isAnswer ? undefined : message.text,
      args: isEdited(ruling) ? message.args : undefined,
      scope: furtherThanOnce(message),
    }),
  };
};

/** Reasons as an approval names them: the words for people are not part of it. */
export const bareReasons = (reasons: readonly Reason[]): NonNullable<Approval['reasons']> =>
  reasons.map(({ code, policy, policyDigest }) => ({ code, ...defined({ policy, policyDigest }) }));

/**
 * What a call becomes by a person's approval. `scope` and the decision's id name the approval: it is used once (INVARIANT E2).
 * INVARIANT A1: it carries the reasons that stood on the question; tasks of before compared none.
 */
export const approvedTurn = (turn: Turn, ruling: Ruling, scope: string): Turn => {
  const { pending, message, review } = ruling;
  const reasons = pending.who === undefined ? {} : { reasons: bareReasons(pending.reasons) };
  return {
    review: { ...turn.review, ...review },
    args: message.args ?? turn.args,
    approval: { digest: pending.digest, id: `${scope}/${pending.id}`, human: toHuman(ruling), ...reasons },
  };
};

/** What the model is told of a call that may not run. */
export const deniedOutput = ({ message, isExpired = false }: Ruling): string => {
  const { text = '' } = message;
  if (isExpired) return `${text} So this did not run.`.trim();
  return `A person denied this call; ${text === '' ? 'no reason was given' : `the reason: ${text}`}`;
};

/** What is known of a call whose activity gave no result, after every attempt that was safe. */
export const lost = (call: Call, error: unknown): ResultItem => {
  const cause = error instanceof wf.ActivityFailure ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const isRead = call.review.effect === 'read';
  const output = `The worker gave no result (${message}), and no further attempt is made.`;
  return { ...resultOf(call, { status: isRead ? 'failed' : 'unknown', output }), trust: 'untrusted' };
};
