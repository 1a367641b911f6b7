import { byHand, type Compensation } from './compensation.ts';
import type { HumanDecision } from './decision.ts';
import type { Digest } from './digest.ts';
import { cutText, isRecord, type JsonObject } from './json.ts';
import { parseArguments, type Reason, type Review } from './proposal.ts';
import type { Provenance } from './provenance.ts';
import type { RecordedAnchor, StepRecord, TaskEvent, TaskRecord, TracedStanding } from './record.ts';
import type { Effect, Outcome, Usage } from './task.ts';
import type { ProposalItem, RawCall, ResultItem, TranscriptItem } from './transcript.ts';

/** A call in a trace. `decision` is what the model wrote; a rejected call may carry anything there. */
export type TracedCall = {
  readonly id: string;
  readonly tool: string;
  readonly args: unknown;
  readonly effect: Effect;
  readonly decision: unknown;
  readonly verdict: {
    readonly outcome: string;
    readonly reasons: readonly Reason[];
    /** Digest of the policy set that judged it. */
    readonly policies?: Digest;
  };
  /** Where the values of the arguments came from, by JSON pointer. */
  readonly provenance?: Provenance;
  readonly human?: HumanDecision;
  readonly result?: {
    readonly status: string;
    readonly output: unknown;
    readonly attempts: number;
    readonly trust: string;
    /** Why it did not succeed, in words: the beginning of its output. */
    readonly error?: { readonly message: string };
  };
  /** What came of undoing it. */
  readonly compensation?: Compensation;
};

/** A step in a trace. */
export type TracedStep = {
  readonly n: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly model: string;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  readonly costUsd: number;
  readonly context: { readonly tokens: number; readonly window: number | null; readonly pressure: number | null };
  readonly promptDigest: string;
  readonly text: string;
  readonly calls: readonly TracedCall[];
};

/** What a task did and why. */
export type Trace = {
  readonly taskId: string;
  readonly status: string;
  readonly spec: unknown;
  readonly outcome: Outcome | null;
  readonly usage: Usage;
  readonly steps: readonly TracedStep[];
  readonly events: readonly TaskEvent[];
  /** The agent's plan as it is now. */
  readonly plan: JsonObject | null;
  /** Where the audit trail stood, in order; only a trace that was read from event history has them. */
  readonly anchors: readonly RecordedAnchor[];
  /** Yeses that reach further than one call, and were not taken back. */
  readonly standing: readonly TracedStanding[];
};

/** Detail of the event `asks`: a call that was allowed or approved, and that a person is asked about when it is to run. */
export const askedAtExecution = (callId: string, { tool, verdict }: Pick<Review, 'tool' | 'verdict'>) => ({
  callId,
  tool,
  reasons: verdict.reasons,
});

/** What is looked up by call id. */
type ByCall = {
  readonly results: ReadonlyMap<string, ResultItem>;
  readonly compensations: ReadonlyMap<string, Compensation>;
};

const traceCall = (raw: RawCall, step: StepRecord, { results, compensations }: ByCall): TracedCall => {
  const parsed = parseArguments(raw);
  const review: Partial<Review> = step.reviews.find((each) => each.callId === raw.id) ?? {};
  const { tool, effect, verdict, policies, provenance } = { ...UNREVIEWED, ...review };
  const compensation = compensations.get(raw.id);
  return {
    id: raw.id,
    tool: tool ?? raw.name,
    args: parsed.ok ? parsed.args : raw.arguments,
    effect,
    decision: parsed.ok && isRecord(parsed.decision) ? parsed.decision : null,
    verdict: { ...verdict, ...(policies === undefined ? {} : { policies }) },
    ...(provenance === undefined ? {} : { provenance }),
    ...traceResult(results.get(raw.id)),
    ...(compensation === undefined ? {} : { compensation }),
  };
};

const UNREVIEWED = { effect: 'read', verdict: { outcome: 'reject', reasons: [] } } as const satisfies Partial<Review>;

const DONE: ReadonlySet<string> = new Set<ResultItem['status']>(['succeeded', 'replayed']);
/** Of a failure's words, bytes. */
const MAX_WORDS = 1_000;

const wordsOf = (output: unknown): string =>
  cutText(typeof output === 'string' ? output : (JSON.stringify(output) ?? ''), MAX_WORDS);

const traceResult = (result: ResultItem | undefined): Pick<TracedCall, 'human' | 'result'> => {
  if (result === undefined) return {};
  const { status, output, attempts = 0, trust, human } = result;
  const error = DONE.has(status) ? {} : { error: { message: wordsOf(output) } };
  return { ...(human === undefined ? {} : { human }), result: { status, output, attempts, trust, ...error } };
};

const traceStep = (step: StepRecord, proposal: ProposalItem | undefined, byCall: ByCall): TracedStep => {
  const window = step.window ?? null;
  return {
    n: step.n,
    startedAt: new Date(step.startedAt).toISOString(),
    durationMs: step.durationMs,
    model: step.model,
    usage: { inputTokens: step.inputTokens, outputTokens: step.outputTokens },
    costUsd: step.costUsd,
    context: { tokens: step.inputTokens, window, pressure: window === null ? null : step.inputTokens / window },
    promptDigest: step.promptDigest,
    text: proposal?.text ?? '',
    calls: (proposal?.calls ?? []).map((raw) => traceCall(raw, step, byCall)),
  };
};

const finalCompensation = (last: Compensation | undefined, status: string): Compensation =>
  status === 'compensated' && last !== undefined && last.status !== status
    ? { status, message: byHand(last.message ?? '') }
    : { ...last, status };

/** What undoing came to: a person may have had the last word, which stands in the outcome. */
const finalCompensations = ({ compensations, outcome }: TaskRecord): ReadonlyMap<string, Compensation> => {
  const final = new Map<string, Compensation>(compensations);
  for (const { callId, status } of outcome?.effects ?? []) {
    if (status !== 'compensated' && status !== 'compensation_failed') continue;
    final.set(callId, finalCompensation(final.get(callId), status));
  }
  return final;
};

/** Calls that ran, or may have: what was refused, and what a person answered, did not. */
const countRun = (items: TaskRecord['items']): number =>
  items.filter((item) => item.kind === 'result' && item.status !== 'rejected' && item.human?.decision !== 'answered')
    .length;

/** What a task has used, as far as its record tells. */
export const sumUsage = ({ steps, items, besides }: TaskRecord): Usage => {
  const usage: Usage = {
    steps: steps.length,
    toolCalls: countRun(items),
    inputTokens: besides?.inputTokens ?? 0,
    outputTokens: besides?.outputTokens ?? 0,
    costUsd: besides?.costUsd ?? 0,
  };
  for (const { inputTokens, outputTokens, costUsd } of steps) {
    usage.inputTokens += inputTokens;
    usage.outputTokens += outputTokens;
    usage.costUsd += costUsd;
  }
  return usage;
};

/** Builds a trace from a record. One pass over items and steps. */
export const buildTrace = (record: TaskRecord): Trace => {
  const { taskId, status, spec, outcome, steps, items, events, plan, anchors, standing = [] } = record;
  const results = new Map<string, ResultItem>();
  const proposals = new Map<string, ProposalItem>();
  for (const item of items) {
    if (item.kind === 'result') results.set(item.id, item);
    else if (item.kind === 'proposal') proposals.set(item.id, item);
  }
  const byCall = { results, compensations: finalCompensations(record) };
  return {
    taskId,
    status,
    spec,
    outcome: outcome ?? null,
    usage: outcome?.usage ?? sumUsage(record),
    steps: steps.map((step) => traceStep(step, proposals.get(`s${step.n}`), byCall)),
    events,
    plan: plan ?? null,
    anchors: anchors ?? [],
    standing: standing.map(({ id, tool, scope, by, verified, at, uses }) => ({
      id,
      tool,
      scope,
      verified,
      at,
      uses,
      ...(by === undefined ? {} : { by }),
    })),
  };
};

/** What a step told the model about tools that were taken away or given back: the notes that came with its answer. */
export const toolNotes = (items: readonly TranscriptItem[]): readonly { readonly text: string }[] =>
  items.flatMap((item) => (item.kind === 'note' && item.from === 'platform' ? [{ text: item.text }] : []));
