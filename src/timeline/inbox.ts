import type { Client } from '@temporalio/client';
import type { Risk } from '../domain/approval-rule.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { HoldfastError } from '../domain/failures.ts';
import { durationMs } from '../domain/schemas/duration.ts';
import { FURTHER_ROLES } from '../domain/waiting-roles.ts';
import type { TaskSummary } from './task-summary.ts';
import {
  attributeMissing,
  lacksAttribute,
  type PageOptions,
  queryPage,
  quote,
  RUNNING,
  TASKS,
  type TaskFilter,
  type TaskPage,
  toTerms,
} from './tasks.ts';

/** What an inbox is narrowed to. */
export type InboxFilter = TaskFilter & {
  /** What this role, or one of these, may decide; null: what anybody may decide. */
  readonly role?: string | readonly string[] | null | undefined;
  readonly risk?: Risk | undefined;
  /** Asked at least so long ago: `90m`, or milliseconds. */
  readonly olderThan?: string | number | undefined;
};

/** A page of what waits for people, what was asked first on top: an array. Its `next` is given to the next call; null: it is the last. */
export type PendingPage = readonly PendingDecision[] & { readonly next: string | null };

/** Not enumerable: written as JSON and compared, a page is its questions. */
const toPage = (pending: readonly PendingDecision[], next: string | null): PendingPage =>
  Object.defineProperty([...pending], 'next', { value: next }) as readonly PendingDecision[] as PendingPage;

/** The server knows neither risk nor age: where a page holds too little of what is looked for, so many are looked at. */
const MAX_CALLS = 20;

const toRoles = (role: InboxFilter['role']): readonly string[] | undefined =>
  role === undefined || role === null ? undefined : typeof role === 'string' ? [role] : role;

/**
 * Queries for what waits, the narrowest first; each is for a namespace that lacks a search attribute of the one before. What
 * waits stands in the memo, so a namespace without any has an inbox too: it looks at all running tasks.
 */
const toQueries = (filter: InboxFilter): readonly string[] => {
  const { waitingFor, status, principal, tenant } = filter;
  const roles = toRoles(filter.role);
  // Not the status: a paused task may have questions, too.
  const waiting = waitingFor === undefined ? ['HoldfastWaitingFor IS NOT NULL'] : [];
  const known = [TASKS, ...toTerms(filter), ...waiting, RUNNING];
  const among = [...(roles ?? []), FURTHER_ROLES].map(quote).join(', ');
  const byRole = roles === undefined ? [] : [`HoldfastWaitingRoles IN (${among})`];
  // Neither of them stands in the memo.
  const needsServer = status !== undefined || principal !== undefined || tenant !== undefined;
  return [
    ...(byRole.length === 0 ? [] : [[...known, ...byRole]]),
    known,
    ...(needsServer ? [] : [[TASKS, RUNNING]]),
  ].map((terms) => terms.join(' AND '));
};

const toAge = (olderThan: InboxFilter['olderThan']): number => {
  try {
    return typeof olderThan === 'string' ? durationMs(olderThan) : (olderThan ?? Number.NEGATIVE_INFINITY);
  } catch (error) {
    throw new HoldfastError('Spec.Invalid', `olderThan: ${error instanceof Error ? error.message : String(error)}.`);
  }
};

type Wanted = (task: TaskSummary) => readonly PendingDecision[];

type Fits = (pending: PendingDecision) => boolean;

/** Questions of before name no role, so anybody may decide them. */
const fitsRole = (role: InboxFilter['role']): Fits => {
  if (role === undefined) return () => true;
  const roles = toRoles(role);
  if (roles === undefined) return ({ who }) => (who?.roles ?? []).length === 0;
  return ({ who }) => roles.some((each) => who?.roles.includes(each) === true);
};

/** What of a task is looked for. */
const toWanted = ({ waitingFor, agent, role, risk, olderThan }: InboxFilter): Wanted => {
  const before = Date.now() - toAge(olderThan);
  const checks: readonly Fits[] = [
    ({ kind }) => waitingFor === undefined || kind === waitingFor,
    (one) => risk === undefined || one.risk === risk,
    ({ since }) => Date.parse(since) <= before,
    fitsRole(role),
  ];
  return ({ agent: of, pending }) =>
    agent === undefined || of === agent ? pending.filter((one) => checks.every((check) => check(one))) : [];
};

/** Asks with the first query that the namespace can answer. @returns that query too, for the next page */
const queryFirst = async (
  client: Client,
  { list, queries: [query = '', ...others] }: { readonly list: string; readonly queries: readonly string[] },
  options: PageOptions,
): Promise<{ readonly page: TaskPage; readonly queries: readonly string[] }> => {
  try {
    return { page: await queryPage(client, { query, list }, options), queries: [query, ...others] };
  } catch (error) {
    if (!lacksAttribute(error)) throw error;
    if (others.length === 0) throw attributeMissing(error);
    return await queryFirst(client, { list, queries: others }, options);
  }
};

const byAge = (a: PendingDecision, b: PendingDecision): number =>
  a.since < b.since ? -1 : a.since > b.since ? 1 : `${a.taskId} ${a.id}` < `${b.taskId} ${b.id}` ? -1 : 1;

/**
 * One page of what waits for people. One list call, no worker; where the server cannot filter (risk, age), up to twenty, and the
 * page may hold less than `limit` while `next` still leads on.
 * @param options `limit` counts tasks
 * @throws HoldfastError `Page.Unknown` for a token that is none; `Spec.Invalid` when a filter needs a search attribute that the namespace lacks, or is none
 */
export const readInbox = async (client: Client, filter: InboxFilter, options: PageOptions): Promise<PendingPage> => {
  const wanted = toWanted(filter);
  const found: (readonly PendingDecision[])[] = [];
  let queries = toQueries(filter);
  // The same on every page, whichever of them the namespace can answer.
  const list = queries.join('\n');
  let next: string | null | undefined = options.next;
  for (let calls = 0; calls < MAX_CALLS && next !== null && found.length < options.limit; calls++) {
    const limit = options.limit - found.length;
    const answer: Awaited<ReturnType<typeof queryFirst>> = await queryFirst(client, { list, queries }, { limit, next });
    queries = answer.queries;
    next = answer.page.next;
    found.push(...answer.page.tasks.map(wanted).filter((pending) => pending.length > 0));
  }
  return toPage(found.flat().toSorted(byAge), next ?? null);
};
