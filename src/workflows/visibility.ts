import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { boundPending } from '../domain/decision.ts';
import { cutText } from '../domain/json.ts';
import { renderPage } from '../domain/page.ts';
import { SIZES } from '../domain/sizes.ts';
import { MEMO, type SearchAttributeName, type TaskStatus } from '../domain/task.ts';
import { listRoles } from '../domain/waiting-roles.ts';
import type { End, TaskState } from './state.ts';

const STATUS = defineSearchAttributeKey('HoldfastStatus', 'KEYWORD');
const AGENT = defineSearchAttributeKey('HoldfastAgent', 'KEYWORD');
const PRINCIPAL = defineSearchAttributeKey('HoldfastPrincipal', 'KEYWORD');
const TENANT = defineSearchAttributeKey('HoldfastTenant', 'KEYWORD');
const WAITING_FOR = defineSearchAttributeKey('HoldfastWaitingFor', 'KEYWORD_LIST');
const WAITING_ROLES = defineSearchAttributeKey('HoldfastWaitingRoles', 'KEYWORD_LIST');
const COST = defineSearchAttributeKey('HoldfastCostUsd', 'DOUBLE');

/** Writes search attributes, those that the namespace has: an unregistered one would wedge the run. */
const upsert = (task: TaskState, pairs: readonly SearchAttributeUpdatePair[]): void => {
  const known = task.admission?.searchAttributes ?? [];
  const possible = pairs.filter(({ key }) => known.includes(key.name as SearchAttributeName));
  if (possible.length > 0) upsertSearchAttributes(possible);
};

/** An empty list takes the attribute away; `null` would stand there as a list of one `null`. */
const distinct = (words: readonly string[]): string[] => [...new Set(words)];

/** What is waited for, and who of: no value where nothing is, or where anybody may decide. */
const waitingFor = ({ desk }: TaskState): readonly SearchAttributeUpdatePair[] => [
  { key: WAITING_FOR, value: distinct(desk.pending.map(({ kind }) => kind)) },
  { key: WAITING_ROLES, value: distinct(listRoles(desk.pending.flatMap(({ who }) => who?.roles ?? []))) },
];

/** Tasks whose page is about to be made. */
const due = new WeakSet<TaskState>();

/**
 * Tells the page what to show. Costs no event: the page is an answer to a query. It is made once everything that came with the
 * same activation was taken: thousands of messages may come at once, and a page for each takes longer than a workflow task may.
 */
export const showPage = (task: TaskState): void => {
  if (due.has(task)) return;
  due.add(task);
  void makePageSoon(task);
};

const makePageSoon = async (task: TaskState): Promise<void> => {
  await Promise.resolve();
  due.delete(task);
  makePage(task);
};

const makePage = (task: TaskState): void =>
  setCurrentDetails(
    renderPage({
      taskId: task.taskId,
      status: task.status,
      agent: task.admission?.agent ?? '?',
      goal: task.admission?.goal ?? '',
      principal: task.admission?.context.principal.id ?? '?',
      doing: task.doing,
      usage: task.usage,
      limits: task.admission?.limits,
      pending: task.desk.pending,
      effects: task.effects,
      events: task.events,
      plan: task.plan,
      compensations: task.compensations,
      denied: task.denied,
      standing: task.standing,
      end: task.end,
    }),
  );

/** Says what the task is doing. Costs no event. */
export const showDoing = (task: TaskState, doing: string): void => {
  task.doing = doing;
  showPage(task);
};

/** Moves to a status and makes it findable. Costs events, so it happens on changes only. */
export const setStatus = (task: TaskState, status: TaskStatus): void => {
  task.status = status;
  upsert(task, [{ key: STATUS, value: status }, ...waitingFor(task)]);
  showPage(task);
};

/** What the list shows of a task from its first second on. */
export const showAdmission = (task: TaskState): void => {
  const { context, goal, specDigest, agent } = task.admitted;
  const { principal } = context;
  upsertMemo({ [MEMO.specDigest]: specDigest, [MEMO.agent]: agent, [MEMO.goal]: cutText(goal, 300) });
  upsert(task, [
    { key: STATUS, value: task.status },
    { key: AGENT, value: agent },
    { key: PRINCIPAL, value: principal.id },
    ...(principal.tenant === undefined ? [] : [{ key: TENANT, value: principal.tenant }]),
  ]);
  showPage(task);
};

const ENDED = 'ended';

/** What a task is that waits for a person: paused where its deadline paused it, or somebody did. */
const waitingStatus = ({ admission, paused }: TaskState): TaskStatus =>
  paused && admission?.approvalRules !== undefined ? 'paused' : 'waiting';

/** Shows, at the start of a run, what the run before was waiting for. Costs no event: memo and search attributes are taken over. */
export const showWaiting = (task: TaskState): void => {
  task.status = waitingStatus(task);
  showDoing(task, `waiting for a person: ${task.desk.pending.map(({ id }) => id).join(', ')}`);
};

/** What a task is while nothing waits for a person. */
const restingStatus = ({ end, paused }: TaskState): TaskStatus =>
  end !== undefined ? 'compensating' : paused ? 'paused' : 'running';

const statusNow = (task: TaskState): TaskStatus =>
  task.desk.pending.length > 0 ? waitingStatus(task) : restingStatus(task);

const writePending = (task: TaskState): void => {
  upsertMemo({ [MEMO.pending]: boundPending(task.desk.pending, { all: SIZES.memo, each: SIZES.pending }) });
  if (task.doing !== ENDED) setStatus(task, statusNow(task));
};

/** Of tasks whose memo was just written: whether it has changed since. */
const written = new WeakMap<TaskState, { isStale: boolean }>();

/**
 * Puts what is pending into the memo, so that the inbox is one list call and needs no worker. Once for all that comes at once:
 * the server takes 4 MB from a workflow task, and a memo for each of sixty questions, decisions or pauses is more than that.
 */
export const showPending = (task: TaskState): void => {
  // Tasks of before wrote it every time: their histories tell.
  if (task.admission?.approvalRules === undefined) return writePending(task);
  const last = written.get(task);
  if (last !== undefined) {
    last.isStale = true;
    task.status = statusNow(task);
    return;
  }
  const now = { isStale: false };
  written.set(task, now);
  writePending(task);
  void writeAgain(task, now);
};

const writeAgain = async (task: TaskState, now: { readonly isStale: boolean }): Promise<void> => {
  await Promise.resolve();
  written.delete(task);
  if (now.isStale) writePending(task);
};

/** The last values: a closed run keeps them. */
export const showEnd = (task: TaskState, end: End): void => {
  const { status } = end;
  task.end = end;
  task.status = status;
  task.doing = ENDED;
  upsert(task, [
    { key: STATUS, value: status },
    { key: COST, value: task.usage.costUsd },
  ]);
  showPage(task);
};
