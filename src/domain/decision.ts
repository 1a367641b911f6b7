import { type Digest, digestText, shortDigest } from './digest.ts';
import { cutText, jsonBytes } from './json.ts';
import type { Provenance } from './origin.ts';
import type { Decision, Reason } from './proposal.ts';
import type { Trust } from './transcript.ts';

/** What is asked of a person. */
export type PendingKind = 'approval' | 'answer' | 'review' | 'effect' | 'compensation';

/** What a person may do with it. */
export type Permitted = 'approve' | 'deny' | 'edit' | 'answer';

/** Origins of arguments that a question names at most. */
export const MAX_ORIGINS = 16;

/** A result that a question refers to: whose it is, and whether an outsider could have written it. */
export type NamedResult = { readonly tool: string; readonly trust: Trust };

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
  /** Where values of the arguments came from, at most `MAX_ORIGINS` of them, the doubtful ones first. */
  readonly provenance?: Provenance;
  /** By id: the results that `provenance` and the decision's `basis` name. */
  readonly sources?: Readonly<Record<string, NamedResult>>;
  /** What the call returned, where it is asked about undoing it. */
  readonly output?: unknown;
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

/** What bounds pending decisions: all of them together, and each one. Bytes. */
export type PendingBounds = { readonly all: number; readonly each: number };

/** One decision in a bound: what explains goes first, then the arguments are cut. */
const boundOne = (pending: PendingDecision, maxBytes: number): PendingDecision => {
  if (jsonBytes(pending) <= maxBytes) return pending;
  const { decision: _, provenance: _from, sources: _of, output: _output, ...bare } = pending;
  if (jsonBytes(bare) <= maxBytes) return bare;
  return { ...bare, args: cutText(JSON.stringify(pending.args ?? null), maxBytes / 4) };
};

/** Pending decisions in bounds (INVARIANT H1); later ones come without arguments where all of them are too many. */
export const boundPending = (
  pending: readonly PendingDecision[],
  { all, each }: PendingBounds,
): readonly PendingDecision[] => {
  let left = all;
  return pending.map((one) => {
    const shown = boundOne(one, each);
    left -= jsonBytes(shown);
    if (left >= 0) return shown;
    const { args: _args, decision: _, provenance: _from, sources: _of, output: _output, ...bare } = one;
    return bare;
  });
};
