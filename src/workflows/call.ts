import * as wf from '@temporalio/workflow';
import type { Approval } from '../activities/messages.ts';
import type { HumanDecision } from '../domain/decision.ts';
import type { Ruling } from '../domain/desk.ts';
import { type Decision, parseArguments, type Review } from '../domain/proposal.ts';
import type { RawCall, ResultItem } from '../domain/transcript.ts';

/** A proposed call with everything the loop needs of it. */
export type Call = {
  readonly raw: RawCall;
  readonly review: Review;
  readonly args: unknown;
  readonly decision: Decision | undefined;
};

/** One go at a call: as the model proposed it, or as a person approved it. */
export type Turn = { readonly review: Review; readonly args: unknown; readonly approval?: Approval };

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

/** A decision, as it is recorded with the call. */
export const toHuman = ({ message, pending, atMs }: Ruling): HumanDecision => {
  const isEdit = message.args !== undefined && pending.kind !== 'effect';
  return {
    decision: isEdit ? 'edited' : DECISIONS[message.name],
    verified: false,
    at: new Date(atMs).toISOString(),
    ...(message.by === undefined ? {} : { by: message.by }),
    ...(message.text === undefined || pending.kind === 'answer' ? {} : { note: message.text }),
    ...(isEdit ? { args: message.args } : {}),
  };
};

/** What a call becomes by a person's approval. `scope` and the decision's id name the approval: it is used once (INVARIANT E2). */
export const approvedTurn = (turn: Turn, ruling: Ruling, scope: string): Turn => ({
  review: { ...turn.review, ...ruling.review },
  args: ruling.message.args ?? turn.args,
  approval: { digest: ruling.pending.digest, id: `${scope}/${ruling.pending.id}`, human: toHuman(ruling) },
});

/** What is known of a call whose activity gave no result, after every attempt that was safe. */
export const lost = (call: Call, error: unknown): ResultItem => {
  const cause = error instanceof wf.ActivityFailure ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const isRead = call.review.effect === 'read';
  const output = `The worker gave no result (${message}), and no further attempt is made.`;
  return { ...resultOf(call, { status: isRead ? 'failed' : 'unknown', output }), trust: 'untrusted' };
};
