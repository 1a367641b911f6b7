import type { Client } from '@temporalio/client';
import { HoldfastError } from '../domain/failures.ts';
import { AGENT_TASK_TYPE, COMPENSATE_TASK_TYPE } from '../domain/task.ts';
import { type TaskSummary, toSummary } from './task-summary.ts';

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

/** `limit` 1 to 1,000; `next` of the page before. */
export type PageOptions = { readonly limit: number; readonly next?: string | undefined };

const ATTRIBUTES = {
  status: 'HoldfastStatus',
  agent: 'HoldfastAgent',
  principal: 'HoldfastPrincipal',
  tenant: 'HoldfastTenant',
  waitingFor: 'HoldfastWaitingFor',
} as const satisfies Record<keyof TaskFilter, string>;

/** A value in a list filter; quotes in it are doubled as Temporal's SQL-like language wants. */
export const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Statuses of tasks that have not ended: closed runs keep their last values, so the run's own state is asked too. */
const OPEN: ReadonlySet<string> = new Set(['running', 'waiting', 'paused', 'compensating']);

/** Statuses that no workflow could write any more, as the server calls them. */
const ENDED_FROM_OUTSIDE: Readonly<Record<string, string>> = { terminated: 'Terminated', 'timed out': 'TimedOut' };

/** Every task, and nothing else that runs on the namespace. */
export const TASKS = `WorkflowType IN ('${AGENT_TASK_TYPE}', '${COMPENSATE_TASK_TYPE}')`;

/** Closed runs keep their last values, so the run's own state is asked. */
export const RUNNING = "ExecutionStatus = 'Running'";

/** A filter in the server's words. */
export const toTerms = (filter: TaskFilter): string[] =>
  Object.entries(ATTRIBUTES).flatMap(([field, attribute]) => {
    const value = filter[field as keyof TaskFilter];
    if (value === undefined) return [];
    const ended = field === 'status' ? ENDED_FROM_OUTSIDE[value] : undefined;
    return [ended === undefined ? `${attribute} = ${quote(value)}` : `ExecutionStatus = '${ended}'`];
  });

const toQuery = (filter: TaskFilter): string => {
  const isOpen = filter.waitingFor !== undefined || OPEN.has(filter.status ?? '');
  return [TASKS, ...toTerms(filter), ...(isOpen ? [RUNNING] : [])].join(' AND ');
};

/** One page of what a query finds: one call to the server. */
export const queryPage = async (client: Client, query: string, { limit, next }: PageOptions): Promise<TaskPage> => {
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

/** Tells whether a query failed because the namespace lacks a search attribute. */
export const lacksAttribute = (error: unknown): boolean =>
  /not a valid search attribute|invalid search attribute|no mapping defined/i.test(String(error));

/** That, for whoever asked. */
export const attributeMissing = (error: unknown): HoldfastError =>
  new HoldfastError(
    'Spec.Invalid',
    `this namespace lacks a search attribute for that filter (${String(error).slice(0, 200)}); \`holdfast doctor\` says how to add it.`,
    { cause: error },
  );

/**
 * One page of tasks.
 * @throws HoldfastError `Spec.Invalid` when a filter needs a search attribute that the namespace lacks
 */
export const listTasks = async (client: Client, filter: TaskFilter, options: PageOptions): Promise<TaskPage> => {
  try {
    return await queryPage(client, toQuery(filter), options);
  } catch (error) {
    throw lacksAttribute(error) ? attributeMissing(error) : error;
  }
};
