import {
  type Client,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { Scope } from './domain/approval-rule.ts';
import type { PendingDecision } from './domain/decision.ts';
import { HoldfastError } from './domain/failures.ts';
import type { Outcome } from './domain/task.ts';
import type { Trace } from './domain/trace.ts';
import { notFound, readTask } from './timeline/history.ts';
import type { ProgressEvent } from './timeline/progress-event.ts';
import { RecordReader } from './timeline/record.ts';
import { type TaskSummary, toSummary } from './timeline/task-summary.ts';
import { readPrompt, readTrace, type StepPrompt } from './timeline/trace.ts';

/** What a decision answers with: the new state. */
export type Acknowledged = { readonly status: string; readonly pending: readonly string[] };

/** The state of a task: what visibility knows, and what its activity under way is doing. */
export type TaskState = TaskSummary & {
  /** The activity under way: how often it was tried, and how it failed last. */
  readonly activity: { readonly type: string; readonly attempt: number; readonly lastFailure: string | null } | null;
};

/** How long a decision waits for a worker to take it. */
const UPDATE_TIMEOUT_MS = 15_000;
/** How long a question is waited for that only a worker knows whole. */
const QUERY_TIMEOUT_MS = 3_000;

const findNamed = (pending: readonly PendingDecision[], name: string | undefined): PendingDecision | undefined => {
  const id = name?.trim().replace(' ', '-');
  const named = pending.filter((each) => id === undefined || each.id === id);
  const found = named.length > 0 ? named : pending.filter(({ callId }) => callId === id);
  return found.length === 1 ? found[0] : undefined;
};

/** A running or ended task. */
export class TaskHandle {
  readonly taskId: string;
  readonly #client: Client;
  readonly #workflow: WorkflowHandle;

  constructor(client: Client, taskId: string) {
    this.taskId = taskId;
    this.#client = client;
    this.#workflow = client.workflow.getHandle(taskId);
  }

  /** Waits for the outcome: of a task that failed or was cancelled, too. @throws HoldfastError `Task.NotFound` */
  async result(): Promise<Outcome> {
    try {
      return (await this.#workflow.result()) as Outcome;
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw notFound(this.taskId, error);
      // Terminated or failed by a bug: the task could not give its own outcome, so history gives it.
      const { outcome } = await this.trace();
      if (outcome === null) throw error;
      return outcome;
    }
  }

  /** The state of the task; needs no worker. @throws HoldfastError `Task.NotFound` */
  async status(): Promise<TaskState> {
    try {
      const { raw } = await this.#workflow.describe();
      const [activity] = raw.pendingActivities ?? [];
      const summary = toSummary(raw.workflowExecutionInfo ?? {});
      return {
        ...summary,
        activity:
          activity === undefined
            ? null
            : {
                type: activity.activityType?.name ?? '',
                attempt: activity.attempt ?? 1,
                lastFailure: activity.lastFailure?.message ?? null,
              },
      };
    } catch (error) {
      throw notFound(this.taskId, error);
    }
  }

  /** What the task did and why, from event history; needs no worker. @throws HoldfastError `Task.NotFound` */
  trace(): Promise<Trace> {
    return readTrace(this.#client, this.taskId);
  }

  /** The exact prompt of a step, checked against its recorded digest. */
  prompt(step: number): Promise<StepPrompt> {
    return readPrompt(this.#client, this.taskId, step);
  }

  /**
   * What happens in the task, from its beginning, as it happens; ends with `ended`. Reads history: needs no worker, and
   * whoever comes back later gets the same again.
   */
  async *progress(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ProgressEvent> {
    const reader = new RecordReader(this.taskId);
    for await (const { event, runId } of readTask(this.#client, this.taskId, {
      follow: true,
      signal: options.signal,
    })) {
      yield* reader.push(event, runId);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<ProgressEvent> {
    return this.progress();
  }

  /**
   * The question that a name means: its id, or its call; without a name the one that waits. It is what `signDecision` signs.
   * Needs no worker; long arguments may stand there cut, and what explains them may be left out. `whole` asks a worker for all of it.
   * @throws HoldfastError `Task.NotFound`; `Decision.Refused` when nothing or not exactly one fits; with `whole`: `Worker.NotReady`
   */
  async pendingDecision(name?: string, options: { readonly whole?: boolean } = {}): Promise<PendingDecision> {
    const { pending, status, closedAt } = await this.status();
    const found = findNamed(pending, name);
    if (found !== undefined) return options.whole === true ? ((await this.#whole(found.id)) ?? found) : found;
    const ids = pending.map(({ id }) => id).join(', ');
    const what =
      closedAt !== null
        ? `the task has ended (${status})`
        : pending.length === 0
          ? 'nothing is pending'
          : name === undefined
            ? `several decisions are pending, name one: ${ids}`
            : `${JSON.stringify(name.slice(0, 80))} is not pending; pending: ${ids}`;
    throw new HoldfastError('Decision.Refused', `${this.taskId}: ${what}.`);
  }

  /** The list holds a bounded part only; the workflow holds all of it. */
  async #whole(id: string): Promise<PendingDecision | undefined> {
    const query = () => this.#workflow.query<readonly PendingDecision[]>('pending');
    try {
      const pending = await this.#client.connection.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query);
      return pending.find((each) => each.id === id);
    } catch (error) {
      throw new HoldfastError('Worker.NotReady', `no worker told what waits in ${this.taskId}.`, { cause: error });
    }
  }

  /**
   * Lets a call run. Without `callId` the one pending decision is meant.
   * @throws HoldfastError `Decision.Refused`; `Worker.NotReady` when no worker takes it
   */
  approve(
    decision: {
      /** The question's id, or its call. */
      readonly callId?: string;
      /** All arguments, in place of the agent's; of an unknown effect what it returned; of a budget what is allowed further. */
      readonly args?: Record<string, unknown>;
      readonly note?: string;
      /** A claim: nothing proves it. */
      readonly by?: string;
      /** How far the yes reaches within the task; by default this call. */
      readonly scope?: Scope;
      /** With the scope `values`: JSON pointers of the arguments that have to stay the same; by default all of them. */
      readonly same?: readonly string[];
      /** A signed decision that says exactly this; see `signDecision`. */
      readonly token?: string;
    } = {},
  ): Promise<Acknowledged> {
    return this.#decide('approve', decision);
  }

  /** Refuses a call; the reason goes to the agent. @throws HoldfastError as `approve` */
  deny(
    decision: {
      readonly callId?: string;
      readonly reason?: string;
      readonly by?: string;
      readonly token?: string;
    } = {},
  ): Promise<Acknowledged> {
    return this.#decide('deny', decision);
  }

  /** Answers the agent's question. @throws HoldfastError as `approve` */
  answer(decision: {
    readonly questionId?: string;
    readonly text: string;
    readonly by?: string;
    readonly token?: string;
  }): Promise<Acknowledged> {
    return this.#decide('answer', decision);
  }

  /**
   * Takes back a yes that reaches further than one call: the calls to come are asked again. What runs already, runs.
   * @param id of the decision that gave it, as `trace()` lists it under `standing`
   * @param by a claim
   * @throws HoldfastError `Decision.Refused`, `Worker.NotReady`
   */
  revoke(id: string, by?: string): Promise<Acknowledged> {
    return this.#update('revoke', { id, ...(by === undefined ? {} : { by }) });
  }

  /** Stops before the next step. @throws HoldfastError `Decision.Refused` */
  pause(reason?: string): Promise<Acknowledged> {
    return this.#update('pause', reason === undefined ? {} : { reason });
  }

  /** Goes on, perhaps with words for the agent. @throws HoldfastError `Decision.Refused` */
  resume(guidance?: string): Promise<Acknowledged> {
    return this.#update('resume', guidance === undefined ? {} : { guidance });
  }

  /** Asks the task to stop; it ends with the status `cancelled`. @throws HoldfastError `Task.NotFound` */
  async cancel(): Promise<void> {
    try {
      await this.#workflow.cancel();
    } catch (error) {
      throw notFound(this.taskId, error);
    }
  }

  async #decide(name: string, decision: Record<string, unknown>): Promise<Acknowledged> {
    if (decision['callId'] !== undefined || decision['questionId'] !== undefined) return this.#update(name, decision);
    // A decision that names nothing could cross with another one on its way, so the pending one is named here.
    const { id } = await this.pendingDecision();
    return this.#update(name, { ...decision, id });
  }

  async #update(name: string, payload: Record<string, unknown>): Promise<Acknowledged> {
    try {
      const update = () => this.#workflow.executeUpdate<Acknowledged, [unknown]>(name, { args: [payload] });
      return await this.#client.connection.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, update);
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) {
        throw new HoldfastError('Decision.Refused', `${this.taskId}: ${error.cause?.message ?? error.message}.`, {
          cause: error,
        });
      }
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || /deadline/i.test(String(error))) {
        throw new HoldfastError(
          'Worker.NotReady',
          `no worker took "${name}" for ${this.taskId} within ${UPDATE_TIMEOUT_MS / 1000} s; is one running? It may count all the same once one is back: look before you send it again.`,
          { cause: error },
        );
      }
      if (/already completed|not found/i.test(String(error))) {
        const state = await this.status();
        throw new HoldfastError('Decision.Refused', `${this.taskId} has ended (${state.status}).`, { cause: error });
      }
      throw error;
    }
  }
}
