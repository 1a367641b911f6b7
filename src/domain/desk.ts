import type { DecisionName, PendingDecision, Permitted } from './decision.ts';
import type { Checked, DecisionMessage } from './messages.ts';
import type { Review } from './proposal.ts';

/** A decision that counted. */
export type Ruling = {
  readonly pending: PendingDecision;
  readonly message: DecisionMessage;
  readonly atMs: number;
  /** The review of the arguments that a person put in the place of the model's. */
  readonly review?: Review | undefined;
};

/** A decision that was made, kept to recognise repeats (INVARIANT A4: continue-as-new carries it). */
export type Ruled = {
  readonly id: string;
  readonly callId: string;
  readonly name: DecisionName;
  readonly atMs: number;
  /** Decided by a message that named nothing. */
  readonly bare: boolean;
};

/** The desk's whole state: plain data that continue-as-new passes on. */
export type DeskState = {
  readonly pending: PendingDecision[];
  readonly ruled: Ruled[];
  /** Ids of decisions that were open at the same time as another one. */
  readonly crossed: string[];
};

/** An empty desk. */
export const emptyDesk = (): DeskState => ({ pending: [], ruled: [], crossed: [] });

/** How long after a bare decision another bare one is taken for a repeat of it: a double click, a resent signal. */
const REPEAT_MS = 1_000;
/** How long after a decision that was named a bare one may still have been meant for it: a page that was not reloaded. */
const STALE_PAGE_MS = 10 * 60_000;
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

/** Takes a question off the desk without a decision: the task was cancelled, or went another way. */
export const withdrawDecision = (desk: DeskState, id: string): void => {
  const at = desk.pending.findIndex((pending) => pending.id === id);
  if (at >= 0) desk.pending.splice(at, 1);
};

/** Finds the decision that a name means: its id, with a space for the dash as handlers are named, or its call. */
const findNamed = (desk: DeskState, target: string): PendingDecision | undefined => {
  const id = target.replace(' ', '-');
  return desk.pending.find((pending) => pending.id === id) ?? desk.pending.find(({ callId }) => callId === target);
};

const ACTION: Record<DecisionName, Permitted> = { approve: 'approve', deny: 'deny', answer: 'answer' };

const list = (desk: DeskState): string =>
  desk.pending.length === 0 ? 'nothing is pending' : `pending: ${desk.pending.map(({ id }) => id).join(', ')}`;

/**
 * INVARIANT A2: a bare decision counts only while exactly one is pending and none was open before it that the sender may
 * have meant. Refused are: several pending; one that was pending together with another; a repeat right after a bare
 * decision; and one that comes after a decision that somebody named, for as long as a page may have been stale.
 */
const findBare = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<PendingDecision> => {
  const candidates = desk.pending.filter(({ may }) => may.includes(ACTION[message.name]));
  const [only] = desk.pending;
  if (only === undefined) return refuse(`nothing is pending, so there is nothing to ${message.name}`);
  if (desk.pending.length > 1) return refuse(`several decisions are pending; name one (${list(desk)})`);
  if (candidates.length === 0)
    return refuse(`${message.name} is not possible for ${only.id}; possible: ${only.may.join(', ')}`);
  if (desk.crossed.includes(only.id)) {
    return refuse(`${only.id} was pending together with another decision that you may have meant; name it`);
  }
  const last = desk.ruled.at(-1);
  if (last !== undefined && nowMs - last.atMs < (last.bare ? REPEAT_MS : STALE_PAGE_MS)) {
    return refuse(`${last.id} was decided just before, and you may have meant that one; name ${only.id}`);
  }
  return { ok: true, value: only };
};

const findTarget = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<PendingDecision> => {
  if (message.target === undefined) return findBare(desk, message, nowMs);
  const named = findNamed(desk, message.target);
  if (named !== undefined) return { ok: true, value: named };
  const target = message.target.slice(0, 80);
  const before = desk.ruled.findLast(({ id, callId }) => id === target.replace(' ', '-') || callId === target);
  if (before !== undefined) return refuse(`${before.id} was decided already (${before.name}); this changed nothing`);
  return refuse(`no decision ${JSON.stringify(target)} is pending; ${list(desk)}`);
};

/** Tells whom a message would decide, and why not, without changing anything; what update validators ask. */
export const findDecision = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<PendingDecision> => {
  const found = findTarget(desk, message, nowMs);
  if (!found.ok) return found;
  // Of an effect that nobody knows of, arguments are what it returned (INVARIANT E7).
  const isEdit = message.args !== undefined && found.value.kind !== 'effect';
  const wanted = isEdit ? 'edit' : ACTION[message.name];
  if (!found.value.may.includes(wanted)) {
    return refuse(`${wanted} is not possible for ${found.value.id}; possible: ${found.value.may.join(', ')}`);
  }
  return found;
};

/** Takes a decision: the question leaves the desk, and the first decision wins. */
export const ruleDecision = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<Ruling> => {
  const found = findDecision(desk, message, nowMs);
  if (!found.ok) return found;
  const pending = found.value;
  withdrawDecision(desk, pending.id);
  desk.ruled.push({
    id: pending.id,
    callId: pending.callId,
    name: message.name,
    atMs: nowMs,
    bare: message.target === undefined,
  });
  if (desk.ruled.length > KEPT) desk.ruled.shift();
  return { ok: true, value: { pending, message, atMs: nowMs } };
};
