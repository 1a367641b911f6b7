import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { PendingDecision } from '../domain/decision.ts';
import { HoldfastError } from '../domain/failures.ts';
import { AGENT_TASK_TYPE, COMPENSATE_TASK_TYPE, MEMO } from '../domain/task.ts';
import { decodeOne } from './history.ts';

/** A task in a list. */
export type TaskSummary = {
  readonly taskId: string;
  readonly runId: string;
  readonly status: string;
  readonly agent: string | null;
  readonly goal: string | null;
  readonly principal: string | null;
  readonly tenant: string | null;
  readonly costUsd: number | null;
  readonly startedAt: string | null;
  readonly closedAt: string | null;
  readonly pending: readonly PendingDecision[];
};

/** What a list is narrowed to. */
export type TaskFilter = {
  readonly status?: string | undefined;
  readonly agent?: string | undefined;
  readonly principal?: string | undefined;
  readonly tenant?: string | undefined;
  readonly waitingFor?: string | undefined;
};

/** A page of tasks, newest first; `next` is given to the next call. */
export type TaskPage = { readonly tasks: readonly TaskSummary[]; readonly next: string | null };

const ATTRIBUTES = {
  status: 'HoldfastStatus',
  agent: 'HoldfastAgent',
  principal: 'HoldfastPrincipal',
  tenant: 'HoldfastTenant',
  waitingFor: 'HoldfastWaitingFor',
} as const satisfies Record<keyof TaskFilter, string>;

/** A value in a list filter; quotes in it are doubled as Temporal's SQL-like language wants. */
const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Statuses of tasks that have not ended: closed runs keep their last values, so the run's own state is asked too. */
const OPEN: ReadonlySet<string> = new Set(['running', 'waiting', 'paused', 'compensating']);

/** Statuses that no workflow could write any more, as the server calls them. */
const ENDED_FROM_OUTSIDE: Readonly<Record<string, string>> = { terminated: 'Terminated', 'timed out': 'TimedOut' };

const TASKS = `WorkflowType IN ('${AGENT_TASK_TYPE}', '${COMPENSATE_TASK_TYPE}')`;

const toQuery = (filter: TaskFilter): string => {
  const terms = [TASKS];
  for (const [field, attribute] of Object.entries(ATTRIBUTES)) {
    const value = filter[field as keyof TaskFilter];
    if (value === undefined) continue;
    const ended = field === 'status' ? ENDED_FROM_OUTSIDE[value] : undefined;
    terms.push(ended === undefined ? `${attribute} = ${quote(value)}` : `ExecutionStatus = '${ended}'`);
  }
  if (filter.waitingFor !== undefined || OPEN.has(filter.status ?? '')) terms.push("ExecutionStatus = 'Running'");
  return terms.join(' AND ');
};

type Execution = NonNullable<
  Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>>['executions']
>[number];

const time = (at: { seconds?: unknown } | null | undefined): string | null =>
  at?.seconds === undefined || at.seconds === null ? null : new Date(Number(at.seconds) * 1_000).toISOString();

const CLOSED: Record<number, string> = { 3: 'failed', 4: 'cancelled', 5: 'terminated', 7: 'timed out' };

const textOf = (value: unknown): string | null => {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : null;
};

/** Reads one of a map of payloads. */
const reader =
  (fields: Record<string, Payload> | null | undefined) =>
  (name: string): unknown => {
    const payload = fields?.[name];
    return payload === undefined ? null : decodeOne(payload);
  };

const RUNNING = 1;

/** A list entry, from visibility alone: no worker is asked. */
export const toSummary = (execution: Execution): TaskSummary => {
  const attribute = reader(execution.searchAttributes?.indexedFields);
  const memo = reader(execution.memo?.fields);
  const code = Number(execution.status);
  const pending = memo(MEMO.pending);
  const cost = attribute('HoldfastCostUsd');
  return {
    ...idsOf(execution),
    status: CLOSED[code] ?? textOf(attribute('HoldfastStatus')) ?? (code === RUNNING ? 'running' : 'completed'),
    agent: textOf(memo(MEMO.agent)),
    goal: textOf(memo(MEMO.goal)),
    principal: textOf(attribute('HoldfastPrincipal')),
    tenant: textOf(attribute('HoldfastTenant')),
    costUsd: typeof cost === 'number' ? cost : null,
    startedAt: time(execution.startTime),
    closedAt: time(execution.closeTime),
    pending: code === RUNNING && Array.isArray(pending) ? pending : [],
  };
};

const idsOf = ({ execution }: Execution) => ({ taskId: execution?.workflowId ?? '', runId: execution?.runId ?? '' });

type PageOptions = { readonly limit: number; readonly next?: string | undefined };

const queryPage = async (client: Client, query: string, { limit, next }: PageOptions): Promise<TaskPage> => {
  const answer = await client.workflowService.listWorkflowExecutions({
    namespace: client.options.namespace,
    query,
    pageSize: limit,
    ...(next === undefined ? {} : { nextPageToken: Buffer.from(next, 'base64url') }),
  });
  const token = answer.nextPageToken;
  const further = token && token.length > 0 ? Buffer.from(token).toString('base64url') : null;
  return { tasks: (answer.executions ?? []).map(toSummary), next: further };
};

const lacksAttribute = (error: unknown): boolean =>
  /not a valid search attribute|invalid search attribute|no mapping defined/i.test(String(error));

/**
 * One page of tasks.
 * @param options `limit` 1 to 1,000; `next` of the page before
 * @throws HoldfastError `Spec.Invalid` when a filter needs a search attribute that the namespace lacks
 */
export const listTasks = async (client: Client, filter: TaskFilter, options: PageOptions): Promise<TaskPage> => {
  try {
    return await queryPage(client, toQuery(filter), options);
  } catch (error) {
    if (!lacksAttribute(error)) throw error;
    throw new HoldfastError(
      'Spec.Invalid',
      `this namespace lacks a search attribute for that filter (${String(error).slice(0, 200)}); \`holdfast doctor\` says how to add it.`,
      { cause: error },
    );
  }
};

/**
 * One page of tasks in which something waits for a person. What waits stands in the memo, so a namespace without the
 * search attributes has an inbox too: its pages are of all running tasks, and may be empty before the last.
 */
export const listWaiting = async (client: Client, filter: TaskFilter, options: PageOptions): Promise<TaskPage> => {
  try {
    return await queryPage(client, toQuery({ status: 'waiting', ...filter }), options);
  } catch (error) {
    if (!lacksAttribute(error) || Object.values(filter).some((value) => value !== undefined)) throw error;
    const { tasks, next } = await queryPage(client, `${TASKS} AND ExecutionStatus = 'Running'`, options);
    return { tasks: tasks.filter(({ pending }) => pending.length > 0), next };
  }
};
