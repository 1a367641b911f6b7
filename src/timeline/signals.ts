import type { PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import { cutText } from '../domain/json.ts';
import { checkControl, checkRevoke } from '../domain/messages.ts';
import type { Carried } from '../workflows/state.ts';
import { DeskCopy } from './desk-copy.ts';

/** What a task was sent. */
type Sent = { readonly name: string; readonly payload: unknown };

/** A signal that changed nothing, and why, in the words of the task. */
export type Ignored = { readonly message: string; readonly reason: string };

/** How a task was paused, or let go on, as an event of its trace. */
export type Control = {
  readonly type: 'pause' | 'resume';
  readonly detail: { readonly reason?: string; readonly guidance?: string };
};

const NAME_LENGTH = 100;
const REASON_BYTES = 2_000;

/** In the bounds of the task's own list. */
export const toIgnored = (name: string, reason: string): Ignored => ({
  message: name.slice(0, NAME_LENGTH),
  reason: cutText(reason, REASON_BYTES),
});

/**
 * The messages of a task. A signal has no answer in the history, so it is judged again, by the rules of the task and in the state
 * that the task was in when it heard it.
 */
export class Signals {
  readonly desk = new DeskCopy();
  #unheard: Sent[] = [];
  #deadlines = new Set<string>();
  #isPaused = false;
  #controls: Control[] = [];

  /** What a run goes on with from the one before. */
  takeOver({ desk, paused }: Carried): void {
    this.desk.takeOver(desk);
    this.#isPaused = paused;
    this.#deadlines = deadlinesOf(desk.pending);
  }

  /** What waits from now on; a question that stays past its deadline has paused the task. */
  waits(pending: readonly PendingDecision[], atMs: number): void {
    const now = deadlinesOf(pending);
    const expired = pending.find(({ id }) => this.#deadlines.has(id) && !now.has(id));
    if (expired !== undefined) this.#control('pause', { reason: `nobody decided ${expired.id} in time` });
    this.#deadlines = now;
    this.desk.waits(pending, atMs);
  }

  /** A signal that the task hears with its next workflow task. */
  sent(signal: Sent): void {
    this.#unheard.push(signal);
  }

  /** An update: its sender was answered. */
  updated(update: Sent, atMs: number): void {
    this.#take(update, { atMs, isSignal: false, standing: [] });
  }

  /** A workflow task has begun. @param standing ids of the approvals that stand @returns signals that changed nothing */
  hear(atMs: number, standing: readonly string[]): Ignored[] {
    const heard = this.#unheard;
    this.#unheard = [];
    return heard.flatMap((signal) => {
      const reason = this.#take(signal, { atMs, isSignal: true, standing });
      return reason === undefined ? [] : [toIgnored(signal.name, reason)];
    });
  }

  #take(
    message: Sent,
    {
      atMs,
      isSignal,
      standing,
    }: { readonly atMs: number; readonly isSignal: boolean; readonly standing: readonly string[] },
  ): string | undefined {
    const { name, payload } = message;
    if (name === 'pause') return this.#pause(payload);
    if (name === 'resume') return this.#resume(payload);
    const named = standing.find((id) => name === `revoke ${id.replace('-', ' ')}`);
    if (name === 'revoke' || named !== undefined) return refuseRevoke(payload, named, standing);
    return this.desk.take(message, atMs, isSignal);
  }

  /** Since this was asked last: how the task was paused, and let go on. */
  controls(): readonly Control[] {
    const told = this.#controls;
    this.#controls = [];
    return told;
  }

  #control(type: Control['type'], detail: Control['detail']): undefined {
    this.#isPaused = type === 'pause';
    this.#controls.push({ type, detail });
  }

  #pause(payload: unknown): string | undefined {
    const checked = checkControl('reason', payload);
    if (!checked.ok) return checked.refusal;
    if (this.#isPaused) return 'the task is paused already';
    return this.#control('pause', defined({ reason: checked.value }));
  }

  #resume(payload: unknown): string | undefined {
    const checked = checkControl('guidance', payload);
    if (!checked.ok) return checked.refusal;
    if (!this.#isPaused && checked.value === undefined) return 'the task is not paused';
    return this.#control('resume', defined({ guidance: checked.value }));
  }
}

const deadlinesOf = (pending: readonly PendingDecision[]): Set<string> =>
  new Set(pending.flatMap(({ id, deadline }) => (deadline === undefined ? [] : [id])));

const refuseRevoke = (payload: unknown, named: string | undefined, standing: readonly string[]): string | undefined => {
  const checked = checkRevoke(payload, named);
  if (!checked.ok) return checked.refusal;
  const { id } = checked.value;
  if (standing.includes(id.trim().replace(' ', '-'))) return undefined;
  const there = standing.length === 0 ? 'nothing stands' : `standing: ${standing.join(', ')}`;
  return `no approval ${JSON.stringify(id.slice(0, 80))} stands in this task; ${there}`;
};
