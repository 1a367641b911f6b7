import type { PendingDecision } from '../domain/decision.ts';
import { isRecord } from '../domain/json.ts';
import type { TaskRecord } from '../domain/record.ts';
import { MEMO, type Outcome, type TaskStatus } from '../domain/task.ts';
import { sumUsage } from '../domain/trace.ts';
import type { Carried } from '../workflows/state.ts';
import { Account } from './account.ts';
import { ACTIVITY_READERS, type Bare } from './activity-readers.ts';
import { toTaskEvent } from './desk-events.ts';
import { boundMessage, decodeAll, decodeOne, eventMs, firstAsHeard, type HistoryEvent } from './history.ts';
import type { ProgressEvent } from './progress-event.ts';
import { type Message, Updates } from './updates.ts';

type Scheduled = { readonly type: string; readonly input: unknown; readonly startedAt: number };

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
  readonly #account = new Account();
  readonly #scheduled = new Map<string, Scheduled>();
  readonly #updates = new Updates();
  #spec: unknown = null;
  #status: TaskStatus | 'terminated' = 'running';
  #isUnwinding = false;
  #outcome: Outcome | undefined;

  constructor(taskId: string) {
    this.#taskId = taskId;
  }

  get record(): TaskRecord {
    const { items, steps, events, besides, effects, plan, anchors, desk } = this.#account;
    return {
      taskId: this.#taskId,
      status: this.#status as TaskStatus,
      spec: this.#spec,
      outcome: this.#outcome,
      steps,
      items: [...items.values()],
      events,
      besides,
      compensations: effects.compensations,
      plan,
      anchors,
      standing: desk.standing,
    };
  }

  /** Everything that the task did, for those who have to undo it. */
  get account(): Account {
    return this.#account;
  }

  /** What waits for a person at this point. */
  get pending(): readonly PendingDecision[] {
    return this.#account.desk.pending;
  }

  /** Takes the next event in. @returns the progress that it means */
  push(event: HistoryEvent, runId: string): ProgressEvent[] {
    const at = new Date(eventMs(event)).toISOString();
    return [...this.#read(event, runId)].map((bare): ProgressEvent => {
      if (bare.type === 'desk') this.#account.events.push(toTaskEvent(at, bare));
      return { at, ...bare };
    });
  }

  *#read(event: HistoryEvent, runId: string): Generator<Bare> {
    if (event.workflowExecutionStartedEventAttributes) yield* this.#started(event, runId);
    else if (event.activityTaskScheduledEventAttributes) yield* this.#schedule(event);
    else if (event.activityTaskStartedEventAttributes) yield* this.#retried(event);
    else if (event.activityTaskCompletedEventAttributes) yield* this.#complete(event);
    else if (event.workflowPropertiesModifiedEventAttributes) yield* this.#memo(event);
    else if (event.workflowExecutionSignaledEventAttributes) yield* this.#signal(event);
    else if (event.workflowTaskStartedEventAttributes) yield* this.#account.heard(eventMs(event));
    else if (event.workflowExecutionUpdateAcceptedEventAttributes) yield* this.#update(event);
    else if (event.workflowExecutionUpdateCompletedEventAttributes) yield* this.#answered(event);
    else yield* this.#closed(event, runId);
  }

  *#started(event: HistoryEvent, runId: string): Generator<Bare> {
    const [spec, carried] = decodeAll(event.workflowExecutionStartedEventAttributes?.input);
    this.#spec = spec ?? null;
    const before = carried as Carried | undefined;
    if (before !== undefined) {
      this.#account.takeOver(before);
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

  *#schedule(event: HistoryEvent): Generator<Bare> {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const [input] = decodeAll(scheduled?.input);
    const type = scheduled?.activityType?.name ?? '';
    this.#scheduled.set(String(event.eventId), { type, input, startedAt: eventMs(event) });
    if (type === 'compensate') {
      this.#isUnwinding = true;
      this.#status = 'compensating';
    }
    yield* ACTIVITY_READERS[type]?.began?.(this.#account, input) ?? [];
  }

  *#retried(event: HistoryEvent): Generator<Bare> {
    const started = event.activityTaskStartedEventAttributes;
    const attempt = started?.attempt ?? 1;
    if (attempt <= 1) return;
    const activity = this.#scheduled.get(String(started?.scheduledEventId))?.type ?? '';
    const failure = started?.lastFailure?.message ?? 'the worker was lost';
    this.#account.event(eventMs(event), 'retried', { activity, attempt, failure });
    yield { type: 'retried', activity, attempt, failure };
  }

  *#complete(event: HistoryEvent): Generator<Bare> {
    const completed = event.activityTaskCompletedEventAttributes;
    const scheduled = this.#scheduled.get(String(completed?.scheduledEventId));
    const [result] = decodeAll(completed?.result);
    if (scheduled === undefined || result === undefined) return;
    const times = { ...scheduled, endedAt: eventMs(event) };
    yield* ACTIVITY_READERS[scheduled.type]?.ended?.(this.#account, result, times) ?? [];
  }

  *#memo(event: HistoryEvent): Generator<Bare> {
    const payload = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[MEMO.pending];
    if (payload === undefined) return;
    const pending = decodeOne(payload);
    if (!Array.isArray(pending)) return;
    const happened = this.#account.waits(pending as PendingDecision[], eventMs(event));
    this.#status = pending.length > 0 ? 'waiting' : this.#isUnwinding ? 'compensating' : 'running';
    yield* happened;
    if (pending.length > 0) yield { type: 'waiting', pending: this.pending };
  }

  *#signal(event: HistoryEvent): Generator<Bare> {
    const signal = event.workflowExecutionSignaledEventAttributes;
    const [payload = null] = decodeAll(signal?.input);
    const name = signal?.signalName ?? '';
    this.#account.signals.sent({ name, payload: firstAsHeard(signal?.input) });
    yield* this.#message(event, { name, payload, from: signal?.identity ?? '' });
  }

  *#update(event: HistoryEvent): Generator<Bare> {
    const message = this.#updates.accept(event);
    yield* this.#message(event, message);
    this.#account.updated(message, eventMs(event));
  }

  /** An update that was accepted and then refused: its sender was told, so the trace tells, too. */
  *#answered(event: HistoryEvent): Generator<Bare> {
    const refused = this.#updates.refusal(event);
    if (refused !== undefined) yield* this.#account.refused(refused, eventMs(event));
  }

  *#message(event: HistoryEvent, message: Message): Generator<Bare> {
    const detail = { ...message, payload: boundMessage(message.payload) };
    this.#account.event(eventMs(event), 'message', detail);
    yield { type: 'message', ...detail };
  }

  *#closed(event: HistoryEvent, runId: string): Generator<Bare> {
    const completed = event.workflowExecutionCompletedEventAttributes;
    if (completed) {
      const [outcome] = decodeAll(completed.result) as [Outcome];
      const { status, reason = '' } = outcome;
      if (status === 'limit' || status === 'fallback') this.#account.event(eventMs(event), status, { reason });
      yield* this.#end(outcome);
      return;
    }
    for (const [field, words] of Object.entries(CLOSED_WITHOUT_OUTCOME)) {
      if (!event[field as keyof typeof CLOSED_WITHOUT_OUTCOME]) continue;
      const isCancelled = field === 'workflowExecutionCanceledEventAttributes';
      yield* this.#end({
        taskId: this.#taskId,
        runId,
        status: isCancelled ? 'cancelled' : 'failed',
        reason: `the run was ${words}`,
        usage: sumUsage(this.record),
        effects: this.#account.effects.records,
      });
    }
  }

  *#end(outcome: Outcome): Generator<Bare> {
    this.#outcome = outcome;
    this.#status = outcome.status;
    this.#account.desk.ended();
    yield { type: 'ended', outcome };
  }
}
