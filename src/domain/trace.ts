import type { HumanDecision } from './decision.ts';
import { isRecord } from './json.ts';
import { parseArguments, type Reason } from './proposal.ts';
import type { StepRecord, TaskEvent, TaskRecord } from './record.ts';
import type { Effect, Outcome, Usage } from './task.ts';
import type { ProposalItem, RawCall, ResultItem } from './transcript.ts';

/** A call in a trace. `decision` is what the model wrote; a rejected call may carry anything there. */
export type TracedCall = {
  readonly id: string;
  readonly tool: string;
  readonly args: unknown;
  readonly effect: Effect;
  readonly decision: unknown;
  readonly verdict: { readonly outcome: string; readonly reasons: readonly Reason[] };
  readonly human?: HumanDecision;
  readonly result?: {
    readonly status: string;
    readonly output: unknown;
    readonly attempts: number;
    readonly trust: string;
  };
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
};

const traceCall = (raw: RawCall, step: StepRecord, results: ReadonlyMap<string, ResultItem>): TracedCall => {
  const parsed = parseArguments(raw);
  const { tool, effect, verdict } = step.reviews.find((each) => each.callId === raw.id) ?? UNREVIEWED;
  return {
    id: raw.id,
    tool: tool ?? raw.name,
    args: parsed.ok ? parsed.args : raw.arguments,
    effect,
    decision: parsed.ok && isRecord(parsed.decision) ? parsed.decision : null,
    verdict,
    ...traceResult(results.get(raw.id)),
  };
};

const UNREVIEWED = { tool: undefined, effect: 'read', verdict: { outcome: 'reject', reasons: [] } } as const;

const traceResult = (result: ResultItem | undefined): Pick<TracedCall, 'human' | 'result'> => {
  if (result === undefined) return {};
  const { status, output, attempts = 0, trust, human } = result;
  return { ...(human === undefined ? {} : { human }), result: { status, output, attempts, trust } };
};

const traceStep = (
  step: StepRecord,
  proposal: ProposalItem | undefined,
  results: ReadonlyMap<string, ResultItem>,
): TracedStep => {
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
    calls: (proposal?.calls ?? []).map((raw) => traceCall(raw, step, results)),
  };
};

/** Builds a trace from a record. One pass over items and steps. */
export const buildTrace = ({ taskId, status, spec, outcome, steps, items, events }: TaskRecord): Trace => {
  const results = new Map<string, ResultItem>();
  const proposals = new Map<string, ProposalItem>();
  for (const item of items) {
    if (item.kind === 'result') results.set(item.id, item);
    else if (item.kind === 'proposal') proposals.set(item.id, item);
  }
  const usage: Usage = { steps: steps.length, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };
  for (const { inputTokens, outputTokens, costUsd } of steps) {
    usage.inputTokens += inputTokens;
    usage.outputTokens += outputTokens;
    usage.costUsd += costUsd;
  }
  return {
    taskId,
    status,
    spec,
    outcome: outcome ?? null,
    usage: outcome?.usage ?? usage,
    steps: steps.map((step) => traceStep(step, proposals.get(`s${step.n}`), results)),
    events,
  };
};
