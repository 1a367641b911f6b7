import { randomUUID } from 'node:crypto';
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { z } from 'zod';
import { ConfigError, readEnvironment, resolveTemporal } from './config.ts';
import type { PendingDecision } from './domain/decision.ts';
import { digestJson } from './domain/digest.ts';
import { HoldfastError } from './domain/failures.ts';
import { jsonBytes } from './domain/json.ts';
import { TaskId, TaskSpec } from './domain/schemas/task-spec.ts';
import { SIZES } from './domain/sizes.ts';
import { AGENT_TASK_TYPE, MEMO, type Outcome, TASK_QUEUE } from './domain/task.ts';
import type { Trace } from './domain/trace.ts';
import { decodeAll, notFound, readTask, runChain } from './timeline/history.ts';
import type { ProgressEvent } from './timeline/progress-event.ts';
import { RecordReader } from './timeline/record.ts';
import { listTasks, listWaiting, type TaskFilter, type TaskPage, type TaskSummary, toSummary } from './timeline/tasks.ts';
import { readPrompt, readTrace, type StepPrompt } from './timeline/trace.ts';

export type { ProgressEvent, StepPrompt, TaskFilter, TaskPage, TaskSummary };

/** How to reach Temporal; what is left out comes from Temporal's environment configuration (profiles, TLS, API key). */
export type ConnectOptions = {
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
};

/** What a decision answers with: the new state. */
export type Acknowledged = { readonly status: string; readonly pending: readonly string[] };

/** The state of a task: what visibility knows, and what its activity under way is doing. */
export type TaskState = TaskSummary & {
  /** The activity under way: how often it was tried, and how it failed last. */
  readonly activity: { readonly type: string; readonly attempt: number; readonly lastFailure: string | null } | null;
};

/** How long a decision waits for a worker to take it. */
const UPDATE_TIMEOUT_MS = 15_000;

/** What backend services use: starts tasks and talks to them. No Temporal type leaks out of it. */
export class AgentClient implements AsyncDisposable {
  /** Temporal's own client, for what Holdfast has no word for. */
  readonly temporal: Client;
  readonly #taskQueue: string;

  constructor(temporal: Client, taskQueue: string = TASK_QUEUE) {
    this.temporal = temporal;
    this.#taskQueue = taskQueue;
  }

  /**
   * Connects.
   * @throws ConfigError when the server cannot be reached, naming its address and where that was said
   */
  static async connect(options: ConnectOptions = {}): Promise<AgentClient> {
    const target = resolveTemporal(options);
    try {
      const connection = await Connection.connect({ ...target.connection, address: target.address, connectTimeout: '5s' });
      return new AgentClient(new Client({ connection, namespace: target.namespace }), options.taskQueue ?? readEnvironment().HOLDFAST_TASK_QUEUE);
    } catch (error) {
      throw new ConfigError(
        `Temporal at ${target.address} cannot be reached (address from: ${target.source}). Start one with \`holdfast dev\`, or set TEMPORAL_ADDRESS or --address.`,
        { cause: error },
      );
    }
  }

  /**
   * Starts a task. The same id with the same specification is the same task, also after it has ended.
   * @param options `taskId`: give one that your own request determines, and a retry cannot start a second task
   * @throws HoldfastError `Spec.Invalid`, `Spec.TooLarge`, `Task.Conflict`
   */
  async start(spec: TaskSpec, options: { readonly taskId?: string } = {}): Promise<TaskHandle> {
    const task = parseSpec(spec);
    const taskId = parseTaskId(options.taskId ?? `${task.agent}-${randomUUID().slice(0, 8)}`);
    const specDigest = digestJson(task);
    const { tenant, id } = task.principal;
    try {
      await this.temporal.workflow.start(AGENT_TASK_TYPE, {
        args: [task],
        workflowId: taskId,
        taskQueue: this.#taskQueue,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        memo: { [MEMO.specDigest]: specDigest, [MEMO.agent]: task.agent, [MEMO.goal]: task.goal.slice(0, 300) },
        staticSummary: `${task.agent}: ${task.goal.slice(0, 120)}`.replace(/[`*_[\]<>|\r\n]/g, ' '),
        priority: { fairnessKey: (tenant ?? id).slice(0, 64), ...(task.priority === undefined ? {} : { priorityKey: task.priority }) },
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await this.#refuseOther(taskId, specDigest);
    }
    return this.handle(taskId);
  }

  /** The same id means the same task only with the same specification and principal (INVARIANT H4). */
  async #refuseOther(taskId: string, specDigest: string): Promise<void> {
    const [oldest = ''] = await runChain(this.temporal, taskId);
    const history = readTask(this.temporal, taskId);
    const first = (await history.next()).value as { event: { workflowExecutionStartedEventAttributes?: { input?: unknown } } } | undefined;
    await history.return(undefined);
    const [started] = decodeAll(first?.event.workflowExecutionStartedEventAttributes?.input as never);
    const parsed = TaskSpec.safeParse(started);
    if (parsed.success && digestJson(parsed.data) === specDigest) return;
    throw new HoldfastError('Task.Conflict', `the id ${taskId} belongs to a task with another specification or principal (run ${oldest}).`);
  }

  /** The task of an id; nothing is asked of the server yet. */
  handle(taskId: string): TaskHandle {
    return new TaskHandle(this.temporal, taskId);
  }

  /** One page of tasks, newest first. */
  list(filter: TaskFilter = {}, options: { readonly limit?: number; readonly next?: string | undefined } = {}): Promise<TaskPage> {
    return listTasks(this.temporal, filter, { limit: options.limit ?? 50, next: options.next });
  }

  /** One page of everything that waits for a person; one list call, no worker needed. */
  async inbox(
    filter: TaskFilter = {},
    options: { readonly limit?: number; readonly next?: string | undefined } = {},
  ): Promise<{ readonly pending: readonly PendingDecision[]; readonly next: string | null }> {
    const { tasks, next } = await listWaiting(this.temporal, filter, { limit: options.limit ?? 50, next: options.next });
    const pending = tasks.flatMap((task) => task.pending);
    return { pending: pending.filter(({ kind }) => filter.waitingFor === undefined || kind === filter.waitingFor), next };
  }

  async close(): Promise<void> {
    await this.temporal.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

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
            : { type: activity.activityType?.name ?? '', attempt: activity.attempt ?? 1, lastFailure: activity.lastFailure?.message ?? null },
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
    for await (const { event, runId } of readTask(this.#client, this.taskId, { follow: true, signal: options.signal })) {
      yield* reader.push(event, runId);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<ProgressEvent> {
    return this.progress();
  }

  /** Lets a call run. Without `callId` the one pending decision is meant. @throws HoldfastError `Decision.Refused` */
  approve(decision: { readonly callId?: string; readonly args?: Record<string, unknown>; readonly note?: string; readonly by?: string } = {}): Promise<Acknowledged> {
    return this.#decide('approve', decision);
  }

  /** Refuses a call; the reason goes to the agent. @throws HoldfastError `Decision.Refused` */
  deny(decision: { readonly callId?: string; readonly reason?: string; readonly by?: string } = {}): Promise<Acknowledged> {
    return this.#decide('deny', decision);
  }

  /** Answers the agent's question. @throws HoldfastError `Decision.Refused` */
  answer(decision: { readonly questionId?: string; readonly text: string; readonly by?: string }): Promise<Acknowledged> {
    return this.#decide('answer', decision);
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
    const { pending } = await this.status();
    const [only] = pending;
    if (pending.length === 1 && only !== undefined) return this.#update(name, { ...decision, id: only.id });
    const what = pending.length === 0 ? 'nothing is pending' : `several decisions are pending, name one: ${pending.map(({ id }) => id).join(', ')}`;
    throw new HoldfastError('Decision.Refused', `${this.taskId}: ${what}.`);
  }

  async #update(name: string, payload: Record<string, unknown>): Promise<Acknowledged> {
    try {
      const update = () => this.#workflow.executeUpdate<Acknowledged, [unknown]>(name, { args: [payload] });
      return await this.#client.connection.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, update);
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) {
        throw new HoldfastError('Decision.Refused', `${this.taskId}: ${error.cause?.message ?? error.message}.`, { cause: error });
      }
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || /deadline/i.test(String(error))) {
        throw new HoldfastError('Worker.NotReady', `no worker took "${name}" for ${this.taskId} within ${UPDATE_TIMEOUT_MS / 1000} s; is one running? A plain signal of that name waits for one.`, { cause: error });
      }
      if (/already completed|not found/i.test(String(error))) {
        const state = await this.status();
        throw new HoldfastError('Decision.Refused', `${this.taskId} has ended (${state.status}).`, { cause: error });
      }
      throw error;
    }
  }
}

const parseSpec = (spec: unknown): TaskSpec => {
  const bytes = jsonBytes(spec);
  if (bytes > SIZES.spec) throw new HoldfastError('Spec.TooLarge', `the specification has ${bytes} bytes; at most ${SIZES.spec} are taken.`);
  const parsed = TaskSpec.safeParse(spec);
  if (!parsed.success) throw new HoldfastError('Spec.Invalid', z.prettifyError(parsed.error));
  return parsed.data;
};

const parseTaskId = (taskId: string): string => {
  const parsed = TaskId.safeParse(taskId);
  if (!parsed.success) throw new HoldfastError('Spec.Invalid', z.prettifyError(parsed.error));
  return parsed.data;
};
