import type {
  Admission,
  ExecuteResult,
  NarrowGrantsResult,
  ProposeInput,
  ProposeResult,
} from '../activities/messages.ts';
import type { Compensated } from '../activities/ports.ts';
import type { PendingDecision } from '../domain/decision.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Review } from '../domain/proposal.ts';
import type { RecordedAnchor, StepRecord, TaskEvent } from '../domain/record.ts';
import { askedAtExecution, toolNotes } from '../domain/trace.ts';
import { type ResultItem, type TranscriptItem, toResultItem } from '../domain/transcript.ts';
import type { AuditAnchor } from '../gateway/ports.ts';
import type { Carried } from '../workflows/state.ts';
import { DeskReader } from './desk-reader.ts';
import { EffectLog } from './effects.ts';
import type { AtDesk, Refused } from './progress-event.ts';
import { Signals, toIgnored } from './signals.ts';

/** What a task did, added up from inputs and results of its activities. */
export class Account {
  readonly items = new Map<string, TranscriptItem>();
  readonly steps: StepRecord[] = [];
  readonly events: TaskEvent[] = [];
  readonly anchors: RecordedAnchor[] = [];
  /** Spent outside of steps. */
  readonly besides = { inputTokens: 0, outputTokens: 0, costUsd: 0 };
  readonly effects = new EffectLog();
  readonly desk = new DeskReader();
  readonly signals = new Signals();
  admission: Admission | undefined;
  #unproven: string | undefined;
  plan: JsonObject | undefined;

  /** What a run was handed, where the run before it is not there any more. */
  takeOver(before: Carried): void {
    this.signals.takeOver(before);
    if (this.steps.length > 0) return;
    for (const item of before.items) this.items.set(item.id, item);
    this.steps.push(...before.steps);
    this.events.push(...before.events);
    this.effects.carried(before);
    this.desk.takeOver(before);
    this.admission = before.admission;
    this.plan = before.plan;
    for (const what of ['inputTokens', 'outputTokens', 'costUsd'] as const) {
      this.besides[what] = before.usage[what] - before.steps.reduce((sum, step) => sum + step[what], 0);
    }
  }

  admitted(admission: Admission): void {
    const { goal: text, input } = admission;
    this.admission = admission;
    this.items.set('goal', { kind: 'goal', id: 'goal', text, ...(input === undefined ? {} : { input }) });
  }

  narrowed({ grants, model, usage, costUsd }: NarrowGrantsResult, atMs: number): void {
    if (this.admission !== undefined)
      this.admission = { ...this.admission, context: { ...this.admission.context, grants } };
    this.besides.inputTokens += usage.inputTokens;
    this.besides.outputTokens += usage.outputTokens;
    this.besides.costUsd += costUsd;
    this.event(atMs, 'grants', { grants, model });
  }

  /** @returns results that are new */
  proposed(
    { step }: ProposeInput,
    result: ProposeResult,
    { startedAt, endedAt }: { readonly startedAt: number; readonly endedAt: number },
  ): ResultItem[] {
    const { items, reviews, model, usage, costUsd, window, promptDigest, anchor } = result;
    const { inputTokens, outputTokens } = usage;
    this.steps.push({
      n: step,
      startedAt,
      durationMs: endedAt - startedAt,
      model,
      inputTokens,
      outputTokens,
      costUsd,
      window,
      promptDigest,
      reviews,
    });
    this.#anchored(anchor);
    for (const note of toolNotes(items)) this.event(startedAt, 'breaker', note);
    const added = this.add(items);
    // The last step's plan counts at once: nothing comes after it that would tell of its result.
    for (const review of reviews) if (review.verdict.outcome === 'allow') this.#planned(review);
    return added;
  }

  /** The result of `execute` or `resolve`. @returns it, where it is new */
  executed(result: ExecuteResult, atMs: number): ResultItem[] {
    this.#anchored(result.anchor);
    this.besides.costUsd += result.costUsd ?? 0;
    this.effects.ended(result.id, result);
    if (result.ask === undefined) return this.add([toResultItem(result)]);
    this.event(atMs, 'asks', askedAtExecution(result.id, result.ask));
    return [];
  }

  /** Results of reads; the last one carries what belongs to all of them. */
  read(results: readonly ExecuteResult[]): ResultItem[] {
    return results.flatMap((result) => {
      this.#anchored(result.anchor);
      this.besides.costUsd += result.costUsd ?? 0;
      return this.add([toResultItem(result)]);
    });
  }

  compensated(call: { readonly id: string; readonly tool: string }, result: Compensated, atMs: number): void {
    const { status, message, anchor } = result;
    this.#anchored(anchor);
    this.effects.undone(call.id, result);
    const words = message === undefined ? {} : { message };
    this.event(atMs, 'compensation', { callId: call.id, tool: call.tool, status, ...words });
  }

  /** What waits from now on. @returns what happened to it */
  waits(pending: readonly PendingDecision[], atMs: number): AtDesk[] {
    this.signals.waits(pending, atMs);
    this.#controlled(atMs);
    return this.desk.waits(pending);
  }

  /** The task has heard what it was sent. @returns signals that changed nothing */
  heard(atMs: number): Refused[] {
    const standing = this.desk.standing.map(({ id }) => id);
    const ignored = this.signals.hear(atMs, standing);
    this.#controlled(atMs);
    return ignored.map(({ message, reason }) => this.ignored(message, reason, atMs));
  }

  /** An update was accepted: the task has heard it. */
  updated(update: Parameters<Signals['updated']>[0], atMs: number): void {
    this.signals.updated(update, atMs);
    this.#controlled(atMs);
  }

  #controlled(atMs: number): void {
    for (const { type, detail } of this.signals.controls()) this.event(atMs, type, detail);
  }

  /** A signal that changed nothing, and why, as the task's page says it. */
  ignored(name: string, reason: string, atMs: number): Refused {
    const told = toIgnored(name, reason);
    this.event(atMs, 'ignored', told);
    return { type: 'refused', id: '', decision: told.message, reason: told.reason };
  }

  /** A signature that did not count. */
  unproven(refused: Omit<Refused, 'type'>, atMs: number): Refused[] {
    this.#unproven = refused.reason;
    return this.#refused(refused, atMs);
  }

  /** An update that did not count; what the check of its signature found was told already. */
  refused(refused: Omit<Refused, 'type'>, atMs: number): Refused[] {
    const told = this.#unproven;
    this.#unproven = undefined;
    return told !== undefined && refused.reason.includes(told) ? [] : this.#refused(refused, atMs);
  }

  #refused(refused: Omit<Refused, 'type'>, atMs: number): Refused[] {
    this.event(atMs, 'refused', refused);
    return [{ type: 'refused', ...refused }];
  }

  event(atMs: number, type: string, detail: unknown): void {
    this.events.push({ at: new Date(atMs).toISOString(), type, detail });
  }

  /** Items in the order they came; an effect's result is seen with its activity and again in the next input. @returns results that are new */
  add(items: readonly TranscriptItem[]): ResultItem[] {
    return items.flatMap((item) => {
      // `delete` returns whether it was there; setting it anew gives it the place that the workflow gave it.
      const isNew = !this.items.delete(item.id);
      this.items.set(item.id, item);
      if (item.kind !== 'result' || !isNew) return [];
      if (item.status === 'succeeded') this.#planned(this.reviewOf(item.id));
      return [item];
    });
  }

  reviewOf(callId: string): Review | undefined {
    for (const { reviews } of this.steps.toReversed()) {
      const review = reviews.find((each) => each.callId === callId);
      if (review !== undefined) return review;
    }
    return undefined;
  }

  #planned(review: Review | undefined): void {
    if (review?.builtIn?.kind === 'plan') this.plan = review.builtIn.plan;
  }

  #anchored(anchor: AuditAnchor | undefined): void {
    if (anchor !== undefined) this.anchors.push(anchor);
  }
}
