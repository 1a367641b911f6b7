import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { until as untilOften } from '../support/waiting.ts';
import type { ToolName } from './desk-agent.ts';
import { type Saying, say } from './people.ts';
import { PATIENCE_MS, type Stage } from './stage.ts';

/** Looks less often: many tasks are looked at, and the workers need the machine. */
export const until = async <T>(read: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> => {
  let isFirst = true;
  return await untilOften(
    async () => {
      if (!isFirst) await delay(200);
      isFirst = false;
      return await read();
    },
    what,
    PATIENCE_MS,
  );
};

/** A task whose questions wait, in the order of its calls. */
export type Waiting = { readonly task: TaskHandle; readonly pending: readonly PendingDecision[] };

/** Waits until so many questions of a task wait, and nothing is under way. */
export const untilAsked = (task: TaskHandle, count: number): Promise<readonly PendingDecision[]> =>
  until(async () => {
    const { pending, activity } = await task.status();
    return pending.length === count && activity === null ? pending : undefined;
  }, `${count} decisions are pending`);

/** Starts a task that calls these tools at once, the first with 100, the next with 200, and waits until it asks. */
export const ask = async (stage: Stage, ...tools: readonly ToolName[]): Promise<Waiting> => {
  const task = await stage.run(...tools.map((tool, index) => ({ tool, args: { amount: (index + 1) * 100 } })));
  return { task, pending: await untilAsked(task, tools.length) };
};

/** The only question of a task. */
export const only = ({ pending: [pending] }: Waiting): PendingDecision => {
  if (pending === undefined) throw new Error('nothing is pending');
  return pending;
};

/** Says something about a question; see `say`. */
export const tell = ({ client }: Stage, pending: PendingDecision, saying: Saying): Promise<void> =>
  say(client.temporal, pending, saying);

/** Says something that is to be refused. @returns why it was */
export const refusalOf = async (saying: Promise<void>): Promise<string> =>
  saying.then(
    () => 'it was taken',
    (error: unknown) => {
      if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? '';
      throw error;
    },
  );

/** What waits by a worker's word. */
export const whatWaits = async ({ client }: Stage, { task }: Waiting): Promise<readonly PendingDecision[]> =>
  await client.temporal.workflow.getHandle(task.taskId).query<readonly PendingDecision[]>('pending');

/** Waits until a worker says that exactly this waits. */
export const untilWaits = async (
  stage: Stage,
  waiting: Waiting,
  isIt: (pending: readonly PendingDecision[]) => boolean,
): Promise<void> => {
  const look = async () => isIt(await whatWaits(stage, waiting)) || undefined;
  await until(() => look().catch(() => undefined), `${waiting.task.taskId} waits for what is left`);
};

/** Waits until every task's history has so many activities of a type, scheduled or completed. */
export const untilActivities = async (
  { client }: Stage,
  all: readonly Waiting[],
  wanted: { readonly type: string; readonly count: number; readonly are: 'scheduled' | 'completed' },
): Promise<void> => {
  const { type, count, are } = wanted;
  const countOf = async ({ task }: Waiting): Promise<number> => {
    const { events } = await client.temporal.workflow.getHandle(task.taskId).fetchHistory();
    const scheduled = (events ?? []).flatMap(({ eventId, activityTaskScheduledEventAttributes: activity }) =>
      activity?.activityType?.name === type ? [String(eventId)] : [],
    );
    if (are === 'scheduled') return scheduled.length;
    return (events ?? []).filter(({ activityTaskCompletedEventAttributes: done }) =>
      scheduled.includes(String(done?.scheduledEventId)),
    ).length;
  };
  await until(
    async () => (await Promise.all(all.map(countOf))).every((each) => each >= count) || undefined,
    `${count} activities ${type} are ${are} everywhere`,
  );
};
