import * as wf from '@temporalio/workflow';
import type { Admission } from '../activities/messages.ts';
import type { Undo } from '../domain/compensation.ts';
import { isRecord } from '../domain/json.ts';
import type { EffectRecord, Outcome } from '../domain/task.ts';
import { Desk } from './desk.ts';
import { handOver } from './hand-over.ts';
import { registerQueries } from './queries.ts';
import { Saga } from './saga.ts';
import { type Carried, type End, TaskState } from './state.ts';
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
 * @param carried the state that the run before this one handed over
 * @throws ApplicationFailure `Spec.Invalid`
 */
export async function compensateTask(spec: unknown, carried?: Carried): Promise<Outcome> {
  if (!isSpec(spec)) throw wf.ApplicationFailure.nonRetryable('this is not what a compensation needs.', 'Spec.Invalid');
  const { workflowId, runId } = wf.workflowInfo();
  const task = new TaskState({ taskId: workflowId, runId }, spec, carried);
  if (carried === undefined) begin(task, spec);
  const desk = new Desk(task);
  desk.register();
  registerQueries(task);
  if (carried === undefined) showAdmission(task);
  const end = task.end ?? CANCELLED;
  await wf.CancellationScope.nonCancellable(() => new Saga(task, desk, () => inNewRun(task)).unwind(end));
  return wf.CancellationScope.nonCancellable(() => finish(task, desk));
}

const CANCELLED: End = { status: 'cancelled' };

const begin = (task: TaskState, { admission, agent, goal, undo, effects }: CompensationSpec): void => {
  // It was asked for by name, so nothing is asked first.
  task.admission = { ...admission, agent, goal, onFailure: 'compensate' };
  task.undo.push(...undo);
  task.effects.push(...effects);
  task.end = CANCELLED;
};

/** Between two undos: a long history gets a new run, which goes on with the rest. Those of before had one run for all. */
async function inNewRun(task: TaskState): Promise<void> {
  if (task.admission?.approvalRules === undefined || task.undo.length === 0) return;
  if (!wf.workflowInfo().continueAsNewSuggested) return;
  await wf.condition(wf.allHandlersFinished);
  await handOver(task);
}

async function finish(task: TaskState, desk: Desk): Promise<Outcome> {
  await desk.settled();
  const end = toEnd(task);
  showEnd(task, end);
  const { taskId, runId, usage, effects } = task;
  return { taskId, runId, ...end, usage, effects };
}
