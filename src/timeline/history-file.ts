import { type History, historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { z } from 'zod';
import { isRecord } from '../domain/json.ts';
import { AGENT_TASK_TYPE, COMPENSATE_TASK_TYPE } from '../domain/task.ts';

/** A history that was read from a file. */
export type HistoryFile = { readonly taskId: string; readonly runId: string; readonly history: History };

const ExportedHistory = z.looseObject({
  events: z
    .array(
      z.looseObject({
        eventId: z.union([z.string(), z.number()]),
        eventType: z.union([z.string(), z.number()]),
        workflowExecutionStartedEventAttributes: z.unknown().optional(),
      }),
    )
    .min(1),
});

const Payloads = z.looseObject({ payloads: z.array(z.looseObject({ metadata: z.record(z.string(), z.string()) })) });

const Started = z.looseObject({
  workflowType: z.looseObject({ name: z.string() }),
  workflowId: z.string().optional(),
  originalExecutionRunId: z.string().optional(),
  input: z.unknown(),
});

/** A file that is no history which can be replayed; the message names the file and says why. */
export class HistoryFileError extends Error {
  override readonly name = 'HistoryFileError';
}

const refuse = (source: string, why: string, cause?: unknown): HistoryFileError =>
  new HistoryFileError(`${source} is not a history that can be replayed: ${why}`, { cause });

const OURS: ReadonlySet<string> = new Set([AGENT_TASK_TYPE, COMPENSATE_TASK_TYPE]);

/** The server's own API wraps what the tools export as it is. */
const unwrap = (value: unknown): unknown => (isRecord(value) && isRecord(value['history']) ? value['history'] : value);

/**
 * Takes a history that the Temporal UI or the `temporal` CLI exported as JSON.
 * @param source names it in messages
 * @throws HistoryFileError when it is something else, or the history of another workflow
 */
export const parseHistoryFile = (value: unknown, source: string): HistoryFile => {
  const exported = ExportedHistory.safeParse(unwrap(value));
  if (!exported.success) throw refuse(source, 'it has no list "events".');
  const events = exported.data.events.map((event) => ({ ...event, eventId: String(event.eventId) }));
  const started = Started.safeParse(events[0]?.workflowExecutionStartedEventAttributes);
  if (!started.success) throw refuse(source, 'its first event is not WorkflowExecutionStarted.');
  const { workflowType, workflowId, originalExecutionRunId, input } = started.data;
  if (!OURS.has(workflowType.name))
    throw refuse(source, `it is of the workflow ${workflowType.name}, not of ${AGENT_TASK_TYPE}.`);
  if (!Payloads.safeParse(input).success) throw refuse(source, 'its payloads were decoded when it was exported.');
  try {
    return {
      taskId: workflowId ?? 'unknown',
      runId: originalExecutionRunId ?? '',
      history: historyFromJSON({ events }),
    };
  } catch (error) {
    throw refuse(source, error instanceof Error ? `${error.message}.` : String(error), error);
  }
};
