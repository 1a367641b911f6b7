import { randomUUID } from 'node:crypto';
import { Client, Connection, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { ConfigError, readEnvironment, resolveTemporal } from './config.ts';
import { issuesText } from './config-error.ts';
import type { PendingDecision } from './domain/decision.ts';
import { digestJson } from './domain/digest.ts';
import { HoldfastError } from './domain/failures.ts';
import { jsonBytes } from './domain/json.ts';
import { escapeText } from './domain/markdown.ts';
import { TaskId, TaskSpec } from './domain/schemas/task-spec.ts';
import { SIZES } from './domain/sizes.ts';
import { AGENT_TASK_TYPE, MEMO, TASK_QUEUE } from './domain/task.ts';
import { type DecisionToSign, signDecision } from './signers/sign.ts';
import { type Acknowledged, TaskHandle, type TaskState } from './task-handle.ts';
import { decodeAll, readTask, runChain } from './timeline/history.ts';
import { type InboxFilter, type PendingPage, readInbox } from './timeline/inbox.ts';
import type { ProgressEvent } from './timeline/progress-event.ts';
import type { TaskSummary } from './timeline/task-summary.ts';
import { listTasks, type TaskFilter, type TaskPage } from './timeline/tasks.ts';
import type { StepPrompt } from './timeline/trace.ts';

export type {
  Acknowledged,
  DecisionToSign,
  InboxFilter,
  PendingDecision,
  PendingPage,
  ProgressEvent,
  StepPrompt,
  TaskFilter,
  TaskPage,
  TaskState,
  TaskSummary,
};
export { signDecision, TaskHandle };

/** How to reach Temporal; what is left out comes from Temporal's environment configuration (profiles, TLS, API key). */
export type ConnectOptions = {
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
};

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
      const connection = await Connection.connect({
        ...target.connection,
        address: target.address,
        connectTimeout: '5s',
      });
      return new AgentClient(
        new Client({ connection, namespace: target.namespace }),
        options.taskQueue ?? readEnvironment().HOLDFAST_TASK_QUEUE,
      );
    } catch (error) {
      throw new ConfigError(
        `Temporal at ${target.address} cannot be reached (address from: ${target.source}). Start one with \`holdfast dev\`, or set TEMPORAL_ADDRESS or --address.`,
        { cause: error },
      );
    }
  }

  /** The namespace of its tasks; a signed decision is for one. */
  get namespace(): string {
    return this.temporal.options.namespace;
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
        // Markdown in the UI: a goal must not become links there (INVARIANT T4).
        staticSummary: escapeText(`${task.agent}: ${task.goal}`, 200),
        priority: {
          fairnessKey: (tenant ?? id).slice(0, 64),
          ...(task.priority === undefined ? {} : { priorityKey: task.priority }),
        },
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
    const first = (await history.next()).value as
      | { event: { workflowExecutionStartedEventAttributes?: { input?: unknown } } }
      | undefined;
    await history.return(undefined);
    const [started] = decodeAll(first?.event.workflowExecutionStartedEventAttributes?.input as never);
    const parsed = TaskSpec.safeParse(started);
    if (parsed.success && digestJson(parsed.data) === specDigest) return;
    throw new HoldfastError(
      'Task.Conflict',
      `the id ${taskId} belongs to a task with another specification or principal (run ${oldest}).`,
    );
  }

  /** The task of an id; nothing is asked of the server yet. */
  handle(taskId: string): TaskHandle {
    return new TaskHandle(this.temporal, taskId);
  }

  /** One page of tasks, newest first. */
  list(
    filter: TaskFilter = {},
    options: { readonly limit?: number; readonly next?: string | undefined } = {},
  ): Promise<TaskPage> {
    return listTasks(this.temporal, filter, { limit: options.limit ?? 50, next: options.next });
  }

  /**
   * One page of what waits for people, over all tasks: what was asked first on top. One list call, no worker needed. The server
   * can filter by kind, role, agent and tenant; for risk and age a page of tasks is looked through, and may then hold less than
   * `limit` while `next` still leads on.
   * @param options `limit` counts tasks, 1 to 1,000
   * @throws HoldfastError `Spec.Invalid`
   */
  inbox(
    filter: InboxFilter = {},
    options: { readonly limit?: number; readonly next?: string | undefined } = {},
  ): Promise<PendingPage> {
    return readInbox(this.temporal, filter, { limit: options.limit ?? 50, next: options.next });
  }

  async close(): Promise<void> {
    await this.temporal.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const parseSpec = (spec: unknown): TaskSpec => {
  const bytes = jsonBytes(spec);
  if (bytes > SIZES.spec)
    throw new HoldfastError('Spec.TooLarge', `the specification has ${bytes} bytes; at most ${SIZES.spec} are taken.`);
  const parsed = TaskSpec.safeParse(spec);
  if (!parsed.success) throw new HoldfastError('Spec.Invalid', `${issuesText(parsed.error)}.`);
  return parsed.data;
};

const parseTaskId = (taskId: string): string => {
  const parsed = TaskId.safeParse(taskId);
  if (!parsed.success) throw new HoldfastError('Spec.Invalid', `${issuesText(parsed.error)}.`);
  return parsed.data;
};
