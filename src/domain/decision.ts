import type { Expiry, Risk, Scope } from './approval-rule.ts';
import { type Digest, digestText, shortDigest } from './digest.ts';
import { cutText, jsonBytes, utf8Bytes } from './json.ts';
import type { Provenance } from './origin.ts';
import type { Decision, Reason } from './proposal.ts';
import { SIZES } from './sizes.ts';
import type { Trust } from './transcript.ts';

/** What is asked of a person. */
export type PendingKind = 'approval' | 'answer' | 'review' | 'effect' | 'compensation';

/** What a person may do with it. */
export type Permitted = 'approve' | 'deny' | 'edit' | 'answer';

/** Origins of arguments that a question names at most. */
export const MAX_ORIGINS = 16;

/** A result that a question refers to: whose it is, and whether an outsider could have written it. */
export type NamedResult = { readonly tool: string; readonly trust: Trust };

/** Who may decide. INVARIANT A3: where a role, a quorum, separation or proof is asked for, only signed decisions count. */
export type Deciders = {
  /** One of these is needed; empty: anybody. Grows when it is escalated. */
  readonly roles: readonly string[];
  /** So many different people have to approve; one denial denies. */
  readonly quorum: number;
  readonly verified: boolean;
  /** Ids that may not decide: the task's own principal, where duties are separated. */
  readonly not: readonly string[];
};

/** An approval that counted toward a quorum. Every one is proven: a claim is no vote (INVARIANT A3). */
export type Vote = {
  readonly by: string;
  /** Who vouched for the name. */
  readonly issuer: string;
  /** What the voter was by the host's word, or by the issuer's where the host trusts it in this. */
  readonly roles: readonly string[];
  /** ISO 8601. */
  readonly at: string;
};

/** What happens next if nobody decides; `at` is ISO 8601. */
export type DeskStep =
  | { readonly at: string; readonly do: 'remind' }
  | { readonly at: string; readonly do: 'escalate'; readonly roles: readonly string[] }
  | { readonly at: string; readonly do: 'expire'; readonly then: Expiry };

/** What a call would change: the before-image against what becomes of it. */
export type Change = {
  /** Unified diff, hidden characters and secrets taken out; cut to a bounded size. Absent: there is nothing to compare with. */
  readonly diff?: string;
  /** The before-image as text, where the tool does not say what becomes of it. */
  readonly before?: string;
  /** Not all of it stands here. */
  readonly isCut?: boolean;
};

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
  // What follows was not known to tasks of before.
  readonly agent?: string;
  /** The life of the task; a signed decision names it. */
  readonly epoch?: string;
  readonly risk?: Risk;
  /** Name of the approval rule that holds. */
  readonly rule?: string;
  readonly who?: Deciders;
  readonly votes?: readonly Vote[];
  /** How far a yes may reach; absent: once. */
  readonly scopes?: readonly Scope[];
  /** What happens next if nobody decides, in order. */
  readonly timeline?: readonly DeskStep[];
  /** When it expires; ISO 8601. */
  readonly deadline?: string;
  readonly change?: Change;
  /** Of a question about a budget: what a plain yes allows further, in the units of `limits` (`durationMs` in milliseconds). */
  readonly share?: Readonly<Record<string, number>>;
};

/** A person's decision, as recorded with the call. `by` is a claim unless `verified` (INVARIANT A3). `expired`: nobody decided. */
export type HumanDecision = {
  readonly decision: 'approved' | 'denied' | 'edited' | 'answered' | 'expired';
  /** Several names where a quorum decided, with commas between. */
  readonly by?: string;
  readonly verified: boolean;
  /** ISO 8601. */
  readonly at: string;
  readonly note?: string;
  readonly args?: unknown;
  /** Who proved to have approved. */
  readonly votes?: readonly Vote[];
  /** Further than once: how far this yes reaches. */
  readonly scope?: Scope;
  /** Id of the standing approval by which it was not asked. */
  readonly standing?: string;
};

/** An id that names a question about a call, and no other one that was asked before. */
export const questionId = (callId: string, digest: Digest, taken: (id: string) => boolean): string => {
  for (let count = 0; ; count++) {
    const id = `${callId}-${shortDigest(count === 0 ? digest : digestText(`${digest}/${count}`))}`;
    if (!taken(id)) return id;
  }
};

/** The names of the decision messages, as signals and as updates. */
export const DECISION_NAMES = ['approve', 'deny', 'answer'] as const;
/** One of them. */
export type DecisionName = (typeof DECISION_NAMES)[number];

/** What bounds pending decisions: all of them together, and each one. Bytes. */
export type PendingBounds = { readonly all: number; readonly each: number };

/** The beginning of a diff that is shorter than this says less than none. */
const LEAST_CHANGE = 1_000;
/** In JSON a line feed takes two bytes, and a letter of a diff seldom more than one. */
const FILLED = 0.8;

/** As much of what changes as there is room for; nothing where that is too little. */
const cutChange = ({ diff, before }: Change, room: number): { readonly change?: Change } => {
  const bytes = Math.floor(room * FILLED);
  if (bytes < LEAST_CHANGE) return {};
  if (diff !== undefined) return { change: { diff: cutText(diff, bytes), isCut: true } };
  return before === undefined ? {} : { change: { before: cutText(before, bytes), isCut: true } };
};

/** The beginning of a name. */
const shortName = (name: string): string => {
  if (utf8Bytes(name) <= SIZES.voterName) return name;
  const letters = Array.from(name.slice(0, SIZES.voterName).toWellFormed());
  while (utf8Bytes(letters.join('')) > SIZES.voterName - 3) letters.pop();
  return `${letters.join('')}…`;
};

/** Who approved so far, and when: enough for whoever looks at what waits. By what they were entitled stands in the task. */
const shortVotes = ({ votes }: PendingDecision): Pick<PendingDecision, 'votes'> =>
  votes === undefined || jsonBytes(votes) <= SIZES.votesShown
    ? {}
    : { votes: votes.map(({ by, issuer, at }) => ({ by: shortName(by), issuer: shortName(issuer), roles: [], at })) };

/** One decision in a bound: voters are named in short, what follows goes first, and what changes is cut, then what explains goes, then the arguments are cut. */
const boundOne = (pending: PendingDecision, maxBytes: number): PendingDecision => {
  if (jsonBytes(pending) <= maxBytes) return pending;
  const { change = {}, timeline: _steps, ...whole } = pending;
  const terse = { ...whole, ...shortVotes(pending) };
  const shown: PendingDecision = { ...terse, ...cutChange(change, maxBytes - jsonBytes(terse)) };
  if (jsonBytes(shown) <= maxBytes) return shown;
  if (jsonBytes(terse) <= maxBytes) return terse;
  const { decision: _, provenance: _from, sources: _of, output: _output, ...bare } = terse;
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
    const { change: _change, timeline: _steps, ...least } = bare;
    return { ...least, ...shortVotes(one) };
  });
};
