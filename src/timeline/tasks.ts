import type { Client } from '@temporalio/client';
import { digestText } from '../domain/digest.ts';
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

/**
 * A token as it is given out: the server's own, with what it is a page of. What the server says of another one helps nobody ("something
 * went wrong, please retry"), or it takes it and gives a page of something else.
 */
const writeToken = (list: string, token: Uint8Array): string => {
  const own = Buffer.from(token).toString('base64url');
  return `${own}.${digestText(`${list}\n${own}`).slice(-8)}`;
};

const readToken = (list: string, given: string): Buffer => {
  const [own = ''] = given.split('.');
  const token = Buffer.from(own, 'base64url');
  if (writeToken(list, token) === given) return token;
  throw new HoldfastError('Page.Unknown', 'this is not the token of a next page of this list, with these filters.');
};

/** One page of what a query finds: one call to the server. @throws HoldfastError `Page.Unknown` for a token of another list */
export const queryPage = async (
  client: Client,
  { query, list = query }: Listed,
  { limit, next }: PageOptions,
): Promise<TaskPage> => {
  const token = next === undefined ? {} : { nextPageToken: readToken(list, next) };
  const { namespace } = client.options;
  const answer = await client.workflowService.listWorkflowExecutions({ namespace, query, pageSize: limit, ...token });
  const further = answer.nextPageToken;
  return {
    tasks: (answer.executions ?? []).map(toSummary),
    next: further && further.length > 0 ? writeToken(list, further) : null,
  };
};

/** What is asked of the server, and what its pages are pages of; by default of what is asked. */
export type Listed = { readonly query: string; readonly list?: string };

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
 * @throws HoldfastError `Page.Unknown` for a token that is none, `Spec.Invalid` when a filter needs a search attribute that the namespace lacks
 */
export const listTasks = async (client: Client, filter: TaskFilter, options: PageOptions): Promise<TaskPage> => {
  try {
    return await queryPage(client, { query: toQuery(filter) }, options);
  } catch (error) {
    throw lacksAttribute(error) ? attributeMissing(error) : error;
  }
};
