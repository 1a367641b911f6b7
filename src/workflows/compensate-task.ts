import * as wf from '@temporalio/workflow';
import type { Admission } from '../activities/messages.ts';
import type { Undo } from '../domain/compensation.ts';
import { isRecord } from '../domain/json.ts';
import type { EffectRecord, Outcome } from '../domain/task.ts';
import { Desk } from './desk.ts';
import { registerQueries } from './queries.ts';
import { Saga } from './saga.ts';
import { type End, TaskState } from './state.ts';
import { showAdmission, showEnd } from './visibility.ts';

/** What starts the undoing of an ended task: all of it was read from the task's history. */
export type CompensationSpec = {
  /** For people, as in a task specification. */
  readonly agent: string;
  readonly goal: string;
  /** The task whose effects these are. */
  readonly taskId: string;
  /** What the task was admitted with, its context as it was when the effects were done. */
  readonly admission: Admission;
  /** In the order in which the effects began. */
  readonly undo: readonly Undo[];
  readonly effects: readonly EffectRecord[];
};

const isSpec = (spec: unknown): spec is CompensationSpec =>
  isRecord(spec) && Array.isArray(spec['undo']) && Array.isArray(spec['effects']) && isRecord(spec['admission']);

const UNFINISHED: ReadonlySet<string> = new Set(['shared', 'compensation_failed']);

/** How the undoing itself ended. */
const toEnd = ({ compensations }: TaskState): End => {
  const left = [...compensations].filter(([, { status }]) => UNFINISHED.has(status)).map(([callId]) => callId);
  return left.length === 0
    ? { status: 'completed' }
    : { status: 'failed', reason: `not undone, as a person decided: ${left.join(', ')}` };
};

/**
 * Undoes what a task did that can do so no longer itself: terminated in the UI, timed out, or completed and regretted.
 * Undoing again what is undone is harmless: the ledger knows.
 * @throws ApplicationFailure `Spec.Invalid`
 */
export async function compensateTask(spec: unknown): Promise<Outcome> {
  if (!isSpec(spec)) throw wf.ApplicationFailure.nonRetryable('this is not what a compensation needs.', 'Spec.Invalid');
  const { workflowId, runId } = wf.workflowInfo();
  const task = new TaskState({ taskId: workflowId, runId }, spec);
  // It was asked for by name, so nothing is asked first.
  task.admission = { ...spec.admission, agent: spec.agent, goal: spec.goal, onFailure: 'compensate' };
  task.undo.push(...spec.undo);
  task.effects.push(...spec.effects);
  task.end = { status: 'cancelled' };
  const desk = new Desk(task);
  desk.register();
  registerQueries(task);
  showAdmission(task);
  const { end } = task;
  await wf.CancellationScope.nonCancellable(() => new Saga(task, desk, () => Promise.resolve()).unwind(end));
  return wf.CancellationScope.nonCancellable(() => finish(task));
}

async function finish(task: TaskState): Promise<Outcome> {
  await wf.condition(wf.allHandlersFinished);
  const end = toEnd(task);
  showEnd(task, end);
  const { taskId, runId, usage, effects } = task;
  return { taskId, runId, ...end, usage, effects };
}
