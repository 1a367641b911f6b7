import type { Compensated } from '../activities/ports.ts';
import { byHand, type Compensation, isUndoneAfter, type Undo } from '../domain/compensation.ts';
import type { EffectRecord } from '../domain/task.ts';
import { readable, undoing } from './activities.ts';
import type { Desk } from './desk.ts';
import { resolveEffect, setEffect } from './effects.ts';
import type { Undoing } from './in-flight.ts';
import { askAboutUndo, askWhether, askWhetherToUndo } from './questions.ts';
import type { End, TaskState } from './state.ts';
import { setStatus, showDoing, showPage } from './visibility.ts';

/** How undoing one effect went in the end; `status` is the effect's new one, undefined where it stays as it was. */
type Undone = { readonly status: EffectRecord['status'] | undefined; readonly compensation: Compensation };

/** Tells whether a task that ended like this has anything to take back. */
export const mustUnwind = ({ admission, undo }: TaskState, { status }: End): boolean =>
  undo.length > 0 && isUndoneAfter(status) && admission?.onFailure !== 'keep';

const describe = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

/** Takes back what a task did, last first. Runs where nothing cancels it (INVARIANT E7). */
export class Saga {
  readonly #task: TaskState;
  readonly #desk: Desk;
  readonly #afterEach: () => Promise<void>;

  /** @param afterEach called between two undos; may continue as new */
  constructor(task: TaskState, desk: Desk, afterEach: () => Promise<void>) {
    this.#task = task;
    this.#desk = desk;
    this.#afterEach = afterEach;
  }

  /** Unwinds the stack of an ended task, after asking where it says so. */
  async unwind(end: End): Promise<void> {
    const task = this.#task;
    // A run that goes on with the unwinding of the one before was given the answer by it.
    if (task.end === undefined && task.admitted.onFailure === 'ask' && !(await this.#mayUndo(end))) return;
    if (task.end === undefined)
      task.event('compensating', { status: end.status, effects: task.undo.map(({ callId }) => callId) });
    task.end = end;
    // A run that takes over from one that waits for a person waits, too.
    if (task.desk.pending.length === 0) setStatus(task, 'compensating');
    for (let undo = task.undo.at(-1); undo !== undefined; undo = task.undo.at(-1)) {
      this.#record(undo, await this.#undo(undo));
      task.undo.pop();
      await this.#afterEach();
    }
  }

  async #mayUndo(end: End): Promise<boolean> {
    this.#task.asksToUndo = end;
    const ruling = await this.#desk.ask(askWhetherToUndo(this.#task, end));
    this.#task.asksToUndo = undefined;
    return ruling.message.name === 'approve';
  }

  #record(undo: Undo, { status, compensation }: Undone): void {
    const task = this.#task;
    if (status !== undefined) setEffect(task, undo, status);
    task.compensations.set(undo.callId, compensation);
    task.event('compensation', { callId: undo.callId, tool: undo.tool, ...compensation });
    showPage(task);
  }

  /** Takes one effect to the end of its undoing; people are asked as often as it needs them. */
  async #undo(undo: Undo): Promise<Undone> {
    const { callId } = undo;
    let isForced = this.#before(undo)?.isForced ?? false;
    for (;;) {
      // What the run before was told is not attempted again.
      const done = this.#before(undo)?.done ?? (await this.#attempt(undo, isForced));
      this.#task.undoing = { callId, done, isForced };
      const undone = await this.#conclude(undo, done, isForced);
      this.#task.undoing = undefined;
      if (typeof undone === 'object') return undone;
      isForced ||= undone === 'forced';
    }
  }

  /** What an attempt came to; or that there is to be another one, as a person said. */
  async #conclude(undo: Undo, done: Compensated, isForced: boolean): Promise<Undone | 'settled' | 'forced'> {
    const { status, message = '' } = done;
    if (status === 'unknown') {
      const problem = await this.#settle(undo, message);
      return problem === undefined ? 'settled' : this.#byHand(undo, problem);
    }
    if (status === 'shared' && !isForced) {
      return (await this.#ask(undo, 'undo_shared', message)) ? 'forced' : this.#done(undo, done);
    }
    return status === 'shared' || status === 'failed' ? this.#byHand(undo, message) : this.#done(undo, done);
  }

  /** What the run before came to with this undo, where it ended while a person was asked. */
  #before({ callId }: Undo): Undoing | undefined {
    const { undoing } = this.#task;
    return undoing?.callId === callId ? undoing : undefined;
  }

  /** What an answer of the activity means for the effect. */
  #done({ callId }: Undo, { status, message }: Compensated): Undone {
    const compensation = { status, ...(message === undefined ? {} : { message }) };
    if (status === 'compensated') return { status, compensation };
    const before = this.#task.effects.find((effect) => effect.callId === callId)?.status;
    // The ledger knows better than a lost worker: it never began.
    const isNothing = status === 'nothing' && before === 'unknown';
    return { status: isNothing ? 'failed' : undefined, compensation };
  }

  async #attempt(undo: Undo, isForced: boolean): Promise<Compensated> {
    const task = this.#task;
    const { callId: id, tool, args, key } = undo;
    const { context, heartbeatTimeoutMs } = task.admitted;
    showDoing(task, `undoing ${tool} (${id})`);
    const input = { call: { id, tool, args }, context, key, ...(isForced ? { isForced } : {}) };
    try {
      const { compensate } = undoing(undo, heartbeatTimeoutMs);
      return readable(await compensate.executeWithOptions({ summary: `undo ${id} ${tool}` }, [input]));
    } catch (error) {
      return { status: 'failed', message: describe(error) };
    }
  }

  /** INVARIANT E3: an effect of which nobody knows is not undone blindly. @returns why it could not be settled */
  async #settle(undo: Undo, why: string): Promise<string | undefined> {
    const task = this.#task;
    const ruling = await this.#desk.ask(askWhether(task, undo, why));
    setEffect(task, undo, ruling.message.name === 'approve' ? 'succeeded' : 'failed');
    try {
      await resolveEffect(task, undo, ruling);
      return undefined;
    } catch (error) {
      return describe(error);
    }
  }

  async #byHand(undo: Undo, message: string): Promise<Undone> {
    this.#task.undoing = { callId: undo.callId, done: { status: 'failed', message }, isForced: false };
    const isDone = await this.#ask(undo, 'undo_failed', message);
    const status = isDone ? 'compensated' : 'compensation_failed';
    return { status, compensation: { status, message: isDone ? byHand(message) : message } };
  }

  /** @returns whether the person approved */
  async #ask(undo: Undo, code: 'undo_shared' | 'undo_failed', why: string): Promise<boolean> {
    return (await this.#desk.ask(askAboutUndo(this.#task, undo, { code, why }))).message.name === 'approve';
  }
}
