import { type Digest, digestText, shortDigest } from './digest.ts';
import { cutText, jsonBytes } from './json.ts';
import type { Decision, Reason } from './proposal.ts';
import { SIZES } from './sizes.ts';

/** What is asked of a person. */
export type PendingKind = 'approval' | 'answer' | 'review' | 'effect' | 'compensation';

/** What a person may do with it. */
export type Permitted = 'approve' | 'deny' | 'edit' | 'answer';

/** Something that waits for a person: the shape of the inbox and of the query `pending`. */
export type PendingDecision = {
  /** Call id and the first digits of the digest, `s5.c1-7f3a`: names exactly this question. */
  readonly id: string;
  readonly taskId: string;
  readonly kind: PendingKind;
  readonly callId: string;
  readonly tool: string;
  readonly args?: unknown;
  readonly question?: string;
  readonly reasons: readonly Reason[];
  readonly decision?: Decision | undefined;
  readonly digest: Digest;
  /** ISO 8601. */
  readonly since: string;
  readonly may: readonly Permitted[];
};

/** A person's decision, as recorded with the call. `by` is a claim (INVARIANT A3): nothing proves it. */
export type HumanDecision = {
  readonly decision: 'approved' | 'denied' | 'edited' | 'answered';
  readonly by?: string;
  readonly verified: false;
  /** ISO 8601. */
  readonly at: string;
  readonly note?: string;
  readonly args?: unknown;
};

/** An id that names a question about a call, and no other one that was asked before. */
export const questionId = (callId: string, digest: Digest, taken: (id: string) => boolean): string => {
  for (let count = 0; ; count++) {
    const id = `${callId}-${shortDigest(count === 0 ? digest : digestText(`${digest}/${count}`))}`;
    if (!taken(id)) return id;
  }
};

/** The names of the decision messages, as signals and as updates. */
export type DecisionName = 'approve' | 'deny' | 'answer';

/** Pending decisions in at most `maxBytes` (INVARIANT H1): long arguments are cut, and later ones come without them. */
export const boundPending = (all: readonly PendingDecision[], maxBytes: number): readonly PendingDecision[] => {
  let left = maxBytes;
  return all.map((pending) => {
    const { args, decision: _, ...bare } = pending;
    const isSmall = jsonBytes(pending) <= SIZES.pending;
    const shown = isSmall ? pending : { ...bare, args: cutText(JSON.stringify(args ?? null), SIZES.pending / 4) };
    left -= jsonBytes(shown);
    return left >= 0 ? shown : bare;
  });
};
