import * as wf from '@temporalio/workflow';
import type { Expiry } from '../domain/approval-rule.ts';
import type { PendingDecision } from '../domain/decision.ts';
import {
  advanceDecision,
  currentId,
  expireDecision,
  openDecision,
  type Ruling,
  withdrawDecision,
} from '../domain/desk.ts';
import { refuseUnknown } from '../domain/find-decision.ts';
import { toHuman } from './call.ts';
import { DeskClock } from './clock.ts';
import { pauseDoor, resumeDoor } from './controls.ts';
import { Deciding } from './deciding.ts';
import { closeDoor, openDoor, openForOthers } from './doors.ts';
import { Ending } from './ending.ts';
import { isUnwinding, outwait } from './hand-over.ts';
import { DeskReports, noteAtDesk } from './reports.ts';
import { revokeDoors } from './standing.ts';
import type { TaskState } from './state.ts';
import { showDoing, showPending, showWaiting } from './visibility.ts';

/** What a question is known by to whoever asks it: a run that takes over asks the same, and means the one that waits. */
const keyOf = ({ kind, callId, digest }: PendingDecision): string => `${kind} ${callId} ${digest}`;

/** What waits for people. */
export class Desk {
  readonly #task: TaskState;
  readonly #deciding: Deciding;
  readonly #clock: DeskClock;
  readonly #reports: DeskReports;
  /** Questions of the run before this one that nobody has asked again yet. */
  readonly #unclaimed: Set<string>;

  constructor(task: TaskState) {
    this.#task = task;
    this.#deciding = new Deciding(task, {
      onRuling: (ruling) => this.#take(ruling),
      onVote: () => showPending(task),
      onReplace: (before, after) => this.#replace(before, after),
    });
    this.#clock = new DeskClock(task, (pending, then) => this.#expire(pending, then));
    this.#reports = new DeskReports(task);
    this.#unclaimed = new Set(task.desk.pending.map(({ id }) => id));
  }

  /** Opens all doors. Synchronously at the start: signals may be there before the first line of the loop. */
  register(): void {
    const task = this.#task;
    const carried = [...task.desk.pending];
    // Those of a question's own name first: of signals that came between two runs, the one that says what it means counts.
    for (const pending of carried) this.#openDoors(pending);
    for (const door of [...this.#deciding.doors, ...revokeDoors(task)]) openDoor(task, door);
    openDoor(task, pauseDoor(task));
    openDoor(task, resumeDoor(task));
    openForOthers(task, (name) => refuseUnknown(task.desk, name, Date.now()));
    for (const { id } of carried) this.#clock.start(id);
    if (task.desk.pending.length > 0) showWaiting(task);
    this.#reports.start();
  }

  /** Puts a question before people and waits for the first valid decision. */
  async ask(pending: PendingDecision): Promise<Ruling> {
    return this.ruling(this.open(pending));
  }

  /**
   * Puts a question before people; one that a run before has asked is not asked again.
   * @returns the id by which it waits
   */
  open(pending: PendingDecision): string {
    const task = this.#task;
    const before = task.asked.get(keyOf(pending));
    if (before !== undefined) return before;
    this.#withdrawStale(pending);
    task.asked.set(keyOf(pending), pending.id);
    this.#put(pending);
    noteAtDesk(task, 'asked', { pending });
    showPending(task);
    return pending.id;
  }

  /** Whether a question waits already, or was decided and nobody has gone by it yet. */
  isAsked(pending: PendingDecision): boolean {
    return this.#task.asked.has(keyOf(pending));
  }

  /**
   * Waits, without time counting, for the decision of an open question. The run may end meanwhile; the next one asks again.
   * @throws Ending where the task is to end by a question that nobody decided in time
   */
  async ruling(id: string): Promise<Ruling> {
    const task = this.#task;
    this.#unclaimed.delete(currentId(task.desk, id));
    showDoing(task, `waiting for a person: ${currentId(task.desk, id)}`);
    task.stopClock();
    try {
      // A long wait must not run the history into the server's end.
      await outwait(task, () => this.#isEnding || task.rulings.has(currentId(task.desk, id)));
    } finally {
      task.startClock();
    }
    this.mustGoOn();
    const ruling = task.rulings.get(currentId(task.desk, id));
    if (ruling === undefined) throw new TypeError(`no ruling for ${id}`);
    task.rulings.delete(ruling.pending.id);
    for (const [key, each] of task.asked) if (each === id) task.asked.delete(key);
    return ruling;
  }

  /** Throws where the task is to end by a question that nobody decided in time. @throws Ending */
  mustGoOn(): void {
    const { ending } = this.#task;
    if (ending !== undefined && this.#isEnding) throw new Ending(ending);
  }

  /** What an ended task did is undone, whatever made it end (INVARIANT E7). */
  get #isEnding(): boolean {
    return this.#task.ending !== undefined && !isUnwinding(this.#task);
  }

  /** Takes all questions off the desk: the task ends. Those about undoing come after it. */
  clear(): void {
    this.#task.rulings.clear();
    this.#task.asked.clear();
    this.#unclaimed.clear();
    const open = [...this.#task.desk.pending];
    for (const pending of open) this.#withdraw(pending);
    if (open.length > 0) showPending(this.#task);
  }

  /** Until every message was answered, and everything that happened was told. */
  async settled(): Promise<void> {
    await wf.condition(() => wf.allHandlersFinished() && this.#task.unreported.length === 0);
  }

  #put(pending: PendingDecision): void {
    openDecision(this.#task.desk, pending);
    this.#openDoors(pending);
    this.#clock.start(pending.id);
  }

  #withdraw(pending: PendingDecision): void {
    withdrawDecision(this.#task.desk, pending.id, Date.now());
    this.#leave(pending);
    noteAtDesk(this.#task, 'withdrawn', { pending });
  }

  /** What a run before asked about the same thing, but not the same: nobody would go by its decision. */
  #withdrawStale({ kind, callId }: PendingDecision): void {
    const stale = this.#task.desk.pending.filter(
      (each) => each.kind === kind && each.callId === callId && this.#unclaimed.has(each.id),
    );
    for (const pending of stale) this.#withdraw(pending);
  }

  /** Other arguments are asked about: who waits for the one waits for the other, see `currentId`. */
  #replace(before: PendingDecision, after: PendingDecision): void {
    const task = this.#task;
    if (this.#unclaimed.delete(before.id)) this.#unclaimed.add(after.id);
    this.#leave(before);
    noteAtDesk(task, 'withdrawn', { pending: before });
    this.#openDoors(after);
    this.#clock.start(after.id);
    noteAtDesk(task, 'asked', { pending: after });
    showPending(task);
  }

  #take(ruling: Ruling): void {
    const { pending } = ruling;
    this.#task.rulings.set(pending.id, ruling);
    this.#leave(pending);
    noteAtDesk(this.#task, ruling.isExpired === true ? 'expired' : 'decided', { pending, human: toHuman(ruling) });
    showPending(this.#task);
  }

  /** Nobody decided in time. No machine says yes in a person's place. */
  #expire(pending: PendingDecision, then: Expiry): void {
    const task = this.#task;
    const { id } = pending;
    task.event('expired', { id, then });
    if (then === 'pause') {
      // Without its timeline: it waits until somebody decides.
      advanceDecision(task.desk, id);
      task.paused = true;
      task.event('pause', { reason: `nobody decided ${id} in time` });
      noteAtDesk(task, 'expired', { pending });
      return showPending(task);
    }
    if (then === 'fallback') {
      const { fallback } = task.admitted;
      const output = fallback === undefined ? {} : { output: fallback.output };
      task.ending = { status: 'fallback', reason: `nobody decided ${id} in time`, ...output };
    }
    const ruling = expireDecision(task.desk, id, Date.now());
    if (ruling !== undefined) this.#take(ruling);
  }

  #openDoors(pending: PendingDecision): void {
    for (const door of this.#deciding.doorsOf(pending)) openDoor(this.#task, door);
    // A message that came with the start of the run decides it as soon as the first of its doors is open.
    if (!this.#task.desk.pending.some(({ id }) => id === pending.id)) this.#closeDoors(pending);
  }

  #closeDoors(pending: PendingDecision): void {
    for (const { wire } of this.#deciding.doorsOf(pending)) closeDoor(wire);
  }

  #leave(pending: PendingDecision): void {
    this.#clock.stop(pending.id);
    this.#closeDoors(pending);
  }
}
