import * as wf from '@temporalio/workflow';
import { checkShare } from '../domain/budget-share.ts';
import type { HumanDecision, PendingDecision } from '../domain/decision.ts';
import type { Ruling } from '../domain/desk.ts';
import { cutText } from '../domain/json.ts';
import { addShares, extendLimits, type Share } from '../domain/limits.ts';
import { emptyLoops } from '../domain/loops.ts';
import { toHuman } from './call.ts';
import type { Desk } from './desk.ts';
import { type Due, usedBudget } from './due.ts';
import { describeTimeUp, limitEnd, REASON_BYTES } from './end.ts';
import { Ending } from './ending.ts';
import { type Askable, askAboutOutput, askToGoOn } from './review-questions.ts';
import type { End, TaskState } from './state.ts';

/** Type of the event by which a trace shows what a person decided about the task itself. */
const EVENTS = { limit: 'escalation', loop: 'loop', review_point: 'review', final_output: 'review' } as const;

/** What a person said beside yes or no. */
const noteOf = ({ note = '' }: HumanDecision): string | undefined => (note.trim() === '' ? undefined : note);

const stoppedBy = (human: HumanDecision): string => {
  const note = noteOf(human);
  return `stopped by ${human.by ?? 'a person'}${note === undefined ? '' : `: ${note}`}`;
};

/** What a person allows: what they named, or else what a plain yes means. */
const shareOf = ({ message, pending }: Ruling): Share => {
  const { share = {} } = pending;
  const named = message.args === undefined ? undefined : checkShare(message.args);
  if (named?.ok !== true) return share;
  // Attempts cannot be named, and without one more the yes would mean nothing.
  const { invalidProposals } = share;
  return { ...named.value, ...(invalidProposals === undefined ? {} : { invalidProposals }) };
};

/** People are asked about the task itself: whether it may go on, and whether its answer is good. */
export class Reviews {
  readonly #task: TaskState;
  readonly #desk: Desk;

  constructor(task: TaskState, desk: Desk) {
    this.#task = task;
    this.#desk = desk;
  }

  /**
   * Settles what is due: returns once a person lets the task go on.
   * @throws Ending where nobody is to be asked, or a person does not
   */
  async settle(due: Due): Promise<void> {
    const task = this.#task;
    if (due.code === 'history' || (due.code === 'limit' && task.admitted.onLimit !== 'escalate')) {
      throw new Ending(limitEnd(task, due.why));
    }
    const ruling = await this.#ask(askToGoOn(task, due));
    const human = toHuman(ruling);
    const isApproved = ruling.message.name === 'approve';
    const allowed = isApproved ? shareOf(ruling) : {};
    this.#record(due.code, human, Object.keys(allowed).length === 0 ? {} : { allowed });
    if (!isApproved) throw new Ending(this.#stopped(due, human));
    // Whoever allows more has seen what was used by then.
    if (usedBudget(task) !== undefined && due.code !== 'loop') task.isReviewed = true;
    task.timeUp = undefined;
    task.loops = emptyLoops(task.transcript.items.length);
    this.#extend(allowed);
    const guidance = noteOf(human);
    if (guidance !== undefined) task.said.push(guidance);
  }

  /**
   * Notes that the limit `duration` cut off a proposal, or reads of one; what follows is settled before the next one.
   * @throws the error where it is another one, or nobody may be asked for more time
   */
  noteTimeUp(error: unknown): undefined {
    const task = this.#task;
    const why = describeTimeUp(error, task);
    if (why === undefined || task.admitted.onLimit !== 'escalate') throw error;
    task.timeUp = why;
    this.#closeProposal(why);
  }

  /** Whether a completed task ends with its answer. Where a person does not take it, they say why, and the agent tries again. */
  async accepts({ status, output }: End): Promise<boolean> {
    const task = this.#task;
    if (status !== 'completed' || task.admitted.reviewOutput !== true) return true;
    const ruling = await this.#ask(askAboutOutput(task, output));
    const human = toHuman(ruling);
    this.#record('final_output', human, {});
    if (ruling.message.name === 'approve') return true;
    if (human.decision === 'expired') {
      throw new Ending({ status: 'rejected', reason: 'nobody reviewed the final output in time' });
    }
    const note = noteOf(human);
    const why = note === undefined ? 'no reason was given' : `the reason: ${note}`;
    task.said.push(`A person reviewed your final answer and did not accept it; ${why}`);
    return false;
  }

  async #ask(pending: PendingDecision): Promise<Ruling> {
    // A cancellation that came with the last result: nobody is asked about a task that ends.
    if (wf.CancellationScope.current().consideredCancelled) throw new wf.CancelledFailure('the task was cancelled');
    this.#task.doing = `waiting for a person: ${pending.id}`;
    return this.#desk.ask(pending);
  }

  #record(code: keyof typeof EVENTS, { decision, by, note }: HumanDecision, more: object): void {
    const detail = { code, decision, ...(by === undefined ? {} : { by }), ...(note === undefined ? {} : { note }) };
    this.#task.event(EVENTS[code], { ...detail, ...more });
  }

  #stopped(due: Askable, human: HumanDecision): End {
    const what = human.decision === 'expired' ? 'nobody decided in time' : stoppedBy(human);
    const reason = cutText(`${due.why}; ${what}`, REASON_BYTES);
    return due.code === 'limit' ? { status: 'limit', reason } : { status: 'rejected', reason };
  }

  #extend(share: Share): void {
    const task = this.#task;
    if (Object.keys(share).length === 0) return;
    const { limits, allowed = {} } = task.admitted;
    task.admission = { ...task.admitted, limits: extendLimits(limits, share), allowed: addShares(allowed, share) };
  }

  /** Calls of the last proposal that were cut off or did not get their turn: every one needs a result before the next. */
  #closeProposal(why: string): void {
    const task = this.#task;
    this.#desk.clear();
    task.inFlight = undefined;
    const { items } = task.transcript;
    const at = items.findLastIndex(({ kind }) => kind === 'proposal');
    const proposal = items[at];
    if (proposal?.kind !== 'proposal') return;
    const done = new Set([...items.slice(at).map(({ id }) => id), ...task.reads]);
    for (const { id, name: tool } of proposal.calls.filter(({ id }) => !done.has(id))) {
      const output = `It was not run: ${why}`;
      task.transcript.append({ kind: 'result', id, tool, status: 'rejected', output, trust: 'trusted' });
    }
  }
}
