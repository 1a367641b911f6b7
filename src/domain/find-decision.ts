import { checkShare } from './budget-share.ts';
import type { DecisionName, PendingDecision, PendingKind, Permitted } from './decision.ts';
import type { DeskState, Ruled } from './desk.ts';
import { digestJson } from './digest.ts';
import { valueAt } from './json-pointer.ts';
import type { Checked, DecisionMessage } from './messages.ts';
import { possibleScopes } from './standing.ts';

/** How long after a bare decision another bare one is taken for a repeat of it: a double click, a resent signal. */
const REPEAT_MS = 500;
/** The same for questions of before. */
const LONG_REPEAT_MS = 1_000;
/** How long after a decision that was named a bare one may still have been meant for it: a page that was not reloaded. */
const STALE_PAGE_MS = 10 * 60_000;

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

const ACTION: Record<DecisionName, Permitted> = { approve: 'approve', deny: 'deny', answer: 'answer' };

const list = (desk: DeskState): string =>
  desk.pending.length === 0 ? 'nothing is pending' : `pending: ${desk.pending.map(({ id }) => id).join(', ')}`;

/** What became of a question. */
const became = ({ how, name, atMs, next }: Ruled): string => {
  const at = new Date(atMs).toISOString();
  if (how === 'expired') return `expired at ${at}`;
  if (how === 'withdrawn') return `was withdrawn at ${at}`;
  if (how === 'replaced') return `was replaced by ${next ?? 'another one'}, because its arguments were changed`;
  return `was decided already (${name})`;
};

const becameLately = ({ how }: Ruled): string => (how === undefined ? 'was decided' : `was ${OVER[how]}`);

const OVER = { expired: 'open until', withdrawn: 'withdrawn', replaced: 'replaced' } as const;

/** What each kind of question is decided by: nobody means one of them by a message that it does not take. */
const TAKES: Record<PendingKind, readonly DecisionName[]> = {
  approval: ['approve', 'deny'],
  answer: ['answer', 'deny'],
  review: ['approve', 'deny'],
  effect: ['approve', 'deny'],
  compensation: ['approve', 'deny'],
};

/** The last question that a bare decision may have been meant for. (Of before: the last one, whatever it was.) */
const lastMeant = ({ ruled }: DeskState, { name }: DecisionMessage, { who }: PendingDecision): Ruled | undefined =>
  who === undefined ? ruled.at(-1) : ruled.findLast(({ kind }) => kind === undefined || TAKES[kind].includes(name));

/** How long a bare decision may still have been meant for the question before. (Questions of before are found as they were.) */
const staleMs = (last: Ruled, { kind, who }: PendingDecision): number => {
  const isOther = who !== undefined && last.kind !== undefined && last.kind !== kind;
  if (!last.bare || isOther) return STALE_PAGE_MS;
  return who === undefined ? LONG_REPEAT_MS : REPEAT_MS;
};

/**
 * INVARIANT A2: a bare decision counts only while exactly one is pending and none was open before it that the sender may
 * have meant. Refused are: several pending; one that was pending together with another; a repeat right after a bare
 * decision; and, for as long as a page may have been stale, one that comes after a decision that somebody named, or that was about
 * another kind of question: yes to a call is not "it happened", and allows no further share of a budget. A question that takes no such
 * message stands in nobody's way: an answer is never meant for a call.
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
  const last = lastMeant(desk, message, only);
  if (last !== undefined && nowMs - last.atMs < staleMs(last, only)) {
    return refuse(`${last.id} ${becameLately(last)} just before, and you may have meant that one; name ${only.id}`);
  }
  return { ok: true, value: only };
};

/**
 * INVARIANT A2: a call may be asked about again, about something else: whether it happened, with another surface. Who names the
 * call right after the question of before was decided repeats that one. (Questions of before are found as they were.)
 */
const findByCall = (desk: DeskState, callId: string, nowMs: number): Checked<PendingDecision> | undefined => {
  const [only, ...others] = desk.pending.filter((pending) => pending.callId === callId);
  if (only === undefined) return undefined;
  if (others.length > 0) return refuse(`several decisions about ${callId} are pending; name one (${list(desk)})`);
  const before = desk.ruled.findLast((ruled) => ruled.callId === callId);
  if (before === undefined || only.who === undefined || nowMs - before.atMs >= REPEAT_MS) {
    return { ok: true, value: only };
  }
  return refuse(`${before.id} ${becameLately(before)} just before, and you may have meant that one; name ${only.id}`);
};

const findTarget = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<PendingDecision> => {
  if (message.target === undefined) return findBare(desk, message, nowMs);
  // With a space for the dash, as handlers are named.
  const target = message.target.slice(0, 80);
  const id = target.replace(' ', '-');
  const named = desk.pending.find((pending) => pending.id === id);
  if (named !== undefined) return { ok: true, value: named };
  const found = findByCall(desk, target, nowMs);
  if (found !== undefined) return found;
  const before = desk.ruled.findLast((ruled) => ruled.id === id || ruled.callId === target);
  if (before !== undefined) return refuse(`${before.id} ${became(before)}; this changed nothing`);
  return refuse(`no decision ${JSON.stringify(target)} is pending; ${list(desk)}`);
};

/** Whether arguments in a message are the call's in the place of the model's; those of an effect are what it returned (INVARIANT E7). */
export const isEdit = ({ args }: DecisionMessage, { kind }: PendingDecision): boolean =>
  args !== undefined && kind !== 'effect';

/** A decision without arguments that are what is asked about already: pasted as the page shows them, they change nothing. */
export const asMeant = (message: DecisionMessage, pending: PendingDecision): DecisionMessage => {
  const { args, ...rest } = message;
  const isAsAsked = args !== undefined && pending.who !== undefined && pending.kind === 'approval';
  return isAsAsked && digestJson(args) === digestJson(pending.args) ? rest : message;
};

/** INVARIANT A1: a yes reaches no further than the rule lets it. @returns why not */
const checkReach = ({ scope = 'once', same = [], args }: DecisionMessage, pending: PendingDecision) => {
  const possible = possibleScopes(pending);
  if (!possible.includes(scope)) {
    return `a yes to ${pending.id} cannot reach as far as "${scope}"; possible: ${possible.join(', ')}`;
  }
  const missing = same.find((pointer) => valueAt(args ?? pending.args, pointer) === undefined);
  if (missing === undefined) return undefined;
  return `${pending.id} has no argument ${JSON.stringify(missing)} that could stay the same`;
};

/** @returns why a message cannot be what a question is decided by */
const checkSaid = (message: DecisionMessage, pending: PendingDecision): string | undefined => {
  const edits = isEdit(message, pending);
  const wanted = edits ? 'edit' : ACTION[message.name];
  if (!pending.may.includes(wanted)) {
    return `${wanted} is not possible for ${pending.id}; possible: ${pending.may.join(', ')}`;
  }
  if (edits && pending.kind === 'review') {
    const share = checkShare(message.args);
    if (!share.ok) return share.refusal;
  }
  return checkReach(message, pending);
};

/** Tells whom a message would decide, and why not, without changing anything; what update validators ask. */
export const findDecision = (desk: DeskState, message: DecisionMessage, nowMs: number): Checked<PendingDecision> => {
  const found = findTarget(desk, message, nowMs);
  if (!found.ok) return found;
  const wrong = checkSaid(message, found.value);
  return wrong === undefined ? found : refuse(wrong);
};

/** The name of a question's own door: `approve s5.c1 7f3a`. */
const OWN_NAME = /^(approve|deny|answer) (\S{1,80} [0-9a-f]{4,64})$/;

/**
 * Why a signal counts for nothing that nobody listens to: of a decision that is over, what became of it.
 * @param signal its name, whatever somebody typed
 */
export const refuseUnknown = (desk: DeskState, signal: string, nowMs: number): string => {
  const [, name, target] = OWN_NAME.exec(signal.slice(0, 200).trim()) ?? [];
  const found = target === undefined ? undefined : findDecision(desk, { name: name as DecisionName, target }, nowMs);
  return found?.ok === false
    ? found.refusal
    : 'no decision of that name is pending; see the list of signals, or reload the page';
};
