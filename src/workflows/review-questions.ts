import type { PendingDecision } from '../domain/decision.ts';
import { digestJson } from '../domain/digest.ts';
import { furtherShare, type ReachedLimit, type Share } from '../domain/limits.ts';
import { shareWords } from '../domain/page-review.ts';
import type { Due } from './due.ts';
import { toPending } from './questions.ts';
import type { TaskState } from './state.ts';

/** Something that is due and that a person may let pass. */
export type Askable = Exclude<Due, { readonly code: 'history' }>;

const shareAfter = ({ admitted }: TaskState, reached: ReachedLimit): Share =>
  furtherShare(reached, reached.max - (admitted.allowed?.[reached.limit] ?? 0));

const ENDS = 'Deny: the task ends, and what it did is undone.';

type Wording = Pick<PendingDecision, 'question' | 'digest' | 'may' | 'share'>;

type Words<Code extends Askable['code']> = (task: TaskState, due: Extract<Askable, { readonly code: Code }>) => Wording;

/** INVARIANT A1: the digest names the very limits that are asked about; after an extension it is another question. */
const atLimit: Words<'limit'> = (task, { reached }) => {
  const share = shareAfter(task, reached);
  return {
    question: `Allow more? Approve: ${shareWords(share)} more, or what you name. ${ENDS}`,
    digest: digestJson({ limit: reached.limit, limits: task.admitted.limits }),
    share,
    may: ['approve', 'deny', 'edit'],
  };
};

const atReviewPoint: Words<'review_point'> = ({ admitted: { reviewPoint, limits } }) => ({
  question: `Is it worth the rest? Approve: the agent goes on; a note is guidance for it. ${ENDS}`,
  digest: digestJson({ reviewPoint, limits }),
  may: ['approve', 'deny', 'edit'],
});

const inLoop: Words<'loop'> = (_task, { loop }) => ({
  question: `Is this a loop? Approve: it is none, or your note leads out of it; the agent goes on. ${ENDS}`,
  digest: digestJson({ loop: loop.digest }),
  may: ['approve', 'deny'],
});

const wordingOf = (task: TaskState, due: Askable): Wording => {
  if (due.code === 'limit') return atLimit(task, due);
  return due.code === 'loop' ? inLoop(task, due) : atReviewPoint(task, due);
};

/** Whether a task may go on although something is due. */
export const askToGoOn = (task: TaskState, due: Askable): PendingDecision =>
  toPending(task, {
    kind: 'review',
    callId: 'task',
    tool: '',
    ...wordingOf(task, due),
    reasons: [{ code: due.code, message: due.why }],
  });

/** Whether a final answer is good enough for the task to complete with it. */
export const askAboutOutput = (task: TaskState, output: unknown): PendingDecision =>
  toPending(task, {
    kind: 'review',
    callId: `s${task.step}`,
    tool: '',
    args: { output },
    question:
      'Is this answer good? Approve: the task completes with it. Deny: the agent tries again, with your reason.',
    reasons: [
      {
        code: 'final_output',
        message: `a person reviews what ${task.admitted.agent} gives, before the task is completed with it`,
      },
    ],
    digest: digestJson({ output: output ?? null }),
    may: ['approve', 'deny'],
  });
