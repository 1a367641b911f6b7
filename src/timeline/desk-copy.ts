import type { VerifiedDecision } from '../activities/messages.ts';
import { checkShare } from '../domain/budget-share.ts';
import { DECISION_NAMES, type DecisionName, type PendingDecision } from '../domain/decision.ts';
import {
  type DeskState,
  emptyDesk,
  expireDecision,
  openDecision,
  ruleDecision,
  updateDecision,
  withdrawDecision,
} from '../domain/desk.ts';
import { findDecision, isEdit, refuseUnknown } from '../domain/find-decision.ts';
import { checkDecision, type DecisionMessage } from '../domain/messages.ts';
import { asksProof, hasVoted, mayDecide, quorumOf, refuseClaim } from '../domain/votes.ts';

/** A decision that an activity checks before it counts: its signature, or the arguments that it changed. */
type Checking = { readonly message: DecisionMessage; readonly id: string; readonly isSignal: boolean };

/** A door of a task through which a decision came: the name alone, or with the question's id. */
type Door = { readonly name: DecisionName; readonly target?: string };

const isDecision = (name: string): name is DecisionName => (DECISION_NAMES as readonly string[]).includes(name);

/** What a message is about: `task approve` is none. */
const doorOf = (wire: string, pending: readonly PendingDecision[]): Door | undefined => {
  if (isDecision(wire)) return { name: wire };
  const [name = ''] = wire.split(' ');
  if (!isDecision(name)) return undefined;
  const found = pending.find(({ id, may }) => may.includes(name) && wire === `${name} ${id.replace('-', ' ')}`);
  return found === undefined ? undefined : { name, target: found.id };
};

/** So many decisions that are being checked are remembered. */
const KEPT = 200;

/**
 * A task's desk, as its history tells: by the same rules as the task's own, what was sent is judged again. So a signal that counted
 * for nothing is told without the task, which has nobody to answer.
 */
export class DeskCopy {
  #desk: DeskState = emptyDesk();
  /** By the id of the question. */
  readonly #shares = new Map<string, Readonly<Record<string, number>>>();
  #checking: Checking[] = [];

  /** The desk of the run before, which a new run goes on with. */
  takeOver(desk: DeskState): void {
    this.#desk = { ...emptyDesk(), ...structuredClone(desk) };
  }

  /** What a person named, of a question about a budget, as allowed further; undefined: nothing else than was offered. */
  shareOf(id: string): Readonly<Record<string, number>> | undefined {
    return this.#shares.get(id);
  }

  /** What waits from now on. */
  waits(pending: readonly PendingDecision[], atMs: number): void {
    const desk = this.#desk;
    const now = new Set(pending.map(({ id }) => id));
    for (const gone of desk.pending.filter(({ id }) => !now.has(id))) this.#over(gone, atMs);
    for (const each of pending) {
      if (desk.pending.some(({ id }) => id === each.id)) updateDecision(desk, each);
      else openDecision(desk, each);
    }
  }

  /** Takes a message. @returns why it counts for nothing, as its sender was told; undefined: it counts, or is being checked */
  take(
    { name: wire, payload }: { readonly name: string; readonly payload: unknown },
    atMs: number,
    isSignal: boolean,
  ): string | undefined {
    const door = doorOf(wire, this.#desk.pending);
    if (door === undefined) return refuseUnknown(this.#desk, wire, atMs);
    const checked = checkDecision(door.name, payload, door.target);
    return checked.ok ? this.#decide(checked.value, atMs, isSignal) : checked.refusal;
  }

  #decide(message: DecisionMessage, atMs: number, isSignal: boolean): string | undefined {
    const found = findDecision(this.#desk, message, atMs);
    if (!found.ok) return found.refusal;
    const { id, who, kind } = found.value;
    if (message.token === undefined && asksProof(who)) return refuseClaim(found.value, message.name);
    if (message.token !== undefined || (isEdit(message, found.value) && kind !== 'review')) {
      this.#checking = [...this.#checking.slice(1 - KEPT), { message: { ...message, target: id }, id, isSignal }];
      return undefined;
    }
    const ruled = ruleDecision(this.#desk, message, atMs);
    if (ruled.ok) this.#allow(id, message);
    return ruled.ok ? undefined : ruled.refusal;
  }

  #allow(id: string, { args }: DecisionMessage): void {
    const share = args === undefined ? undefined : checkShare(args);
    if (share?.ok === true) this.#shares.set(id, share.value);
  }

  /** A signature was checked, and holds. @returns of a signal: why it counts for nothing all the same */
  proven(token: string, verified: Extract<VerifiedDecision, { ok: true }>, atMs: number): string | undefined {
    const checking = this.#checking.find(({ message }) => message.token === token);
    if (checking === undefined) return undefined;
    const refusal = this.#refusal(checking, verified, atMs);
    if (refusal === undefined) this.#allow(checking.id, checking.message);
    return checking.isSignal ? refusal : undefined;
  }

  #refusal(
    { message }: Checking,
    { by, issuer, roles }: Extract<VerifiedDecision, { ok: true }>,
    atMs: number,
  ): string | undefined {
    const found = findDecision(this.#desk, message, atMs);
    if (!found.ok) return found.refusal;
    const { value: pending } = found;
    const why = mayDecide(pending.who, { by, issuer, roles });
    if (why !== undefined) return why;
    const isRepeat = message.name === 'approve' && !isEdit(message, pending) && hasVoted(pending, by);
    return isRepeat ? `your approval counts already; ${pending.votes?.length} of ${quorumOf(pending)}` : undefined;
  }

  /** Changed arguments of a call were checked, and refused. @returns the name of the signal that they came with */
  rejected(callId: string, args: unknown): string | undefined {
    const text = JSON.stringify(args);
    const at = this.#checking.findIndex(
      ({ message, id }) => id.startsWith(`${callId}-`) && JSON.stringify(message.args) === text,
    );
    const [found] = at < 0 ? [] : this.#checking.splice(at, 1);
    return found?.isSignal === true ? `${found.message.name} ${found.id.replace('-', ' ')}` : undefined;
  }

  /** A question left the desk by what no message of its own tells: it was decided after a check, expired, or was taken back. */
  #over(pending: PendingDecision, atMs: number): void {
    const desk = this.#desk;
    const { id, callId, kind, deadline } = pending;
    const checked = this.#checking.find((each) => each.id === id);
    this.#checking = this.#checking.filter((each) => each.id !== id);
    if (checked === undefined && deadline !== undefined && Date.parse(deadline) <= atMs) {
      expireDecision(desk, id, atMs);
      return;
    }
    withdrawDecision(desk, id, atMs);
    if (checked === undefined) return;
    if (desk.ruled.at(-1)?.id === id) desk.ruled.pop();
    desk.ruled.push({ id, callId, kind, name: checked.message.name, atMs, bare: false });
  }
}
