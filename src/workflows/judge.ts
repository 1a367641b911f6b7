import type { ProposeResult } from '../activities/messages.ts';
import { explain } from '../domain/failures.ts';
import type { ProposalItem, RawCall } from '../domain/transcript.ts';
import type { End, TaskState } from './state.ts';

/** What follows from a proposal: the end of the task, or calls to run (none: the model is asked again). */
export type Judged = { readonly end?: End; readonly calls: readonly RawCall[] };

/** Reasons by which a call was no usable proposal, as opposed to one that may not run. */
const UNUSABLE: ReadonlySet<string> = new Set([
  'unknown_tool',
  'arguments_not_json',
  'decision_missing',
  'invalid_arguments',
  'arguments_too_large',
  'hidden_characters',
]);

const isUnusable = ({ reviews }: ProposeResult): boolean =>
  reviews.length > 0 &&
  reviews.every(
    ({ verdict }) => verdict.outcome === 'reject' && verdict.reasons.some(({ code }) => UNUSABLE.has(code)),
  );

/** What is wrong with the answer as a whole; undefined: it can be used. */
const complaint = (proposal: ProposeResult, calls: readonly RawCall[]): string | undefined => {
  if (proposal.finish === 'length') return 'your answer was cut at the token limit; answer shorter, with fewer calls';
  if (proposal.final?.ok === false) return proposal.final.error;
  if (calls.length === 0 && proposal.final === undefined)
    return 'your answer was empty; call a tool or give the final answer';
  return undefined;
};

/** Sends an answer back, a bounded number of times in a row. */
const sendBack = (task: TaskState, proposal: ProposeResult, problem: string): Judged => {
  task.invalid += 1;
  task.event('invalid_proposal', { step: task.step, problem });
  const max = task.admitted.limits.invalidProposals;
  if (task.invalid < max) return { calls: [] };
  const reason = `${task.invalid} proposals in a row could not be used; the last one: ${problem}.`;
  return proposal.final?.ok === false
    ? { end: { status: 'failed', reason: explain('Output.Invalid', reason) }, calls: [] }
    : { end: { status: 'limit', reason: `limit invalidProposals reached: ${reason}` }, calls: [] };
};

/** Decides what a proposal leads to; the calls themselves were reviewed in the activity. */
export const judge = (task: TaskState, proposal: ProposeResult): Judged => {
  const item = task.transcript.items.findLast((each): each is ProposalItem => each.kind === 'proposal');
  const calls = item?.calls ?? [];
  const problem = complaint(proposal, calls);
  if (problem !== undefined) {
    // Of a cut answer nothing runs: what is missing may be what mattered.
    for (const { id, name } of calls) {
      task.transcript.append({ kind: 'result', id, tool: name, status: 'rejected', output: problem, trust: 'trusted' });
    }
    task.note('platform', problem);
    return sendBack(task, proposal, problem);
  }
  if (proposal.final?.ok === true) return { end: { status: 'completed', output: proposal.final.output }, calls: [] };
  const left = task.admitted.limits.toolCalls - task.usage.toolCalls;
  const wanted = proposal.reviews.filter(
    ({ verdict, question }) => verdict.outcome !== 'reject' && question === undefined,
  ).length;
  if (wanted > left) {
    return {
      end: { status: 'limit', reason: `limit toolCalls reached: ${wanted} more calls proposed, ${left} left` },
      calls: [],
    };
  }
  if (!isUnusable(proposal)) {
    task.invalid = 0;
    return { calls };
  }
  const judged = sendBack(
    task,
    proposal,
    proposal.reviews.flatMap(({ verdict }) => verdict.reasons.map(({ message }) => message)).join('; '),
  );
  return judged.end === undefined ? { calls } : judged;
};
