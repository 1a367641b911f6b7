import * as wf from '@temporalio/workflow';
import { boundPending } from '../domain/decision.ts';
import { isRecord, jsonBytes } from '../domain/json.ts';
import type { TaskRecord } from '../domain/record.ts';
import { SIZES } from '../domain/sizes.ts';
import type { Standing } from '../domain/standing.ts';
import { buildTrace, type Trace } from '../domain/trace.ts';
import type { TranscriptPage } from '../domain/transcript.ts';
import type { TaskState } from './state.ts';

/** Steps that the query `trace` shows at most; the whole trace is read from event history. */
const TRACED_STEPS = 50;

/** What the query `status` answers. */
export type StatusView = {
  readonly taskId: string;
  readonly status: string;
  readonly agent: string | undefined;
  readonly goal: string | undefined;
  readonly doing: string;
  readonly step: number;
  readonly usage: TaskState['usage'];
  readonly limits: unknown;
  readonly pending: readonly string[];
  /** The agent's plan as it is now. */
  readonly plan: unknown;
  /** Yeses that reach further than one call. */
  readonly standing: readonly Standing[];
  /** The budget review point was passed. */
  readonly reviewed: boolean;
};

const statusView = (task: TaskState): StatusView => ({
  taskId: task.taskId,
  status: task.status,
  agent: task.admission?.agent,
  goal: task.admission?.goal,
  doing: task.doing,
  step: task.step,
  usage: task.usage,
  limits: task.admission?.limits,
  pending: task.desk.pending.map(({ id }) => id),
  plan: task.plan ?? null,
  standing: task.standing,
  reviewed: task.isReviewed,
});

/** INVARIANT H1: an answer over the server's bound fails; the last steps that fit are given. */
const boundedTrace = (task: TaskState): Trace => {
  for (let count = TRACED_STEPS; ; count = Math.floor(count / 2)) {
    const steps = task.steps.slice(-count);
    const record: TaskRecord = { ...pick(task), steps: count === 0 ? [] : steps };
    const trace = buildTrace(record);
    if (count === 0 || jsonBytes(trace) <= SIZES.queryPage) return trace;
  }
};

const pick = (task: TaskState): Omit<TaskRecord, 'steps'> => ({
  taskId: task.taskId,
  status: task.status,
  spec: task.spec,
  items: task.transcript.items,
  events: task.events,
  compensations: task.compensations,
  plan: task.plan,
});

const count = (value: unknown, fallback: number): number =>
  typeof value === 'number' && value >= 0 ? Math.floor(value) : fallback;

/** Registers the queries of a task. */
export const registerQueries = (task: TaskState): void => {
  wf.setHandler(wf.defineQuery<StatusView>('status'), () => statusView(task), {
    description: 'What the task is doing',
  });
  wf.setHandler(
    wf.defineQuery<unknown>('pending'),
    () => boundPending(task.desk.pending, { all: SIZES.queryPage, each: SIZES.pendingWhole }),
    {
      description: 'What waits for a person',
    },
  );
  wf.setHandler(wf.defineQuery<Trace>('trace'), () => boundedTrace(task), { description: 'The last steps, and why' });
  wf.setHandler(
    wf.defineQuery<TranscriptPage, [unknown?]>('transcript'),
    (request) => {
      const { from, to } = isRecord(request) ? request : {};
      return task.transcript.page(count(from, 0), count(to, task.transcript.at.version), SIZES.queryPage);
    },
    { description: 'Transcript items {"from":0,"to":9}, a page at a time' },
  );
};
