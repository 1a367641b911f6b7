import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Admission } from '../activities/messages.ts';
import type { Undo } from '../domain/compensation.ts';
import { HoldfastError } from '../domain/failures.ts';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import { COMPENSATE_TASK_TYPE, compensationId, type EffectRecord, MEMO } from '../domain/task.ts';
import type { CompensationSpec } from '../workflows/compensate-task.ts';
import { notFound, readTask } from './history.ts';
import { RecordReader } from './record.ts';

/** What an ended task did, as its history tells, and what undoing it needs. */
export type Undoable = {
  readonly taskId: string;
  readonly taskQueue: string;
  /** Absent: the task was not admitted, so it did nothing. */
  readonly admission: Admission | undefined;
  /** In the order in which the effects began. */
  readonly undo: readonly Undo[];
  readonly effects: readonly EffectRecord[];
};

/** Effects that one run undoes: its input and its history stay under the server's bounds. */
const MAX_EFFECTS = 200;

/**
 * Reads what a task did that may have to be undone. Needs no worker.
 * @throws HoldfastError `Task.NotFound`; `Task.Running`: such a task undoes by itself
 */
export const readUndoable = async (client: Client, taskId: string): Promise<Undoable> => {
  const description = await client.workflow
    .getHandle(taskId)
    .describe()
    .catch((error: unknown) => {
      throw notFound(taskId, error);
    });
  if (description.status.name === 'RUNNING') throw new HoldfastError('Task.Running', `${taskId} has not ended.`);
  const reader = new RecordReader(taskId);
  for await (const { event, runId } of readTask(client, taskId)) reader.push(event, runId);
  const { admission, effects } = reader.account;
  return {
    taskId,
    taskQueue: description.taskQueue,
    admission,
    undo: effects.undo,
    effects: reader.record.outcome?.effects ?? effects.records,
  };
};

/** As many of the last effects as one run can be given; at least one. */
const lastPart = (undo: readonly Undo[]): readonly Undo[] => {
  const part: Undo[] = [];
  let bytes = 0;
  for (const each of undo.toReversed()) {
    bytes += jsonBytes(each);
    if (part.length > 0 && (bytes > SIZES.continueAsNew / 2 || part.length === MAX_EFFECTS)) break;
    part.unshift(each);
  }
  return part;
};

const toSpec = ({ taskId, effects }: Undoable, admission: Admission, undo: readonly Undo[]): CompensationSpec => {
  const calls = new Set(undo.map(({ callId }) => callId));
  const { fallback: _, ...rest } = admission;
  return {
    agent: admission.agent,
    goal: `Undo what ${taskId} did`,
    taskId,
    // The goal, its data and what else the task could have ended with are no business of this run.
    admission: { ...rest, goal: '', input: undefined, output: undefined },
    undo,
    effects: effects.filter(({ callId }) => calls.has(callId)),
  };
};

/**
 * Starts the undoing of the last effects that are given, or finds the one that is under way.
 * @returns the id of its run
 */
export const startCompensation = async (client: Client, undoable: Undoable, left: readonly Undo[]): Promise<string> => {
  const { taskId, taskQueue, admission } = undoable;
  const workflowId = compensationId(taskId);
  if (admission === undefined) throw new HoldfastError('Task.NotFound', `${taskId} was not admitted.`);
  const spec = toSpec(undoable, admission, lastPart(left));
  try {
    await client.workflow.start(COMPENSATE_TASK_TYPE, {
      args: [spec],
      workflowId,
      taskQueue,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      memo: { [MEMO.agent]: spec.agent, [MEMO.goal]: spec.goal },
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return workflowId;
};
