import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import type { TracedCall } from '../domain/trace.ts';
import { oneLine } from './text.ts';

/** How a task stands, as far as it matters to its calls. */
export type Standing = {
  readonly status: string;
  readonly pending: readonly PendingDecision[];
  readonly activity: { readonly type: string } | null;
};

/** Statuses of tasks that have not ended. */
const OPEN: ReadonlySet<string> = new Set(['running', 'waiting', 'paused', 'compensating']);

/** What takes calls further; reads travel with the next proposal. */
const RUNS: ReadonlySet<string> = new Set(['execute', 'read', 'resolve', 'propose']);

/** What a call does that has no result: a word, and what it waits for. */
export type CallState = { readonly word: string; readonly why: string };

const waitsFor = (question: PendingDecision): string =>
  `for “${wordsFor(question).heading}” (${oneLine(question.id, 40)}), and has not run`;

/** What a call does, by how its task stands. */
export const callState = (
  { id, result }: Pick<TracedCall, 'id' | 'result'>,
  { status, pending, activity }: Standing,
): CallState => {
  if (result !== undefined) return { word: result.status, why: '' };
  if (!OPEN.has(status)) return { word: 'no result', why: '' };
  const own = pending.find(({ callId }) => callId === id);
  if (own !== undefined) {
    const isUnknown = own.kind === 'effect';
    const whom = `for a person (${oneLine(own.id, 40)})`;
    return { word: isUnknown ? 'unknown' : 'waiting', why: isUnknown ? `: whether it happened waits ${whom}` : whom };
  }
  if (activity !== null && RUNS.has(activity.type)) return { word: 'running', why: '' };
  const [other] = pending;
  if (other !== undefined) return { word: 'waiting', why: waitsFor(other) };
  if (status === 'paused') return { word: 'waiting', why: 'for the task to be resumed, and has not run' };
  return { word: 'running', why: '' };
};
