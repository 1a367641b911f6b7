import * as wf from '@temporalio/workflow';
import type { ExecuteResult } from '../activities/messages.ts';
import type { GatewayCall } from '../activities/ports.ts';
import type { PendingDecision } from '../domain/decision.ts';
import type { Ruling } from '../domain/desk.ts';
import type { Review, RunPlan } from '../domain/proposal.ts';
import { MAX_READS, MAX_TRAVELLING_READS } from '../domain/sizes.ts';
import { askedAtExecution } from '../domain/trace.ts';
import { type RawCall, type ResultItem, toResultItem } from '../domain/transcript.ts';
import { acting, readable, thinking } from './activities.ts';
import { runBuiltIn } from './built-in.ts';
import { approvedTurn, type Call, lost, resultOf, type Turn, toCall, toHuman } from './call.ts';
import type { Desk } from './desk.ts';
import { type EffectRef, effectOf, forgetUndo, recordEffect, registerUndo, resolveEffect } from './effects.ts';
import { askAboutCall, askWhether } from './questions.ts';
import { rememberDenied, situationOf } from './situation.ts';
import type { TaskState } from './state.ts';
import { showDoing } from './visibility.ts';

/** For a review of before that has no plan. */
const CAUTIOUS: RunPlan = { idempotent: false, timeoutMs: 30_000, maxAttempts: 1, alone: true };

/** Arguments with where their values came from, as the gateway is given them. */
const toGatewayCall = (id: string, { review, args }: Turn): GatewayCall => ({
  id,
  tool: review.tool,
  args,
  ...(review.provenance === undefined ? {} : { provenance: review.provenance }),
});

/** Runs the calls of a proposal in the model's order. Reads gather until an effect needs their turn to be over. */
export class CallRunner {
  readonly #task: TaskState;
  readonly #desk: Desk;
  readonly #whilePaused: () => Promise<void>;
  #reads: GatewayCall[] = [];

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
    // All questions of a proposal are put at once: a reviewer sees everything that waits.
    const questions = new Map(calls.flatMap((call) => this.#question(call)));
    for (const pending of questions.values()) this.#desk.open(pending);
    for (const call of calls) {
      const pending = questions.get(call.raw.id);
      const { verdict, plan, builtIn } = call.review;
      if (verdict.outcome === 'reject') this.#refuse(call);
      else if (pending !== undefined) await this.#withPerson(call, pending);
      else if (plan === undefined && builtIn === undefined) this.#reads.push(toGatewayCall(call.raw.id, call));
      else await this.#act(call, call);
    }
    if (this.#reads.length > MAX_TRAVELLING_READS) await this.#flushReads();
    this.#task.reads = this.#reads.map(({ id }) => id);
    this.#task.usage.toolCalls += this.#reads.length;
    this.#reads = [];
  }

  #question(call: Call): [string, PendingDecision][] {
    const { question, verdict } = call.review;
    if (verdict.outcome === 'reject' || (question === undefined && verdict.outcome !== 'ask')) return [];
    return [[call.raw.id, askAboutCall(this.#task, call, call)]];
  }

  #refuse(call: Call): void {
    const reasons = call.review.verdict.reasons.map(({ message }) => message).join('; ');
    this.#task.transcript.append(resultOf(call, { status: 'rejected', output: reasons }));
  }

  async #withPerson(call: Call, pending: PendingDecision): Promise<void> {
    if (this.#reads.length > 0) await this.#flushReads();
    this.#task.doing = `waiting for a person: ${pending.id}`;
    const ruling = await this.#desk.ruling(pending.id);
    const { name, text = '' } = ruling.message;
    if (name === 'deny') this.#deny(call, call, ruling);
    else if (pending.kind === 'answer') {
      const human = toHuman(ruling);
      this.#task.transcript.append(resultOf(call, { status: 'succeeded', output: text, human }));
    } else await this.#act(call, this.#approved(call, ruling));
  }

  #approved(turn: Turn, ruling: Ruling): Turn {
    const { taskId, epoch } = this.#task.admitted.context;
    return approvedTurn(turn, ruling, `${taskId}/${epoch}`);
  }

  #deny(call: Call, { args }: Turn, ruling: Ruling): void {
    const { text: reason } = ruling.message;
    const why = reason === undefined ? 'no reason was given' : `the reason: ${reason}`;
    const output = `A person denied this call; ${why}`;
    this.#task.transcript.append(resultOf(call, { status: 'rejected', output, human: toHuman(ruling) }));
    if (ruling.pending.kind !== 'approval') return;
    const { tool } = call.review;
    rememberDenied(this.#task, { callId: call.raw.id, tool, args, ...(reason === undefined ? {} : { reason }) });
  }

  /** Takes one allowed call to its result. INVARIANT A1: where the verdict of now asks, a person is asked again. */
  async #act(call: Call, first: Turn): Promise<void> {
    // A plan changes nothing that a read could see.
    if (this.#reads.length > 0 && first.review.builtIn?.kind !== 'plan') await this.#flushReads();
    if (this.#task.paused) await this.#whilePaused();
    const task = this.#task;
    task.usage.toolCalls += 1;
    if (first.review.builtIn !== undefined) return this.#doBuiltIn(call, first);
    for (let turn = first; ; ) {
      const effect = effectOf(task, call, turn.args);
      const done = await this.#execute(call, turn, effect);
      if (done.ask === undefined) return this.#settle(call, done, effect);
      task.event('asks', askedAtExecution(call.raw.id, done.ask));
      const asked: Turn = { ...turn, review: { ...turn.review, ...done.ask } };
      const pending = askAboutCall(task, call, asked);
      task.doing = `waiting for a person: ${pending.id}`;
      const ruling = await this.#desk.ask(pending);
      if (ruling.message.name === 'deny') return this.#deny(call, asked, ruling);
      if (task.paused) await this.#whilePaused();
      turn = this.#approved(asked, ruling);
    }
  }

  async #doBuiltIn(call: Call, { review, approval }: Turn): Promise<void> {
    if (review.builtIn === undefined) return;
    showDoing(this.#task, `running ${review.tool} (${call.raw.id})`);
    const output = await runBuiltIn(this.#task, review.builtIn, `${call.raw.id} ${review.tool}`);
    const human = approval === undefined ? {} : { human: approval.human };
    this.#task.transcript.append(resultOf(call, { status: 'succeeded', output, ...human }));
  }

  /** Runs one call in an activity of its own. Its undo is registered first. */
  async #execute(call: Call, turn: Turn, effect: EffectRef): Promise<ExecuteResult> {
    // A cancellation that came with the decision: nothing begins any more, so nothing is unknown.
    if (wf.CancellationScope.current().consideredCancelled) throw new wf.CancelledFailure('the task was cancelled');
    const task = this.#task;
    const { review, approval } = turn;
    const plan = review.plan ?? CAUTIOUS;
    const { context, heartbeatTimeoutMs } = task.admitted;
    const { id } = call.raw;
    showDoing(task, `running ${review.tool} (${id})`);
    registerUndo(task, effect, plan);
    const input = {
      context,
      call: toGatewayCall(id, turn),
      plan,
      ...(approval === undefined ? {} : { approval }),
      situation: situationOf(task),
    };
    const done = await acting(plan, heartbeatTimeoutMs)
      .execute.executeWithOptions({ summary: `${id} ${review.tool}` }, [input])
      .then(readable, (error: unknown): ExecuteResult => lost(call, error));
    task.usage.costUsd += done.costUsd ?? 0;
    const isRun = done.ask === undefined && done.status !== 'rejected';
    if (!isRun) forgetUndo(task.undo, id);
    // Recorded at once, also when it is unknown: the task may be cancelled while a person is asked.
    else if (review.effect !== 'read') recordEffect(task, effect, done.status);
    // A cancellation that arrived while the effect ran takes hold now that what came of it is recorded.
    if (wf.CancellationScope.current().consideredCancelled) throw new wf.CancelledFailure('the task was cancelled');
    return done;
  }

  async #settle(call: Call, done: ExecuteResult, effect: EffectRef): Promise<void> {
    const isUnknown = done.status === 'unknown' && call.review.effect !== 'read';
    const settled = isUnknown ? await this.#askWhether(call, done, effect) : toResultItem(done);
    this.#task.transcript.append(settled);
    if (isUnknown) recordEffect(this.#task, effect, settled.status);
  }

  /** INVARIANT E3: an unknown effect is never repeated and never taken for failed; a person says whether it happened. */
  async #askWhether(call: Call, unknown: ResultItem, effect: EffectRef): Promise<ResultItem> {
    const task = this.#task;
    const pending = askWhether(task, { ...effect, decision: call.decision }, String(unknown.output));
    task.doing = `waiting for a person: ${pending.id}`;
    const ruling = await this.#desk.ask(pending);
    const happened = ruling.message.name === 'approve';
    const words = ruling.message.text === undefined ? '' : ` ${ruling.message.text}`;
    const output = `A person checked: it ${happened ? 'happened' : 'did not happen'}.${words}`;
    const said = resultOf(call, { status: happened ? 'succeeded' : 'failed', output, human: toHuman(ruling) });
    // Tasks of before had no ledger that could be told.
    if (!wf.patched('resolve-unknown')) return said;
    return resolveEffect(task, effect, ruling).then(toResultItem, () => said);
  }

  /** Runs the gathered reads now, a bounded number in one activity. */
  async #flushReads(): Promise<void> {
    while (this.#reads.length > 0) await this.#read(this.#reads.splice(0, MAX_READS));
  }

  async #read(calls: readonly GatewayCall[]): Promise<void> {
    const task = this.#task;
    const { context, limits, heartbeatTimeoutMs } = task.admitted;
    const names = calls.map(({ id, tool }) => `${id} ${tool}`).join(', ');
    showDoing(task, `reading: ${names}`);
    task.usage.toolCalls += calls.length;
    const { read } = thinking(limits.durationMs - task.activeMs, heartbeatTimeoutMs);
    const input = { context, calls, situation: situationOf(task) };
    const results = readable(await read.executeWithOptions({ summary: names.slice(0, 200) }, [input]));
    for (const result of results as ExecuteResult[]) {
      task.usage.costUsd += result.costUsd ?? 0;
      task.transcript.append(toResultItem(result));
    }
  }
}
