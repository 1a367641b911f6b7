import { explain } from '../domain/failures.ts';
import type { ProposalItem, RawCall } from '../domain/transcript.ts';
import { type Due, describeInvalid, INVALID } from './due.ts';
import { limitEnd } from './end.ts';
import type { End, Held, TaskState } from './state.ts';

/** What follows from a proposal: calls to run (none: the model is asked again), the end of the task, or a limit in its way. */
export type Judged =
  | { readonly next: 'run'; readonly calls: readonly RawCall[] }
  | { readonly next: 'end'; readonly end: End }
  | { readonly next: 'settle'; readonly due: Due };

/** Reasons by which a call was no usable proposal, as opposed to one that may not run. */
const UNUSABLE: ReadonlySet<string> = new Set([
  'unknown_tool',
  'arguments_not_json',
  'decision_missing',
  'invalid_arguments',
  'arguments_too_large',
  'hidden_characters',
]);

const isUnusable = ({ reviews }: Held): boolean =>
  reviews.length > 0 &&
  reviews.every(
    ({ verdict }) => verdict.outcome === 'reject' && verdict.reasons.some(({ code }) => UNUSABLE.has(code)),
  );

/** What is wrong with the answer as a whole; undefined: it can be used. */
const complaint = (proposal: Held, calls: readonly RawCall[]): string | undefined => {
  if (proposal.finish === 'length') return 'your answer was cut at the token limit; answer shorter, with fewer calls';
  if (proposal.final?.ok === false) return proposal.final.error;
  if (calls.length === 0 && proposal.final === undefined)
    return 'your answer was empty; call a tool or give the final answer';
  return undefined;
};

/** Sends an answer back, a bounded number of times in a row. */
const sendBack = (task: TaskState, proposal: Held, problem: string): End | undefined => {
  task.invalid += 1;
  task.event(INVALID, { step: task.step, problem });
  const { limits, onLimit } = task.admitted;
  // Where a person may allow more, they are asked before the next proposal.
  if (task.invalid < limits.invalidProposals || onLimit === 'escalate') return undefined;
  if (proposal.final?.ok !== false || onLimit === 'fallback') return limitEnd(task, describeInvalid(task));
  const reason = `${task.invalid} proposals in a row could not be used; the last one: ${problem}.`;
  return { status: 'failed', reason: explain('Output.Invalid', reason) };
};

const endOrRun = (end: End | undefined, calls: readonly RawCall[]): Judged =>
  end === undefined ? { next: 'run', calls } : { next: 'end', end };

/** A proposal with more calls than the limit leaves room for: none of them runs. */
const tooManyCalls = (task: TaskState, { reviews }: Held): Due | undefined => {
  const max = task.admitted.limits.toolCalls;
  const left = max - task.usage.toolCalls;
  const wanted = reviews.filter(
    ({ verdict, question }) => verdict.outcome !== 'reject' && question === undefined,
  ).length;
  if (wanted <= left) return undefined;
  const why = `limit toolCalls reached: ${wanted} more calls proposed, ${left} left`;
  return { code: 'limit', reached: { limit: 'toolCalls', used: task.usage.toolCalls + wanted, max }, why };
};

/**
 * Decides what a proposal leads to; the calls themselves were reviewed in the activity. Where it comes to `settle`, nothing was
 * changed: once a person has allowed more, the same proposal is judged again.
 */
export const judge = (task: TaskState, proposal: Held): Judged => {
  const item = task.transcript.items.findLast((each): each is ProposalItem => each.kind === 'proposal');
  const calls = item?.calls ?? [];
  const problem = complaint(proposal, calls);
  if (problem !== undefined) {
    // Of a cut answer nothing runs: what is missing may be what mattered.
    for (const { id, name } of calls) {
      task.transcript.append({ kind: 'result', id, tool: name, status: 'rejected', output: problem, trust: 'trusted' });
    }
    task.note('platform', problem);
    return endOrRun(sendBack(task, proposal, problem), []);
  }
  if (proposal.final?.ok === true) return { next: 'end', end: { status: 'completed', output: proposal.final.output } };
  const due = tooManyCalls(task, proposal);
  if (due !== undefined) return { next: 'settle', due };
  if (!isUnusable(proposal)) {
    task.invalid = 0;
    return { next: 'run', calls };
  }
  const problems = proposal.reviews.flatMap(({ verdict }) => verdict.reasons.map(({ message }) => message)).join('; ');
  return endOrRun(sendBack(task, proposal, problems), calls);
};
