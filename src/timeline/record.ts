import type { Admission, ExecuteInput, ProposeInput, ProposeResult, ReadInput } from '../activities/messages.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { cutText, isRecord, jsonBytes } from '../domain/json.ts';
import { parseArguments } from '../domain/proposal.ts';
import type { StepRecord, TaskEvent, TaskRecord } from '../domain/record.ts';
import { SIZES } from '../domain/sizes.ts';
import { MEMO, type Outcome, type TaskStatus } from '../domain/task.ts';
import type { RawCall, ResultItem, TranscriptItem } from '../domain/transcript.ts';
import type { Carried } from '../workflows/state.ts';
import { decodeAll, decodeOne, eventMs, type HistoryEvent } from './history.ts';
import type { ProgressEvent, ProposedCall } from './progress-event.ts';

/** Progress without its time, which the event gives. */
type Bare = ProgressEvent extends infer Each ? (Each extends ProgressEvent ? Omit<Each, 'at'> : never) : never;

type Scheduled = { readonly type: string; readonly input: unknown; readonly atMs: number };

/** Statuses of runs that closed without an outcome of the task's own. */
const CLOSED_WITHOUT_OUTCOME = {
  workflowExecutionTerminatedEventAttributes: 'terminated',
  workflowExecutionTimedOutEventAttributes: 'timed out',
  workflowExecutionFailedEventAttributes: 'failed by a bug',
  workflowExecutionCanceledEventAttributes: 'cancelled without an outcome',
} as const;

/** Reads a task's record from the events of its histories, one after the other. Needs no worker and no workflow code. */
export class RecordReader {
  readonly #taskId: string;
  readonly #items = new Map<string, TranscriptItem>();
  readonly #steps: StepRecord[] = [];
  readonly #events: TaskEvent[] = [];
  readonly #scheduled = new Map<string, Scheduled>();
  #spec: unknown = null;
  #status: TaskStatus | 'terminated' = 'running';
  #outcome: Outcome | undefined;
  #pending: readonly PendingDecision[] = [];

  constructor(taskId: string) {
    this.#taskId = taskId;
  }

  get record(): TaskRecord {
    const items = [...this.#items.values()];
    const status = this.#status as TaskStatus;
    return {
      taskId: this.#taskId,
      status,
      spec: this.#spec,
      outcome: this.#outcome,
      steps: this.#steps,
      items,
      events: this.#events,
    };
  }

  /** What waits for a person at this point. */
  get pending(): readonly PendingDecision[] {
    return this.#pending;
  }

  /** Takes the next event in. @returns the progress that it means */
  push(event: HistoryEvent, runId: string): ProgressEvent[] {
    const at = new Date(eventMs(event)).toISOString();
    return [...this.#read(event, runId)].map((bare): ProgressEvent => ({ at, ...bare }));
  }

  *#read(event: HistoryEvent, runId: string): Generator<Bare> {
    const at = eventMs(event);
    if (event.workflowExecutionStartedEventAttributes) yield* this.#started(event, runId);
    else if (event.activityTaskScheduledEventAttributes) yield* this.#schedule(event, at);
    else if (event.activityTaskStartedEventAttributes) yield* this.#retried(event);
    else if (event.activityTaskCompletedEventAttributes) yield* this.#complete(event, at);
    else if (event.workflowPropertiesModifiedEventAttributes) yield* this.#memo(event);
    else if (event.workflowExecutionSignaledEventAttributes) yield* this.#signal(event);
    else if (event.workflowExecutionUpdateAcceptedEventAttributes) yield* this.#update(event);
    else yield* this.#closed(event, runId);
  }

  *#started(event: HistoryEvent, runId: string): Generator<Bare> {
    const started = event.workflowExecutionStartedEventAttributes;
    const [spec, carried] = decodeAll(started?.input);
    this.#spec = spec ?? null;
    const before = carried as Carried | undefined;
    if (before !== undefined && this.#steps.length === 0) {
      for (const item of before.items) this.#items.set(item.id, item);
      this.#steps.push(...before.steps);
      this.#events.push(...before.events);
    }
    if (before !== undefined) {
      yield { type: 'continued', runId };
      return;
    }
    const { agent, goal } = isRecord(spec) ? spec : {};
    yield {
      type: 'started',
      taskId: this.#taskId,
      runId,
      agent: typeof agent === 'string' ? agent : '?',
      goal: typeof goal === 'string' ? goal : '',
    };
  }

  *#schedule(event: HistoryEvent, atMs: number): Generator<Bare> {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const [input] = decodeAll(scheduled?.input);
    const type = scheduled?.activityType?.name ?? '';
    this.#scheduled.set(String(event.eventId), { type, input, atMs });
    if (type === 'propose') {
      const { step, reads, appended } = input as ProposeInput;
      yield* this.#add(appended);
      yield { type: 'thinking', step, reads };
    } else if (type === 'execute') {
      const { call } = input as ExecuteInput;
      yield { type: 'running', callId: call.id, tool: call.tool };
    } else if (type === 'read') {
      for (const { id, tool } of (input as ReadInput).calls) yield { type: 'running', callId: id, tool };
    }
  }

  *#retried(event: HistoryEvent): Generator<Bare> {
    const started = event.activityTaskStartedEventAttributes;
    const attempt = started?.attempt ?? 1;
    if (attempt <= 1) return;
    const activity = this.#scheduled.get(String(started?.scheduledEventId))?.type ?? '';
    const failure = started?.lastFailure?.message ?? 'the worker was lost';
    this.#events.push({
      at: new Date(eventMs(event)).toISOString(),
      type: 'retried',
      detail: { activity, attempt, failure },
    });
    yield { type: 'retried', activity, attempt, failure };
  }

  *#complete(event: HistoryEvent, atMs: number): Generator<Bare> {
    const completed = event.activityTaskCompletedEventAttributes;
    const scheduled = this.#scheduled.get(String(completed?.scheduledEventId));
    const [result] = decodeAll(completed?.result);
    if (scheduled === undefined || result === undefined) return;
    if (scheduled.type === 'admit') this.#admitted(result as Admission);
    else if (scheduled.type === 'propose') yield* this.#proposed(scheduled, result as ProposeResult, atMs);
    else if (scheduled.type === 'execute') yield* this.#add([result as ResultItem]);
    else if (scheduled.type === 'read') yield* this.#add(result as ResultItem[]);
  }

  #admitted({ goal, input }: Admission): void {
    this.#items.set('goal', { kind: 'goal', id: 'goal', text: goal, ...(input === undefined ? {} : { input }) });
  }

  *#proposed({ input, atMs: startedAt }: Scheduled, result: ProposeResult, atMs: number): Generator<Bare> {
    const { step } = input as ProposeInput;
    const { items, reviews, model, usage, costUsd, window, promptDigest } = result;
    const { inputTokens, outputTokens } = usage;
    yield* this.#add(items);
    this.#steps.push({
      n: step,
      startedAt,
      durationMs: atMs - startedAt,
      model,
      inputTokens,
      outputTokens,
      costUsd,
      window,
      promptDigest,
      reviews,
    });
    const proposal = items.find((item) => item.kind === 'proposal');
    const calls = (proposal?.calls ?? []).map((raw, index) => toProposed(raw, reviews[index]));
    yield {
      type: 'proposed',
      step,
      text: proposal?.text ?? '',
      calls,
      model,
      usage: { inputTokens, outputTokens },
      costUsd,
    };
  }

  /** Items in the order they came; an effect's result is seen with its activity and again in the next input. */
  *#add(items: readonly TranscriptItem[]): Generator<Bare> {
    for (const item of items) {
      // `delete` returns whether it was there; setting it anew gives it the place that the workflow gave it.
      const isNew = !this.#items.delete(item.id);
      this.#items.set(item.id, item);
      if (item.kind === 'result' && isNew) {
        yield { type: 'result', callId: item.id, tool: item.tool, status: item.status, output: item.output };
      }
    }
  }

  *#memo(event: HistoryEvent): Generator<Bare> {
    const payload = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[MEMO.pending];
    if (payload === undefined) return;
    const pending = decodeOne(payload);
    if (!Array.isArray(pending)) return;
    this.#pending = pending as PendingDecision[];
    this.#status = pending.length > 0 ? 'waiting' : 'running';
    if (pending.length > 0) yield { type: 'waiting', pending: this.#pending };
  }

  *#signal(event: HistoryEvent): Generator<Bare> {
    const signal = event.workflowExecutionSignaledEventAttributes;
    const [payload = null] = decodeAll(signal?.input);
    yield* this.#message(event, { name: signal?.signalName ?? '', payload, from: signal?.identity ?? '' });
  }

  *#update(event: HistoryEvent): Generator<Bare> {
    const { input, meta } = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest ?? {};
    const [payload = null] = decodeAll(input?.args);
    yield* this.#message(event, { name: input?.name ?? '', payload, from: meta?.identity ?? '' });
  }

  *#message(
    event: HistoryEvent,
    message: { readonly name: string; readonly payload: unknown; readonly from: string },
  ): Generator<Bare> {
    // Anyone may send 2 MB; what a task took is far smaller.
    const payload =
      jsonBytes(message.payload) <= SIZES.toolArgs
        ? message.payload
        : cutText(JSON.stringify(message.payload), SIZES.pending);
    const detail = { ...message, payload };
    this.#events.push({ at: new Date(eventMs(event)).toISOString(), type: 'message', detail });
    yield { type: 'message', ...detail };
  }

  *#closed(event: HistoryEvent, runId: string): Generator<Bare> {
    const completed = event.workflowExecutionCompletedEventAttributes;
    if (completed) {
      const [outcome] = decodeAll(completed.result) as [Outcome];
      yield* this.#end(outcome);
      return;
    }
    for (const [field, words] of Object.entries(CLOSED_WITHOUT_OUTCOME)) {
      if (!event[field as keyof typeof CLOSED_WITHOUT_OUTCOME]) continue;
      const usage = { steps: this.#steps.length, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };
      const isCancelled = field === 'workflowExecutionCanceledEventAttributes';
      yield* this.#end({
        taskId: this.#taskId,
        runId,
        status: isCancelled ? 'cancelled' : 'failed',
        reason: `the run was ${words}`,
        usage,
        effects: [],
      });
    }
  }

  *#end(outcome: Outcome): Generator<Bare> {
    this.#outcome = outcome;
    this.#status = outcome.status;
    this.#pending = [];
    yield { type: 'ended', outcome };
  }
}

const toProposed = (raw: RawCall, review: ProposeResult['reviews'][number] | undefined): ProposedCall => {
  const parsed = parseArguments(raw);
  const { tool, effect, verdict } = review ?? {
    tool: raw.name,
    effect: 'read',
    verdict: { outcome: 'reject', reasons: [] },
  };
  return {
    id: raw.id,
    tool,
    args: parsed.ok ? parsed.args : raw.arguments,
    effect,
    verdict: verdict.outcome,
    reasons: verdict.reasons,
    rationale: parsed.ok ? rationaleOf(parsed.decision) : null,
  };
};

const rationaleOf = (decision: unknown): string | null =>
  isRecord(decision) && typeof decision['rationale'] === 'string' ? decision['rationale'] : null;
