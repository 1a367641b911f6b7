import { toBeUndone, type Undo, type UndoQuestion } from '../domain/compensation.ts';
import { type PendingDecision, questionId } from '../domain/decision.ts';
import { isTaken } from '../domain/desk.ts';
import { digestJson } from '../domain/digest.ts';
import type { Decision } from '../domain/proposal.ts';
import type { Call, Turn } from './call.ts';
import type { End, TaskState } from './state.ts';

type Draft = Omit<PendingDecision, 'id' | 'taskId' | 'since'>;

/** Gives a question its name: no other one that this task asked lately has it. */
const toPending = ({ taskId, desk }: TaskState, draft: Draft): PendingDecision => ({
  id: questionId(draft.callId, draft.digest, (id) => isTaken(desk, id)),
  taskId,
  since: new Date(Date.now()).toISOString(),
  ...draft,
});

/** Whether a call may run, or, of the agent's own question, what the answer is. */
export const askAboutCall = (task: TaskState, call: Call, { review, args }: Turn): PendingDecision => {
  const isQuestion = review.question !== undefined;
  return toPending(task, {
    kind: isQuestion ? 'answer' : 'approval',
    callId: call.raw.id,
    tool: review.tool,
    args,
    ...(review.question === undefined ? {} : { question: review.question }),
    reasons: review.verdict.reasons,
    decision: call.decision,
    digest: review.digest ?? digestJson(args),
    may: isQuestion ? ['answer', 'deny'] : ['approve', 'deny', 'edit'],
  });
};

/** What a question about an effect is about. */
export type AskedEffect = Pick<Undo, 'callId' | 'tool' | 'args'> & { readonly decision?: Decision | undefined };

/** Whether an effect of which nobody knows happened. */
export const askWhether = (task: TaskState, { decision, ...effect }: AskedEffect, why: string): PendingDecision =>
  toPending(task, {
    kind: 'effect',
    ...effect,
    question: `Did ${effect.tool} happen? Approve: it did. Deny: it did not.`,
    reasons: [{ code: 'unknown_effect', message: `${why} Nobody knows whether it took effect.`.trim() }],
    decision,
    digest: digestJson({ unknown: effect.callId, args: effect.args }),
    may: ['approve', 'deny'],
  });

const QUESTIONS: Record<Exclude<UndoQuestion, 'undo_task'>, (tool: string) => string> = {
  undo_shared: (tool) =>
    `Others rely on what ${tool} did. Undo it all the same? Approve: it is undone. Deny: it is left as it is.`,
  undo_failed: (tool) => `${tool} could not be undone. Approve: it was undone by hand. Deny: it is left as it is.`,
};

/** What to do about an effect that is not simply undone. */
export const askAboutUndo = (
  task: TaskState,
  { callId, tool, args }: Undo,
  { code, why }: { readonly code: Exclude<UndoQuestion, 'undo_task'>; readonly why: string },
): PendingDecision =>
  toPending(task, {
    kind: 'compensation',
    callId,
    tool,
    args,
    question: QUESTIONS[code](tool),
    reasons: [{ code, message: why }],
    digest: digestJson({ [code]: callId, args }),
    may: ['approve', 'deny'],
  });

/** Whether what an ended task did is to be undone at all. */
export const askWhetherToUndo = (task: TaskState, { status, reason }: End): PendingDecision => {
  const args = toBeUndone(task.undo);
  const why = `The task ended as ${status}${reason === undefined ? '' : `: ${reason}`}`;
  return toPending(task, {
    kind: 'compensation',
    callId: 'task',
    tool: '',
    args,
    question: 'Undo what the task did, last first? Approve: undo it. Deny: keep it.',
    reasons: [{ code: 'undo_task', message: why }],
    digest: digestJson({ undo: args }),
    may: ['approve', 'deny'],
  });
};
