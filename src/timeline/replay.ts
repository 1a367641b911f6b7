import { ReplayError, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { findBundle, type WorkflowBundle } from '../bundle.ts';
import type { HistoryEvent } from './history.ts';
import type { ProgressEvent } from './progress-event.ts';
import { RecordReader } from './record.ts';

/** A step that the replay confirmed. */
export type ReplayedStep = { readonly n: number; readonly tools: readonly string[] };

/** The first event of a history that today's workflow code would not have made. */
export type ReplayDifference = {
  /** Null where no event could be found out. */
  readonly eventId: number | null;
  readonly eventType: string | null;
  /** What the code did instead. */
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
const readSteps = (
  taskId: string,
  events: readonly HistoryEvent[],
): { readonly at: number; readonly step: ReplayedStep }[] => {
  const reader = new RecordReader(taskId);
  return events.flatMap((event) =>
    reader
      .push(event, '')
      .filter((progress): progress is Proposed => progress.type === 'proposed')
      .map(({ step, calls }) => ({ at: eventNumber(event), step: { n: step, tools: calls.map(({ tool }) => tool) } })),
  );
};

const typeOf = (event: HistoryEvent): string | null => {
  const attributes = Object.keys(event).find(
    (key) => key.endsWith('EventAttributes') && event[key as keyof HistoryEvent],
  );
  return attributes === undefined
    ? null
    : attributes.charAt(0).toUpperCase() + attributes.slice(1, -'EventAttributes'.length);
};

/** Found once: from sources it is made, and a task may have many runs. */
let bundle: Promise<WorkflowBundle> | undefined;

/** What the SDK says, without the layers that it is wrapped in. */
const instead = ({ message }: Error): string => {
  const said = /Nondeterminism error: ((?:[^"\\]|\\.)*)/.exec(message)?.[1] ?? message;
  const [, machine, made] = /^(\w+)Machine does not handle HistoryEvent\(id: \d+, (\w+)\)/.exec(said) ?? [];
  return machine === undefined ? said : `the history has ${made} here, the code makes ${machine} instead`;
};

type Replay = (events: readonly HistoryEvent[]) => Promise<Error | undefined>;

const replayWith =
  (workflowBundle: WorkflowBundle, taskId: string): Replay =>
  async (events) => {
    try {
      await Worker.runReplayHistory({ workflowBundle }, { events }, taskId);
      return undefined;
    } catch (error) {
      if (error instanceof DeterminismViolationError || error instanceof ReplayError) return error;
      throw error;
    }
  };

/** The first events of a history up to here replay, those up to the next one do not: found by halving. */
const findFirst = async (events: readonly HistoryEvent[], replay: Replay): Promise<HistoryEvent | undefined> => {
  // Events 1 to 3 start the first workflow task: nothing is replayed before that.
  let [good, bad] = [Math.min(3, events.length - 1), events.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if ((await replay(events.slice(0, middle))) === undefined) good = middle;
    else bad = middle;
  }
  return events[bad - 1];
};

/** The SDK names the event in some of its messages only, as `HistoryEvent(id: 5, ActivityTaskScheduled)`. */
const toDifference = async (
  error: Error,
  events: readonly HistoryEvent[],
  replay: Replay,
): Promise<ReplayDifference> => {
  const named = /HistoryEvent\(id: (\d+)/.exec(error.message)?.[1];
  const event =
    named === undefined ? await findFirst(events, replay) : events.find((each) => eventNumber(each) === Number(named));
  if (event === undefined) return { eventId: null, eventType: null, message: instead(error) };
  return { eventId: eventNumber(event), eventType: typeOf(event), message: instead(error) };
};

/**
 * Runs the recorded history of one run through today's workflow code: no network, no key, no activity runs.
 * @returns `ok: false` with the first event that differs, where the code would not have made this history
 * @throws Error when the replay itself could not be run
 */
export const replayHistory = async ({ taskId, history, onStep }: ReplayRequest): Promise<ReplayReport> => {
  const events = history.events ?? [];
  const steps = readSteps(taskId, events);
  const replay = replayWith(await (bundle ??= findBundle()), taskId);
  const startedAt = performance.now();
  const error = await replay(events);
  const facts = { steps: steps.length, events: events.length, ms: Math.round(performance.now() - startedAt) };
  if (error === undefined) {
    for (const { step } of steps) onStep?.(step);
    return { ok: true, ...facts };
  }
  const difference = await toDifference(error, events, replay);
  for (const { at, step } of steps) if (difference.eventId !== null && at < difference.eventId) onStep?.(step);
  return { ok: false, ...facts, difference };
};
