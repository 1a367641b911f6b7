import * as wf from '@temporalio/workflow';
import type { Approval } from '../activities/messages.ts';
import type { GatewayCall } from '../activities/ports.ts';
import type { HumanDecision, PendingDecision } from '../domain/decision.ts';
import type { Ruling } from '../domain/desk.ts';
import { digestJson, shortDigest } from '../domain/digest.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import { type Decision, parseArguments, type Review, type RunPlan } from '../domain/proposal.ts';
import { MAX_READS, MAX_TRAVELLING_READS } from '../domain/sizes.ts';
import type { RawCall, ResultItem } from '../domain/transcript.ts';
import { acting, readable, thinking } from './activities.ts';
import type { Desk } from './desk.ts';
import type { TaskState } from './state.ts';

/** A proposed call with everything the loop needs of it. */
type Call = {
  readonly raw: RawCall;
  readonly review: Review;
  readonly args: unknown;
  readonly decision: Decision | undefined;
};

const toCall = (raw: RawCall, review: Review): Call => {
  const parsed = parseArguments(raw);
  // A rejected call may carry anything as its decision; the others were checked by the review.
  const isReviewed = parsed.ok && review.verdict.outcome !== 'reject';
  return {
    raw,
    review,
    args: parsed.ok ? parsed.args : {},
    decision: isReviewed ? (parsed.decision as Decision) : undefined,
  };
};

const isoNow = (): string => new Date(Date.now()).toISOString();

type Ended = { readonly status: ResultItem['status']; readonly output: unknown; readonly human?: HumanDecision };

const result = (call: Call, { status, output, human }: Ended): ResultItem => ({
  kind: 'result',
  id: call.raw.id,
  tool: call.review.tool,
  status,
  output,
  trust: 'trusted',
  ...(human === undefined ? {} : { human }),
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
      if (call.review.verdict.outcome === 'reject') this.#refuse(call);
      else if (pending !== undefined) await this.#withPerson(call, pending);
      else if (call.review.plan === undefined)
        this.#reads.push({ id: call.raw.id, tool: call.review.tool, args: call.args });
      else await this.#act(call, call.args);
    }
    if (this.#reads.length > MAX_TRAVELLING_READS) await this.#flushReads();
    this.#task.reads = this.#reads.map(({ id }) => id);
    this.#task.usage.toolCalls += this.#reads.length;
    this.#reads = [];
  }

  #question(call: Call): [string, PendingDecision][] {
    const { review, raw } = call;
    const isQuestion = review.question !== undefined;
    if (review.verdict.outcome === 'reject' || (!isQuestion && review.verdict.outcome !== 'ask')) return [];
    const digest = review.digest ?? digestJson(call.args);
    return [
      [
        raw.id,
        {
          id: `${raw.id}-${shortDigest(digest)}`,
          taskId: this.#task.taskId,
          kind: isQuestion ? 'answer' : 'approval',
          callId: raw.id,
          tool: review.tool,
          args: call.args,
          ...(review.question === undefined ? {} : { question: review.question }),
          reasons: review.verdict.reasons,
          decision: call.decision,
          digest,
          since: isoNow(),
          may: isQuestion ? ['answer', 'deny'] : ['approve', 'deny', 'edit'],
        },
      ],
    ];
  }

  #refuse(call: Call): void {
    const reasons = call.review.verdict.reasons.map(({ message }) => message).join('; ');
    this.#task.transcript.append(result(call, { status: 'rejected', output: reasons }));
  }

  async #withPerson(call: Call, pending: PendingDecision): Promise<void> {
    if (this.#reads.length > 0) await this.#flushReads();
    this.#task.doing = `waiting for a person: ${pending.id}`;
    const ruling = await this.#desk.ruling(pending.id);
    const human = toHuman(ruling);
    const { message } = ruling;
    if (message.name === 'deny') {
      const why = message.text === undefined ? 'no reason was given' : `the reason: ${message.text}`;
      this.#task.transcript.append(
        result(call, { status: 'rejected', output: `A person denied this call; ${why}`, human }),
      );
    } else if (pending.kind === 'answer') {
      this.#task.transcript.append(result(call, { status: 'succeeded', output: message.text ?? '', human }));
    } else {
      await this.#act(call, message.args ?? call.args, { digest: ruling.pending.digest, human });
    }
  }

  /** Runs one call in an activity of its own. An effect of which nobody knows is put before a person. */
  async #act(call: Call, args: unknown, approval?: Approval): Promise<void> {
    if (this.#reads.length > 0) await this.#flushReads();
    if (this.#task.paused) await this.#whilePaused();
    const task = this.#task;
    const { raw, review } = call;
    const plan = review.plan ?? { idempotent: false, timeoutMs: 30_000, maxAttempts: 1, alone: true };
    const { context, heartbeatTimeoutMs } = task.admitted;
    task.doing = `running ${review.tool} (${raw.id})`;
    task.usage.toolCalls += 1;
    const input = {
      context,
      call: { id: raw.id, tool: review.tool, args },
      plan,
      ...(approval === undefined ? {} : { approval }),
    };
    const done = await acting(plan, heartbeatTimeoutMs)
      .execute.executeWithOptions({ summary: `${raw.id} ${review.tool}` }, [input])
      .then(readable, (error: unknown) => lost(call, plan, error));
    // Recorded at once, also when it is unknown: the task may be cancelled while a person is asked.
    this.#recordEffect(call, done, args);
    // A cancellation that arrived while the effect ran takes hold now that what came of it is recorded.
    if (wf.CancellationScope.current().consideredCancelled) throw new wf.CancelledFailure('the task was cancelled');
    const isUnknown = done.status === 'unknown' && review.effect !== 'read';
    const settled = isUnknown ? await this.#settle(call, done, args) : done;
    task.transcript.append(settled);
    this.#recordEffect(call, settled, args);
  }

  /** INVARIANT E3: an unknown effect is never repeated and never taken for failed; a person says whether it happened. */
  async #settle(call: Call, unknown: ResultItem, args: unknown): Promise<ResultItem> {
    const digest = digestJson({ unknown: call.raw.id, args });
    const ruling = await this.#desk.ask({
      id: `${call.raw.id}-${shortDigest(digest)}`,
      taskId: this.#task.taskId,
      kind: 'effect',
      callId: call.raw.id,
      tool: call.review.tool,
      args,
      question: `Did ${call.review.tool} happen? Approve: it did. Deny: it did not.`,
      reasons: [{ code: 'unknown_effect', message: `${String(unknown.output)} Nobody knows whether it took effect.` }],
      decision: call.decision,
      digest,
      since: isoNow(),
      may: ['approve', 'deny'],
    });
    const happened = ruling.message.name === 'approve';
    const words = ruling.message.text === undefined ? '' : ` ${ruling.message.text}`;
    const output = `A person checked: it ${happened ? 'happened' : 'did not happen'}.${words}`;
    return result(call, { status: happened ? 'succeeded' : 'failed', output, human: toHuman(ruling) });
  }

  #recordEffect(call: Call, { status }: ResultItem, args: unknown): void {
    const { effects, admitted } = this.#task;
    if (call.review.effect === 'read' || status === 'rejected') return;
    const key = idempotencyKey(admitted.context, call.raw.id, args);
    const before = effects.findIndex(({ callId }) => callId === call.raw.id);
    effects.splice(before < 0 ? effects.length : before, 1, {
      callId: call.raw.id,
      tool: call.review.tool,
      status: status === 'replayed' ? 'succeeded' : status,
      key,
    });
  }

  /** Runs the gathered reads now, a bounded number in one activity. */
  async #flushReads(): Promise<void> {
    while (this.#reads.length > 0) await this.#read(this.#reads.splice(0, MAX_READS));
  }

  async #read(calls: readonly GatewayCall[]): Promise<void> {
    const task = this.#task;
    const { context, limits, heartbeatTimeoutMs } = task.admitted;
    const names = calls.map(({ id, tool }) => `${id} ${tool}`).join(', ');
    task.doing = `reading: ${names}`;
    task.usage.toolCalls += calls.length;
    const { read } = thinking(limits.durationMs - task.activeMs, heartbeatTimeoutMs);
    const results = await read.executeWithOptions({ summary: names.slice(0, 200) }, [{ context, calls }]);
    task.transcript.append(...readable(results));
  }
}

const toHuman = ({ message, pending, atMs }: Ruling): HumanDecision => ({
  decision:
    message.name === 'answer'
      ? 'answered'
      : message.name === 'deny'
        ? 'denied'
        : message.args === undefined
          ? 'approved'
          : 'edited',
  verified: false,
  at: new Date(atMs).toISOString(),
  ...(message.by === undefined ? {} : { by: message.by }),
  ...(message.text === undefined || pending.kind === 'answer' ? {} : { note: message.text }),
  ...(message.args === undefined ? {} : { args: message.args }),
});

/** What is known of a call whose activity gave no result: its worker died, or every attempt failed. */
const lost = (call: Call, plan: RunPlan, error: unknown): ResultItem => {
  const cause = error instanceof wf.ActivityFailure ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const attempts = plan.idempotent ? `after ${plan.maxAttempts} attempts` : 'and it is not safe to try again';
  const isRead = call.review.effect === 'read';
  const output = `The worker gave no result (${message}), ${attempts}.`;
  return { ...result(call, { status: isRead ? 'failed' : 'unknown', output }), trust: 'untrusted' };
};
