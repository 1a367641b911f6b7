import { ReplayError, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowBundle } from './bundle.ts';
import type { HistoryEvent } from './history.ts';
import type { ProgressEvent } from './progress-event.ts';
import { RecordReader } from './record.ts';

/** A step that the replay confirmed. */
export type ReplayedStep = { readonly n: number; readonly tools: readonly string[] };

/** The first event of a history that today's workflow code would not have made. */
export type ReplayDifference = {
  /** Null where the SDK names none. */
  readonly eventId: number | null;
  readonly eventType: string | null;
  /** What the code did instead, in the SDK's words. */
  readonly message: string;
};

/** How the replay of one run went. */
export type ReplayReport = {
  readonly ok: boolean;
  readonly steps: number;
  readonly events: number;
  readonly ms: number;
  readonly difference?: ReplayDifference;
};

/** One run's history and how it is to be replayed. */
export type ReplayRequest = {
  readonly taskId: string;
  readonly history: { readonly events?: readonly HistoryEvent[] | null };
  /** Called for every step that the replay confirmed, in order; of a run that differs, for those before the difference. */
  readonly onStep?: (step: ReplayedStep) => void;
};

type Proposed = Extract<ProgressEvent, { type: 'proposed' }>;

const eventNumber = (event: HistoryEvent): number => Number(event.eventId ?? 0);

/** The steps of this run, each with the event that ended its thinking. */
const readSteps = (taskId: string, events: readonly HistoryEvent[]): { readonly at: number; readonly step: ReplayedStep }[] => {
  const reader = new RecordReader(taskId);
  return events.flatMap((event) =>
    reader
      .push(event, '')
      .filter((progress): progress is Proposed => progress.type === 'proposed')
      .map(({ step, calls }) => ({ at: eventNumber(event), step: { n: step, tools: calls.map(({ tool }) => tool) } })),
  );
};

const typeOf = (event: HistoryEvent): string | null => {
  const attributes = Object.keys(event).find((key) => key.endsWith('EventAttributes') && event[key as keyof HistoryEvent]);
  return attributes === undefined ? null : attributes.charAt(0).toUpperCase() + attributes.slice(1, -'EventAttributes'.length);
};

/** The SDK names the event in its message, as `HistoryEvent(id: 5, ActivityTaskScheduled)`. */
const toDifference = (error: Error, events: readonly HistoryEvent[]): ReplayDifference => {
  const named = /HistoryEvent\(id: (\d+)/.exec(error.message)?.[1];
  const eventId = named === undefined ? null : Number(named);
  const event = events.find((each) => eventNumber(each) === eventId);
  return { eventId, eventType: event === undefined ? null : typeOf(event), message: error.message };
};

/**
 * Runs the recorded history of one run through today's workflow code: no network, no key, no activity runs.
 * @returns `ok: false` with the first event that differs, where the code would not have made this history
 * @throws Error when the replay itself could not be run
 */
export const replayHistory = async ({ taskId, history, onStep }: ReplayRequest): Promise<ReplayReport> => {
  const events = history.events ?? [];
  const steps = readSteps(taskId, events);
  const options = { workflowBundle: await workflowBundle() };
  const startedAt = performance.now();
  const facts = () => ({ steps: steps.length, events: events.length, ms: Math.round(performance.now() - startedAt) });
  try {
    await Worker.runReplayHistory(options, history, taskId);
    for (const { step } of steps) onStep?.(step);
    return { ok: true, ...facts() };
  } catch (error) {
    if (!(error instanceof DeterminismViolationError || error instanceof ReplayError)) throw error;
    const difference = toDifference(error, events);
    for (const { at, step } of steps) if (difference.eventId !== null && at < difference.eventId) onStep?.(step);
    return { ok: false, ...facts(), difference };
  }
};
