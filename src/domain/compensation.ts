import type { Risk } from './approval-rule.ts';
import type { PendingDecision } from './decision.ts';
import { cutText, type Json } from './json.ts';
import type { OutcomeStatus } from './task.ts';

/** An undo that was registered before its effect began; plain data that continue-as-new passes on. */
export type Undo = {
  readonly callId: string;
  readonly tool: string;
  readonly args: unknown;
  /** The effect's idempotency key. */
  readonly key: string;
  /** How long the tool may take for one call, milliseconds. */
  readonly timeoutMs: number;
  /** The task queue of the tool's own. */
  readonly taskQueue?: string | undefined;
  /** Of the call. Undos of before have none. */
  readonly risk?: Risk | undefined;
};

/** What came of undoing a call's effect, for the trace. */
export type Compensation = { readonly status: string; readonly message?: string };

/** Words for an effect that a person undid. @param why undoing it failed before */
export const byHand = (why: string): string => `undone by hand${why === '' ? '' : `, after: ${why}`}`;

/** Ends after which the effects of a task are taken back. */
const UNDONE: ReadonlySet<OutcomeStatus> = new Set(['failed', 'cancelled', 'rejected', 'limit']);

/** Tells whether a task that ended like this is to be undone. */
export const isUndoneAfter = (status: OutcomeStatus): boolean => UNDONE.has(status);

/** What is asked about undoing. */
export type UndoQuestion = 'undo_task' | 'undo_shared' | 'undo_failed';

/** Words for the two answers to a question that is answered with `approve` or `deny`. */
type Words = { readonly heading: string; readonly yes: string; readonly no: string };

const UNDO_WORDS: Record<UndoQuestion, Words> = {
  undo_task: { heading: 'Decide whether to undo what the task did', yes: 'Undo it', no: 'Keep it' },
  undo_shared: { heading: 'Others rely on this: undo it all the same?', yes: 'Undo it all the same', no: 'Leave it' },
  undo_failed: { heading: 'Undoing failed: say what to do', yes: 'Done by hand', no: 'Leave it' },
};

/** What is asked about the task as a whole, while it runs. */
export type ReviewQuestion = 'review_point' | 'limit' | 'loop' | 'final_output';

const REVIEW_WORDS: Record<ReviewQuestion, Words> = {
  review_point: { heading: 'Go on?', yes: 'Go on', no: 'End the task' },
  limit: { heading: 'Allow more?', yes: 'Allow more', no: 'End the task' },
  loop: { heading: 'It seems to go in circles: go on?', yes: 'Go on', no: 'End the task' },
  final_output: { heading: 'Review the result', yes: 'Accept it', no: 'Send it back' },
};

const WORDS: Record<PendingDecision['kind'], Words> = {
  approval: { heading: 'Approve or deny', yes: 'Approve', no: 'Deny' },
  answer: { heading: 'Answer the agent’s question', yes: 'Approve', no: 'Refuse' },
  review: REVIEW_WORDS.final_output,
  effect: { heading: 'Say whether it happened', yes: 'It happened', no: 'It did not' },
  compensation: UNDO_WORDS.undo_failed,
};

/** How a question and its two answers are called. */
export const wordsFor = ({ kind, reasons }: Pick<PendingDecision, 'kind' | 'reasons'>): Words => {
  const code = reasons[0]?.code ?? '';
  if (kind === 'compensation' && Object.hasOwn(UNDO_WORDS, code)) return UNDO_WORDS[code as UndoQuestion];
  if (kind === 'review' && Object.hasOwn(REVIEW_WORDS, code)) return REVIEW_WORDS[code as ReviewQuestion];
  return WORDS[kind];
};

/** What a question about a whole task is about: the effects that would be undone, last first. Its name is made of this. */
export const toBeUndone = (undo: readonly Undo[]): Json => ({
  effects: undo.toReversed().map(({ callId, tool }) => `${callId} ${tool}`),
});

const ARGS_BYTES = 160;

/** The same, as a person is shown it: nobody can decide about `s2.c1 flights.book` alone. */
export const withArguments = (undo: readonly Undo[]): Json => ({
  effects: undo
    .toReversed()
    .map(({ callId, tool, args }) => `${callId} ${tool} ${cutText(JSON.stringify(args ?? null), ARGS_BYTES)}`),
});
