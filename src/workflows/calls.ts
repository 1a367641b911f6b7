import * as wf from '@temporalio/workflow';
import type { ExecuteResult } from '../activities/messages.ts';
import type { Ruling } from '../domain/desk.ts';
import type { Review } from '../domain/proposal.ts';
import { MAX_READS, MAX_TRAVELLING_READS } from '../domain/sizes.ts';
import { askedAtExecution } from '../domain/trace.ts';
import { type ProposalItem, type RawCall, type ResultItem, toResultItem } from '../domain/transcript.ts';
import { approvedTurn, bareReasons, type Call, deniedOutput, resultOf, type Turn, toCall, toHuman } from './call.ts';
import type { Desk } from './desk.ts';
import { effectOf, recordEffect, resolveEffect } from './effects.ts';
import { doBuiltIn, executeCall, runReads, toGatewayCall } from './execute-call.ts';
import type { CallStage, InFlight } from './in-flight.ts';
import { askAboutCall, askWhether } from './questions.ts';
import { rememberDenied } from './situation.ts';
import { coverOf, isCovered, standingOf } from './standing.ts';
import type { TaskState } from './state.ts';

/** Whether a call needs a person's words before it goes on. */
const isAsking = ({ review: { question, verdict } }: Call): boolean =>
  verdict.outcome !== 'reject' && (question !== undefined || verdict.outcome === 'ask');

/** Runs the calls of a proposal in the model's order. Reads gather until an effect needs their turn to be over. */
export class CallRunner {
  readonly #task: TaskState;
  readonly #desk: Desk;
  readonly #whilePaused: () => Promise<void>;

  constructor(task: TaskState, desk: Desk, whilePaused: () => Promise<void>) {
    this.#task = task;
    this.#desk = desk;
    this.#whilePaused = whilePaused;
  }

  /** Takes every call of a proposal to its result, but for reads that travel with the next proposal. */
  async run(raws: readonly RawCall[], reviews: readonly Review[]): Promise<void> {
    const calls = raws.flatMap((raw, index) => {
      const review = reviews[index];
      return review === undefined ? [] : [toCall(raw, review)];
    });
    await this.#run(calls, { reviews: calls.map(({ review }) => review), next: 0, reads: [] });
  }

  /** Goes on with the calls that the run before this one was in the middle of. What was asked, decided or run stays so. */
  async resume(): Promise<void> {
    const { inFlight, transcript } = this.#task;
    if (inFlight === undefined) return;
    const proposal = transcript.items.findLast((item): item is ProposalItem => item.kind === 'proposal');
    const calls = inFlight.reviews.flatMap((review) => {
      const raw = proposal?.calls.find(({ id }) => id === review.callId);
      return raw === undefined ? [] : [toCall(raw, review)];
    });
    await this.#run(calls, inFlight);
  }

  async #run(calls: readonly Call[], inFlight: InFlight): Promise<void> {
    const task = this.#task;
    task.inFlight = inFlight;
    const { next, at: stage } = inFlight;
    const left = calls.slice(next);
    // All questions of a proposal are put at once: a reviewer sees everything that waits.
    const asked = this.#askAll(stage === undefined ? left : left.slice(1));
    for (const [index, call] of left.entries()) {
      inFlight.next = next + index;
      const question = asked.get(call.raw.id);
      if (index === 0 && stage !== undefined) await this.#goOn(call, stage);
      else if (question === undefined) await this.#take(call);
      else await this.#withPerson(call, question);
      inFlight.at = undefined;
    }
    const { reads } = inFlight;
    if (reads.length > MAX_TRAVELLING_READS) await this.#flushReads();
    task.reads = reads.map(({ id }) => id);
    task.usage.toolCalls += reads.length;
    task.inFlight = undefined;
  }

  /** @returns by call id: the question that it waits for */
  #askAll(calls: readonly Call[]): ReadonlyMap<string, string> {
    const asking = calls.filter(isAsking).flatMap((call) => {
      const pending = askAboutCall(this.#task, call, call);
      // What the run before has put stays, also when somebody has approved more than one call meanwhile.
      const mustAsk = this.#desk.isAsked(pending) || !isCovered(this.#task, call);
      return mustAsk ? [[call.raw.id, this.#desk.open(pending)] as const] : [];
    });
    return new Map(asking);
  }

  /** Takes a call that waits for nobody, or for nobody any more, to its result. */
  async #take(call: Call): Promise<void> {
    const { verdict, plan, builtIn } = call.review;
    if (verdict.outcome === 'reject') return this.#refuse(call);
    if (isAsking(call)) return this.#covered(call);
    if (plan === undefined && builtIn === undefined) this.#inFlight.reads.push(toGatewayCall(call.raw.id, call));
    else await this.#act(call, call);
  }

  #refuse(call: Call): void {
    const reasons = call.review.verdict.reasons.map(({ message }) => message).join('; ');
    this.#task.transcript.append(resultOf(call, { status: 'rejected', output: reasons }));
  }

  /** A call that an approval covered when it was proposed; that may have been taken back since. */
  async #covered(call: Call): Promise<void> {
    if (this.#inFlight.reads.length > 0) await this.#flushReads();
    // A pause is when somebody would take it back.
    if (this.#task.paused) await this.#whilePaused();
    const turn = this.#coveredTurn(call, call);
    if (turn !== undefined) return this.#act(call, turn);
    return this.#withPerson(call, this.#desk.open(askAboutCall(this.#task, call, call)));
  }

  /** INVARIANT E2: each use of a standing approval is one of its own. */
  #coveredTurn(call: Call, { review, args }: Turn): Turn | undefined {
    if (review.digest === undefined) return undefined;
    const human = coverOf(this.#task, { review, args });
    if (human === undefined) return undefined;
    const { taskId, epoch } = this.#task.admitted.context;
    const { id: callId } = call.raw;
    this.#task.event('standing', { callId, tool: review.tool, id: human.standing });
    const id = `${taskId}/${epoch}/${human.standing}/${callId}`;
    const reasons = bareReasons(review.verdict.reasons);
    return { review, args, approval: { digest: review.digest, id, human, reasons } };
  }

  async #withPerson(call: Call, question: string): Promise<void> {
    if (this.#inFlight.reads.length > 0) await this.#flushReads();
    const ruling = await this.#desk.ruling(question);
    if (ruling.message.name === 'deny') this.#deny(call, call, ruling);
    else if (ruling.pending.kind === 'answer') {
      const { text: output = '' } = ruling.message;
      this.#task.transcript.append(resultOf(call, { status: 'succeeded', output, human: toHuman(ruling) }));
    } else await this.#act(call, this.#approved(call, ruling));
  }

  #approved(turn: Turn, ruling: Ruling): Turn {
    const { taskId, epoch } = this.#task.admitted.context;
    const approved = approvedTurn(turn, ruling, `${taskId}/${epoch}`);
    standingOf(this.#task, ruling, approved);
    return approved;
  }

  #deny(call: Call, { args }: Turn, ruling: Ruling): void {
    const output = deniedOutput(ruling);
    this.#task.transcript.append(resultOf(call, { status: 'rejected', output, human: toHuman(ruling) }));
    // What nobody decided was refused by nobody.
    if (ruling.pending.kind !== 'approval' || ruling.isExpired === true) return;
    const { text: reason } = ruling.message;
    const { tool } = call.review;
    rememberDenied(this.#task, { callId: call.raw.id, tool, args, ...(reason === undefined ? {} : { reason }) });
  }

  /** Takes one allowed call to its result. */
  async #act(call: Call, turn: Turn): Promise<void> {
    // A plan changes nothing that a read could see.
    if (this.#inFlight.reads.length > 0 && turn.review.builtIn?.kind !== 'plan') await this.#flushReads();
    this.#inFlight.at = { kind: 'ready', turn };
    if (this.#task.paused) await this.#whilePaused();
    this.#desk.mustGoOn();
    this.#task.usage.toolCalls += 1;
    if (turn.review.builtIn === undefined) return this.#execute(call, turn);
    return doBuiltIn(this.#task, call, turn);
  }

  /** Goes on with a call where the run before was. */
  async #goOn(call: Call, stage: CallStage): Promise<void> {
    switch (stage.kind) {
      case 'ready':
        return this.#act(call, stage.turn);
      case 'approved':
        return this.#again(call, stage.turn);
      case 'asked':
        return this.#askAgain(call, stage.turn);
      case 'unknown':
        return this.#settle(call, stage.turn, stage.result);
    }
  }

  async #execute(call: Call, turn: Turn): Promise<void> {
    const done = await executeCall(this.#task, call, turn);
    if (done.ask === undefined) return this.#settle(call, turn, done);
    this.#task.event('asks', askedAtExecution(call.raw.id, done.ask));
    const [before, now] = [turn.review.toolDigest, done.ask.toolDigest];
    const isToolChanged = before !== undefined && now !== undefined && before !== now;
    const review = { ...turn.review, ...done.ask };
    return this.#askAgain(call, { ...turn, review, ...(isToolChanged ? { isToolChanged } : {}) });
  }

  /** INVARIANT A1: where the verdict of now asks, a person is asked again, unless an approval that stands covers what was not asked. */
  async #askAgain(call: Call, turn: Turn): Promise<void> {
    const covered = turn.approval === undefined ? this.#coveredTurn(call, turn) : undefined;
    if (covered !== undefined) return this.#execute(call, covered);
    this.#inFlight.at = { kind: 'asked', turn };
    const ruling = await this.#desk.ask(askAboutCall(this.#task, call, turn));
    if (ruling.message.name === 'deny') return this.#deny(call, turn, ruling);
    return this.#again(call, this.#approved(turn, ruling));
  }

  async #again(call: Call, turn: Turn): Promise<void> {
    this.#inFlight.at = { kind: 'approved', turn };
    if (this.#task.paused) await this.#whilePaused();
    this.#desk.mustGoOn();
    return this.#execute(call, turn);
  }

  async #settle(call: Call, turn: Turn, done: ExecuteResult): Promise<void> {
    const isUnknown = done.status === 'unknown' && call.review.effect !== 'read';
    const settled = isUnknown ? await this.#askWhether(call, turn, done) : toResultItem(done);
    this.#task.transcript.append(settled);
    if (isUnknown) recordEffect(this.#task, effectOf(this.#task, call, turn.args), settled.status);
  }

  /** INVARIANT E3: an unknown effect is never repeated and never taken for failed; a person says whether it happened. */
  async #askWhether(call: Call, turn: Turn, unknown: ExecuteResult): Promise<ResultItem> {
    const task = this.#task;
    const effect = effectOf(task, call, turn.args);
    this.#inFlight.at = { kind: 'unknown', turn, result: unknown };
    // What the call was asked for is no matter of who may say whether it happened; how much it can do is.
    const risk = turn.review.plan?.risk ?? call.review.risk;
    const asked = { ...effect, decision: call.decision, risk };
    const ruling = await this.#desk.ask(askWhether(task, asked, String(unknown.output)));
    const happened = ruling.message.name === 'approve';
    const words = ruling.message.text === undefined ? '' : ` ${ruling.message.text}`;
    const output = `A person checked: it ${happened ? 'happened' : 'did not happen'}.${words}`;
    const said = resultOf(call, { status: happened ? 'succeeded' : 'failed', output, human: toHuman(ruling) });
    // Tasks of before had no ledger that could be told.
    if (!wf.patched('resolve-unknown')) return said;
    const settled = await resolveEffect(task, effect, ruling).then(toResultItem, () => said);
    return unknown.edited === undefined ? settled : { ...settled, edited: unknown.edited };
  }

  get #inFlight(): InFlight {
    const { inFlight } = this.#task;
    if (inFlight === undefined) throw new TypeError('no calls are being run');
    return inFlight;
  }

  /** Runs the gathered reads now, a bounded number in one activity. */
  async #flushReads(): Promise<void> {
    const { reads } = this.#inFlight;
    while (reads.length > 0) await runReads(this.#task, reads.splice(0, MAX_READS));
  }
}
