import { toBeUndone, type Undo, type UndoQuestion, withArguments } from '../domain/compensation.ts';
import { MAX_ORIGINS, type PendingDecision, questionId } from '../domain/decision.ts';
import { isTaken } from '../domain/desk.ts';
import { digestJson } from '../domain/digest.ts';
import { mostDoubtful, type Provenance } from '../domain/origin.ts';
import type { Decision, Reason } from '../domain/proposal.ts';
import type { Call, Turn } from './call.ts';
import type { End, TaskState } from './state.ts';
import { type About, type Draft, termsOf } from './terms.ts';

/**
 * Puts a question together: its name (no other one that this task asked lately has it), and who may decide it until when.
 * @param about what is known of the call, or of the effects, that it is about
 */
export const toPending = (task: TaskState, draft: Draft, about: About = {}): PendingDecision => {
  const sinceMs = Date.now();
  return {
    id: questionId(draft.callId, draft.digest, (id) => isTaken(task.desk, id)),
    taskId: task.taskId,
    since: new Date(sinceMs).toISOString(),
    ...draft,
    ...termsOf(task, draft, { ...about, sinceMs }),
  };
};

/** The results that origins and basis name: an id alone says nothing to a person. */
const sourcesOf = (
  { transcript }: TaskState,
  { provenance, decision }: { readonly provenance: Provenance; readonly decision: Decision | undefined },
): Pick<PendingDecision, 'sources'> => {
  const named = new Set([...Object.values(provenance).map(({ item }) => item), ...(decision?.basis ?? [])]);
  const found = transcript.items.flatMap((item) =>
    item.kind === 'result' && named.has(item.id) ? [[item.id, { tool: item.tool, trust: item.trust }] as const] : [],
  );
  return found.length === 0 ? {} : { sources: Object.fromEntries(found.slice(-MAX_ORIGINS)) };
};

/** What the gateway says of an approval that is void; whoever gave it is told the same with when that was. */
const BEFORE_CHANGED = 'before_changed';

const whatChanged = ({ isToolChanged, review }: Turn): string => {
  if (isToolChanged === true) return 'the tool itself changed since then';
  if (review.verdict.reasons.some(({ code }) => code === BEFORE_CHANGED))
    return 'what is there now is not what was shown then, so it would change something else';
  return 'the tool, or what is known of the call, changed since then';
};

/** Why a call asks. A person who has approved this very call must be told why it is there again, once and with what changed. */
const reasonsOf = (turn: Turn): readonly Reason[] => {
  const { approval, review } = turn;
  const { reasons } = review.verdict;
  if (approval === undefined) return reasons;
  const { by, at } = approval.human;
  const who = by === undefined ? '' : ` by ${by}`;
  const message = `it was approved at ${at.slice(11, 19)} UTC${who}, and asks again: ${whatChanged(turn)}`;
  return [...reasons.filter(({ code }) => code !== BEFORE_CHANGED), { code: 'asks_again', message }];
};

/** Whether a call may run, or, of the agent's own question, what the answer is. */
export const askAboutCall = (task: TaskState, call: Call, turn: Turn): PendingDecision => {
  const { review, args } = turn;
  const { decision } = call;
  const provenance = mostDoubtful(review.provenance ?? {}, MAX_ORIGINS);
  const isQuestion = review.question !== undefined;
  const draft: Draft = {
    kind: isQuestion ? 'answer' : 'approval',
    callId: call.raw.id,
    tool: review.tool,
    args,
    ...(review.question === undefined ? {} : { question: review.question }),
    reasons: reasonsOf(turn),
    decision,
    ...(Object.keys(provenance).length === 0 ? {} : { provenance }),
    ...sourcesOf(task, { provenance, decision }),
    digest: review.digest ?? digestJson(args),
    may: isQuestion ? ['answer', 'deny'] : ['approve', 'deny', 'edit'],
  };
  return toPending(task, draft, { review });
};

/** A text that others may go on after. */
const sentence = (text: string): string => (/[\w)\]"'’]$/u.test(text.trim()) ? `${text.trim()}.` : text.trim());

/** What a question about an effect is about. */
export type AskedEffect = Pick<Undo, 'callId' | 'tool' | 'args' | 'risk'> & {
  readonly decision?: Decision | undefined;
};

/** Whether an effect of which nobody knows happened. */
export const askWhether = (
  task: TaskState,
  { decision, callId, tool, args, risk }: AskedEffect,
  why: string,
): PendingDecision =>
  toPending(
    task,
    {
      kind: 'effect',
      callId,
      tool,
      args,
      question: `Did ${tool} happen? Approve: it did. Deny: it did not.`,
      reasons: [{ code: 'unknown_effect', message: `${sentence(why)} Nobody knows whether it took effect.`.trim() }],
      decision,
      digest: digestJson({ unknown: callId, args }),
      may: ['approve', 'deny'],
    },
    { effects: [{ tool, risk }] },
  );

const QUESTIONS: Record<Exclude<UndoQuestion, 'undo_task'>, (tool: string) => string> = {
  undo_shared: (tool) =>
    `Others rely on what ${tool} did. Undo it all the same? Approve: it is undone. Deny: it is left as it is.`,
  undo_failed: (tool) => `${tool} could not be undone. Approve: it was undone by hand. Deny: it is left as it is.`,
};

/** Who undoes by hand needs to know what to undo: the booking, not only the seat. */
const outputOf = ({ transcript }: TaskState, callId: string): Pick<PendingDecision, 'output'> => {
  const result = transcript.items.findLast((item) => item.kind === 'result' && item.id === callId);
  return result?.kind === 'result' ? { output: result.output } : {};
};

/** What to do about an effect that is not simply undone. */
export const askAboutUndo = (
  task: TaskState,
  { callId, tool, args, risk }: Undo,
  { code, why }: { readonly code: Exclude<UndoQuestion, 'undo_task'>; readonly why: string },
): PendingDecision =>
  toPending(
    task,
    {
      kind: 'compensation',
      callId,
      tool,
      args,
      ...outputOf(task, callId),
      question: QUESTIONS[code](tool),
      reasons: [{ code, message: why }],
      digest: digestJson({ [code]: callId, args }),
      may: ['approve', 'deny'],
    },
    { effects: [{ tool, risk }] },
  );

/** Whether what an ended task did is to be undone at all. */
export const askWhetherToUndo = (task: TaskState, { status, reason }: End): PendingDecision => {
  const named = toBeUndone(task.undo);
  const why = `The task ended as ${status}${reason === undefined ? '' : `: ${reason}`}`;
  const draft: Draft = {
    kind: 'compensation',
    callId: 'task',
    tool: '',
    args: withArguments(task.undo),
    question: 'Undo what the task did, last first? Approve: undo it. Deny: keep it.',
    reasons: [{ code: 'undo_task', message: why }],
    digest: digestJson({ undo: named }),
    may: ['approve', 'deny'],
  };
  // Tasks of before did not look at what would be undone, and their histories tell who decided.
  return toPending(task, draft, { effects: task.undo.filter(({ risk }) => risk !== undefined) });
};
