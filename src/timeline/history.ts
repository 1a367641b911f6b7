import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { HoldfastError } from '../domain/failures.ts';
import { cutText, jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';

/** An event of a run's history, as the server gives it. */
export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** The values of payloads; undefined for one that this process cannot read (a codec's, or none of JSON's). */
export const decodeAll = (payloads: { readonly payloads?: readonly Payload[] | null } | null | undefined): unknown[] =>
  (payloads?.payloads ?? []).map(decodeOne);

/** The value of one payload. */
export const decodeOne = (payload: Payload): unknown => {
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined;
  }
};

/** What a task makes of a payload that it cannot read: a text, which nothing accepts. */
const UNREADABLE = 'unreadable payload';

/** The first value that came with a message, as the task heard it; undefined: nothing came. */
export const firstAsHeard = (
  payloads: { readonly payloads?: readonly Payload[] | null } | null | undefined,
): unknown => {
  const [payload] = payloads?.payloads ?? [];
  try {
    return payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload);
  } catch {
    return UNREADABLE;
  }
};

/** Milliseconds since 1970 of an event. */
export const eventMs = ({ eventTime }: HistoryEvent): number =>
  Number(eventTime?.seconds ?? 0) * 1_000 + Math.floor((eventTime?.nanos ?? 0) / 1_000_000);

/** Turns Temporal's "not found" into ours, with what to do. */
export const notFound = (taskId: string, error: unknown): Error => {
  const isNotFound = error instanceof WorkflowNotFoundError || /not found|NOT_FOUND/i.test(String(error));
  if (isNotFound)
    return new HoldfastError('Task.NotFound', `there is no task ${JSON.stringify(taskId)}.`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
};

/** Words that somebody sent to a task. Anyone may send 2 MB; what a task takes is far smaller. */
export const boundMessage = (payload: unknown): unknown =>
  jsonBytes(payload) <= SIZES.toolArgs ? payload : cutText(JSON.stringify(payload), SIZES.pending);

type Page = { readonly events: readonly HistoryEvent[]; readonly next: Uint8Array | undefined };

const page = async (
  client: Client,
  request: {
    taskId: string;
    runId: string;
    next?: Uint8Array | undefined;
    wait: boolean;
    signal?: AbortSignal | undefined;
  },
): Promise<Page> => {
  const { taskId, runId, next, wait, signal } = request;
  // The SDK listens for an abort to come and does not see one that was there before the call.
  signal?.throwIfAborted();
  const call = () =>
    client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: taskId, runId },
      ...(next === undefined ? {} : { nextPageToken: next }),
      waitNewEvent: wait,
    });
  const answer = await (signal === undefined ? call() : client.connection.withAbortSignal(signal, call));
  const token = answer.nextPageToken;
  return { events: answer.history?.events ?? [], next: token && token.length > 0 ? token : undefined };
};

/** All events of one run; with `follow` it waits for those to come, until the run is closed. */
export async function* readRun(
  client: Client,
  run: { readonly taskId: string; readonly runId: string },
  options: { readonly follow?: boolean; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<HistoryEvent> {
  let next: Uint8Array | undefined;
  do {
    const got = await page(client, { ...run, next, wait: options.follow ?? false, signal: options.signal });
    yield* got.events;
    next = got.next;
  } while (next !== undefined);
}

/** The first event of a run. */
const firstEvent = async (client: Client, taskId: string, runId: string): Promise<HistoryEvent | undefined> => {
  const answer = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId: taskId, runId },
    maximumPageSize: 1,
  });
  return answer.history?.events?.[0];
};

/** The newest run of a task. @throws HoldfastError `Task.NotFound` */
const latestRun = async (client: Client, taskId: string): Promise<string> => {
  try {
    return (await client.workflow.getHandle(taskId).describe()).runId;
  } catch (error) {
    throw notFound(taskId, error);
  }
};

/** The runs of a task, oldest first: a long task continues in new ones. Runs past retention are left out. */
export const runChain = async (client: Client, taskId: string, latest?: string): Promise<string[]> => {
  const newest = latest ?? (await latestRun(client, taskId));
  const chain = [newest];
  for (let first = await firstEvent(client, taskId, newest); ; ) {
    const before = first?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    if (before === '') return chain;
    first = await firstEvent(client, taskId, before).catch(() => undefined);
    if (first === undefined) return chain;
    chain.unshift(before);
  }
};

/** All events of a task over its chain of runs; with `follow` until it has ended. */
export async function* readTask(
  client: Client,
  taskId: string,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<{ readonly runId: string; readonly event: HistoryEvent }> {
  const chain = await runChain(client, taskId);
  while (chain.length > 0) {
    const runId = chain.shift() ?? '';
    for await (const event of readRun(client, { taskId, runId }, options)) {
      yield { runId, event };
      const next = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      if (next && chain.length === 0) chain.push(next);
    }
  }
}
