import * as wf from '@temporalio/workflow';
import type { Expiry } from '../domain/approval-rule.ts';
import type { DeskStep, PendingDecision } from '../domain/decision.ts';
import { advanceDecision } from '../domain/desk.ts';
import { describeStep, msUntil, nextStep } from '../domain/desk-clock.ts';
import { noteAtDesk } from './reports.ts';
import type { TaskState } from './state.ts';
import { showPending } from './visibility.ts';

/** How long a deadline waits for a decision that came before it and is still being checked. */
const CHECKING = '30s';

/**
 * One durable timer for each question, for what happens next if nobody decides. Times are absolute, so a new run goes on with
 * them; a question without a timeline costs no event.
 */
export class DeskClock {
  readonly #task: TaskState;
  readonly #onExpired: (pending: PendingDecision, then: Expiry) => void;
  readonly #running = new Map<string, wf.CancellationScope>();

  /** @param onExpired told of a question whose deadline passed; it is still on the desk */
  constructor(task: TaskState, onExpired: (pending: PendingDecision, then: Expiry) => void) {
    this.#task = task;
    this.#onExpired = onExpired;
  }

  /** Starts the timer of a question on the desk. Not cancelled with the task: that takes the question off the desk, first. */
  start(id: string): void {
    if (this.#next(id) === undefined) return;
    void wf.CancellationScope.nonCancellable(async () => {
      const scope = new wf.CancellationScope();
      this.#running.set(id, scope);
      await scope.run(() => this.#run(id)).catch(ignoreCancellation);
    });
  }

  /** Ends the timer of a question that was decided or withdrawn. */
  stop(id: string): void {
    this.#running.get(id)?.cancel();
    this.#running.delete(id);
  }

  #find(id: string): PendingDecision | undefined {
    return this.#task.desk.pending.find((pending) => pending.id === id);
  }

  #next(id: string): DeskStep | undefined {
    const pending = this.#find(id);
    return pending === undefined ? undefined : nextStep(pending);
  }

  async #run(id: string): Promise<void> {
    for (let step = this.#next(id); step !== undefined; step = this.#next(id)) {
      const pending = this.#find(id);
      if (pending === undefined) return;
      await wf.sleep(msUntil(step, Date.now()), { summary: describeStep(pending, step) });
      // A decision in the same workflow task as its deadline is there already: messages come first. One whose signature or
      // arguments are still being checked came before the deadline, too.
      if (step.do === 'expire' && !wf.allHandlersFinished()) {
        await wf.condition(wf.allHandlersFinished, CHECKING, { summary: `${id}: a decision is being checked` });
      }
      this.#take(id, step);
    }
  }

  #take(id: string, step: DeskStep): void {
    const due = this.#find(id);
    if (due === undefined) return;
    if (step.do === 'expire') return this.#onExpired(due, step.then);
    const pending = advanceDecision(this.#task.desk, id) ?? due;
    const type = step.do === 'remind' ? 'reminded' : 'escalated';
    this.#task.event(type, step.do === 'remind' ? { id } : { id, roles: step.roles });
    noteAtDesk(this.#task, type, { pending });
    showPending(this.#task);
  }
}

const ignoreCancellation = (error: unknown): void => {
  if (!wf.isCancellation(error)) throw error;
};
