import type { Client } from '@temporalio/client';
import { HoldfastError } from '../domain/failures.ts';
import { buildTrace, type Trace } from '../domain/trace.ts';
import type { SetupItem, TranscriptItem } from '../domain/transcript.ts';
import { Transcript } from '../domain/transcript.ts';
import { readTask } from './history.ts';
import { RecordReader } from './record.ts';

const readRecord = async (client: Client, taskId: string) => {
  const reader = new RecordReader(taskId);
  for await (const { event, runId } of readTask(client, taskId)) reader.push(event, runId);
  return reader.record;
};

/** What a task did and why, from its event history: needs no worker. @throws HoldfastError `Task.NotFound` */
export const readTrace = async (client: Client, taskId: string): Promise<Trace> =>
  buildTrace(await readRecord(client, taskId));

/** The exact prompt of a step. `isVerified`: its digest is the one recorded when the model was called. */
export type StepPrompt = {
  readonly step: number;
  readonly isVerified: boolean;
  readonly promptDigest: string;
  readonly setup: SetupItem | null;
  readonly items: readonly TranscriptItem[];
};

/**
 * Rebuilds what the model was given at a step from history, and checks it against the recorded digest.
 * @throws HoldfastError `Task.NotFound` when there is no such task or step
 */
export const readPrompt = async (client: Client, taskId: string, step: number): Promise<StepPrompt> => {
  const record = await readRecord(client, taskId);
  const at = record.items.findIndex(({ id }) => id === `s${step}`);
  const recorded = record.steps.find(({ n }) => n === step);
  if (at < 0 || recorded === undefined) {
    throw new HoldfastError('Task.NotFound', `the task ${taskId} has no step ${step}; it has ${record.steps.length}.`);
  }
  const given = record.items.slice(0, at);
  const { digest } = new Transcript(given).at;
  return {
    step,
    isVerified: digest === recorded.promptDigest,
    promptDigest: recorded.promptDigest,
    setup: given.findLast((item): item is SetupItem => item.kind === 'setup') ?? null,
    items: given.filter(({ kind }) => kind !== 'setup'),
  };
};
