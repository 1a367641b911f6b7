import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { boundPending } from '../domain/decision.ts';
import { cutText } from '../domain/json.ts';
import { renderPage } from '../domain/page.ts';
import { SIZES } from '../domain/sizes.ts';
import { MEMO, type SearchAttributeName, type TaskStatus } from '../domain/task.ts';
import type { End, TaskState } from './state.ts';

const STATUS = defineSearchAttributeKey('HoldfastStatus', 'KEYWORD');
const AGENT = defineSearchAttributeKey('HoldfastAgent', 'KEYWORD');
const PRINCIPAL = defineSearchAttributeKey('HoldfastPrincipal', 'KEYWORD');
const TENANT = defineSearchAttributeKey('HoldfastTenant', 'KEYWORD');
const WAITING_FOR = defineSearchAttributeKey('HoldfastWaitingFor', 'KEYWORD_LIST');
const COST = defineSearchAttributeKey('HoldfastCostUsd', 'DOUBLE');

/** Writes search attributes, those that the namespace has: an unregistered one would wedge the run. */
const upsert = (task: TaskState, pairs: readonly SearchAttributeUpdatePair[]): void => {
  const known = task.admission?.searchAttributes ?? [];
  const possible = pairs.filter(({ key }) => known.includes(key.name as SearchAttributeName));
  if (possible.length > 0) upsertSearchAttributes(possible);
};

/** What is waited for; no value where nothing is. */
const waitingFor = (task: TaskState): SearchAttributeUpdatePair => {
  const kinds = [...new Set(task.desk.pending.map(({ kind }) => kind))];
  return { key: WAITING_FOR, value: kinds.length > 0 ? kinds : null };
};

/** Tells the page what to show. Costs no event: the page is an answer to a query. */
export const showPage = (task: TaskState): void => {
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
      end: task.end,
    }),
  );
};

/** Says what the task is doing. Costs no event. */
export const showDoing = (task: TaskState, doing: string): void => {
  task.doing = doing;
  showPage(task);
};

/** Moves to a status and makes it findable. Costs events, so it happens on changes only. */
export const setStatus = (task: TaskState, status: TaskStatus): void => {
  task.status = status;
  upsert(task, [{ key: STATUS, value: status }, waitingFor(task)]);
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

/** What a task is while nothing waits for a person. */
const restingStatus = ({ end, paused }: TaskState): TaskStatus =>
  end !== undefined ? 'compensating' : paused ? 'paused' : 'running';

/** Puts what is pending into the memo, so that the inbox is one list call and needs no worker. */
export const showPending = (task: TaskState): void => {
  upsertMemo({ [MEMO.pending]: boundPending(task.desk.pending, { all: SIZES.memo, each: SIZES.pending }) });
  setStatus(task, task.desk.pending.length > 0 ? 'waiting' : restingStatus(task));
};

/** The last values: a closed run keeps them. */
export const showEnd = (task: TaskState, end: End): void => {
  const { status } = end;
  task.end = end;
  task.status = status;
  task.doing = 'ended';
  upsert(task, [
    { key: STATUS, value: status },
    { key: COST, value: task.usage.costUsd },
  ]);
  showPage(task);
};
