import type { DecisionName, PendingDecision, PendingKind, Vote } from './decision.ts';
import { defined } from './defined.ts';
import { afterStep } from './desk-clock.ts';
import { findDecision } from './find-decision.ts';
import type { Checked, DecisionMessage } from './messages.ts';
import type { Review } from './proposal.ts';
import type { Gathered } from './quorum.ts';
import { asksProof, mayRule, refuseClaim } from './votes.ts';

/** A decision that counted. */
export type Ruling = {
  readonly pending: PendingDecision;
  readonly message: DecisionMessage;
  readonly atMs: number;
  /** The review of the arguments that a person put in the place of the model's. */
  readonly review?: Review | undefined;
  /** Who proved to have approved; or, of a denial or an answer, who proved to have given it. */
  readonly votes?: readonly Vote[] | undefined;
  /** Nobody decided in time: `message` denies in the platform's words. */
  readonly isExpired?: boolean | undefined;
};

/** A question that is over, kept to recognise repeats (INVARIANT A4: continue-as-new carries it). */
export type Ruled = {
  readonly id: string;
  readonly callId: string;
  /** Desks of before did not remember it. */
  readonly kind?: PendingKind;
  readonly name: DecisionName;
  readonly atMs: number;
  /** Decided by a message that named nothing. */
  readonly bare: boolean;
  /** Over without a person's decision. */
  readonly how?: 'expired' | 'withdrawn' | 'replaced';
  /** Id of the question in its place. */
  readonly next?: string;
};

/** The desk's whole state: plain data that continue-as-new passes on. */
export type DeskState = {
  readonly pending: PendingDecision[];
  readonly ruled: Ruled[];
  /** Ids of decisions that were open at the same time as another one. */
  readonly crossed: string[];
  /** What was said by those who approved where others have to approve as well. */
  readonly gathered: Gathered[];
  /** Of questions whose arguments were changed: the id that they were asked by, and the one of now. Who asked waits for that. */
  readonly replaced: { readonly id: string; readonly now: string }[];
};

/** An empty desk. */
export const emptyDesk = (): DeskState => ({ pending: [], ruled: [], crossed: [], gathered: [], replaced: [] });

/** Decisions kept for recognising repeats. */
const KEPT = 200;

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

/** Puts a question on the desk. */
export const openDecision = (desk: DeskState, pending: PendingDecision): void => {
  desk.pending.push(pending);
  if (desk.pending.length > 1) {
    for (const { id } of desk.pending) if (!desk.crossed.includes(id)) desk.crossed.push(id);
  }
};

/** Tells whether an id names a question that waits, or one that was decided lately. */
export const isTaken = (desk: DeskState, id: string): boolean =>
  desk.pending.some((pending) => pending.id === id) || desk.ruled.some((ruled) => ruled.id === id);

const find = (desk: DeskState, id: string): PendingDecision | undefined =>
  desk.pending.find((pending) => pending.id === id);

const without = (list: unknown[], isIt: (each: unknown) => boolean): void => {
  const at = list.findIndex(isIt);
  if (at >= 0) list.splice(at, 1);
};

/** A question leaves the desk, with all that was kept for it. */
const remove = (desk: DeskState, id: string): void => {
  without(desk.pending, (each) => (each as PendingDecision).id === id);
  without(desk.gathered, (each) => (each as Gathered).id === id);
  without(desk.crossed, (each) => each === id);
};

const remember = (desk: DeskState, ruled: Ruled): void => {
  desk.ruled.push(ruled);
  if (desk.ruled.length > KEPT) desk.ruled.shift();
};

/** A question that is over without a person's decision; it is no decision of a bare message. */
const over = ({ id, callId, kind }: PendingDecision, how: NonNullable<Ruled['how']>, atMs: number): Ruled => ({
  id,
  callId,
  kind,
  name: 'deny',
  atMs,
  bare: false,
  how,
});

/**
 * Takes a question off the desk without a decision: the task was cancelled, or went another way. A decision that comes late is told
 * so, and one that names nothing is not taken for the next question's (INVARIANT A2).
 */
export const withdrawDecision = (desk: DeskState, id: string, nowMs: number): void => {
  const pending = find(desk, id);
  if (pending === undefined) return;
  remove(desk, id);
  // Tasks of before did not remember it, and their decisions are found as they were.
  if (pending.who !== undefined) remember(desk, over(pending, 'withdrawn', nowMs));
};

const rule = (desk: DeskState, pending: PendingDecision, ruled: Omit<Ruled, 'id' | 'callId' | 'kind'>): void => {
  remove(desk, pending.id);
  const { id, callId, kind } = pending;
  remember(desk, { id, callId, kind, ...ruled });
};

/**
 * Takes a decision of somebody who claims a name: the question leaves the desk, and the first decision wins. INVARIANT A3: where proof
 * is asked for it is refused, whatever the message holds.
 */
export const ruleDecision = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<Ruling> => {
  const found = findDecision(desk, message, nowMs);
  if (!found.ok) return found;
  const pending = found.value;
  if (asksProof(pending.who)) return refuse(refuseClaim(pending, message.name));
  rule(desk, pending, { name: message.name, atMs: nowMs, bare: message.target === undefined });
  return { ok: true, value: { pending, message, atMs: nowMs } };
};

/** A decision of people who proved who they are. `message.target` is the id of the question. */
export type ProvenDecision = { readonly message: DecisionMessage; readonly votes: readonly Vote[] };

/** Takes a proven decision. INVARIANT A3: it counts if so many of those who gave it may decide as the question asks for. */
export const ruleProven = (desk: DeskState, { message, votes }: ProvenDecision, nowMs: number): Checked<Ruling> => {
  const found = findDecision(desk, message, nowMs);
  if (!found.ok) return found;
  const pending = found.value;
  if (!mayRule(pending, message.name, votes)) return refuse(`this is not enough to decide ${pending.id}`);
  rule(desk, pending, { name: message.name, atMs: nowMs, bare: false });
  // The signature has done its work, and is nothing to keep.
  const { token: _, ...said } = message;
  return { ok: true, value: { pending, message: said, atMs: nowMs, votes } };
};

/** Nobody decided in time: the question leaves the desk, denied in the platform's words; undefined where it is not there. */
export const expireDecision = (desk: DeskState, id: string, nowMs: number): Ruling | undefined => {
  const pending = find(desk, id);
  if (pending === undefined) return undefined;
  remove(desk, id);
  remember(desk, over(pending, 'expired', nowMs));
  const at = new Date(nowMs).toISOString();
  const text = `Nobody decided in time: the question of ${pending.since} expired at ${at}.`;
  return { pending, message: { name: 'deny', target: id, text }, atMs: nowMs, isExpired: true };
};

/** Puts another state of a question in its place; its id stays. */
export const updateDecision = (desk: DeskState, pending: PendingDecision): void => {
  const at = desk.pending.findIndex(({ id }) => id === pending.id);
  if (at >= 0) desk.pending[at] = pending;
};

/**
 * Takes the next step of a question's timeline: whoever it goes to may decide, too.
 * @returns the question as it is then; undefined where it is not there
 */
export const advanceDecision = (desk: DeskState, id: string): PendingDecision | undefined => {
  const pending = find(desk, id);
  if (pending === undefined) return undefined;
  const { who } = pending;
  const later = afterStep(pending);
  // Where anybody may decide, nobody is added: the list of roles would shut the others out.
  const next = who !== undefined && who.roles.length === 0 ? { ...later, who } : later;
  updateDecision(desk, next);
  return next;
};

/** Puts a question in the place of another one, which nobody can decide any more. */
export const replaceDecision = (
  desk: DeskState,
  { id, next }: { readonly id: string; readonly next: PendingDecision },
  nowMs: number,
): void => {
  const at = desk.pending.findIndex((pending) => pending.id === id);
  const before = desk.pending[at];
  if (before === undefined) return;
  const isCrossed = desk.crossed.includes(id);
  remove(desk, id);
  desk.pending.splice(at, 0, next);
  if (isCrossed || desk.pending.length > 1) desk.crossed.push(next.id);
  remember(desk, { ...over(before, 'replaced', nowMs), ...defined({ next: next.id }) });
  redirect(desk, id, next.id);
};

/** Questions in the place of others that are known to who waits for them. */
const KEPT_REPLACED = 500;

/** One entry for a question, however often it is changed: whoever may change it must not make the desk forget who waits. */
const redirect = (desk: DeskState, before: string, now: string): void => {
  const { replaced } = desk;
  const at = replaced.findIndex((each) => each.now === before);
  const [first] = at < 0 ? [] : replaced.splice(at, 1);
  replaced.push({ id: first?.id ?? before, now });
  if (replaced.length > KEPT_REPLACED) without(replaced, (each) => !isOpen(desk, (each as { now: string }).now));
};

const isOpen = (desk: DeskState, id: string): boolean => find(desk, id) !== undefined;

/** The id of the question that stands in the place of one by now: its own, unless arguments were changed. */
export const currentId = (desk: DeskState, id: string): string =>
  desk.replaced.findLast((each) => each.id === id)?.now ?? id;
