import * as wf from '@temporalio/workflow';
import type { PendingDecision } from '../domain/decision.ts';
import type { DeskEventType } from '../domain/desk-event.ts';
import { deskEvent, firstBatch, type Happened, isReported } from '../domain/desk-events.ts';
import { cutText } from '../domain/json.ts';
import { reporting } from './activities.ts';
import { afterTheRest } from './hand-over.ts';
import type { TaskState } from './state.ts';

const REASON_BYTES = 500;

/** An event's id is its own within the task's life; the run that undoes an ended task asks on that task's account. */
const prefixOf = ({ taskId, admission }: TaskState): string =>
  admission?.context.taskId === taskId ? '' : `${wf.workflowInfo().firstExecutionRunId.slice(0, 8)}/`;

/** Notes what happened to a question, where such a thing is reported; it is told in the background. */
export const noteAtDesk = (
  task: TaskState,
  type: DeskEventType,
  { pending, human }: { readonly pending: PendingDecision; readonly human?: Happened['human'] },
): void => {
  if (!isReported(type, task.admission?.reports)) return;
  const event = deskEvent(type, pending, { at: new Date(Date.now()).toISOString(), human });
  task.unreported.push({ ...event, id: `${prefixOf(task)}${event.id}` });
};

const describe = (error: unknown): string => {
  const cause = error instanceof wf.ActivityFailure ? (error.cause ?? error) : error;
  return cutText(cause instanceof Error ? cause.message : String(cause), REASON_BYTES);
};

/** Tells the store, one batch after another, what happened at the desk. Nothing waits for it but the task's end. */
export class DeskReports {
  readonly #task: TaskState;

  constructor(task: TaskState) {
    this.#task = task;
  }

  /** Begins to tell. Nothing that cancels the task cancels it. */
  start(): void {
    void wf.CancellationScope.nonCancellable(() => this.#pump());
  }

  async #pump(): Promise<never> {
    for (;;) {
      await wf.condition(() => this.#task.unreported.length > 0);
      // What a decision leads to waits for the rest as well, and is scheduled before the report of it.
      await afterTheRest();
      await afterTheRest();
      await this.#send();
    }
  }

  async #send(): Promise<void> {
    const { unreported, admitted } = this.#task;
    const events = firstBatch(unreported);
    const [first] = events;
    const more = events.length > 1 ? ` and ${events.length - 1} more` : '';
    const summary = `report: ${first?.decisionId} ${first?.type}${more}`;
    try {
      await reporting.report.executeWithOptions({ summary }, [{ context: admitted.context, events }]);
    } catch (error) {
      // The task does not fail for it: what happened stands in its own history.
      this.#task.event('report_failed', { events: events.map(({ id }) => id), reason: describe(error) });
    }
    // Only now: a run that takes over meanwhile tells it again, and the store knows each event by its id.
    unreported.splice(0, events.length);
  }
}
