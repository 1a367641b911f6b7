import { type Digest, digestJson, digestText } from './digest.ts';
import { parseArguments } from './proposal.ts';
import type { ProposalItem, RawCall, ResultItem, TranscriptItem } from './transcript.ts';

/** One call with what came of it, as digests. */
export type LoopCall = {
  readonly step: string;
  readonly tool: string;
  /** The tool's name, as the model wrote it. */
  readonly name: string;
  /** Of that name and the arguments. */
  readonly call: Digest;
  /** Of status and output. */
  readonly result: Digest;
  readonly isFailed?: boolean;
};

/** What loops are found by: the last calls, oldest first, and how far the transcript was read. Plain data that continue-as-new passes on. */
export type LoopState = { readonly calls: readonly LoopCall[]; readonly seen?: number };

/** Nothing was called yet. @param seen items of the transcript that do not count any more */
export const emptyLoops = (seen = 0): LoopState => ({ calls: [], seen });

/** A suspected loop. `cycle`: the same calls with the same results. `failure`: other arguments, the same error. */
export type Loop = {
  readonly kind: 'cycle' | 'failure';
  /** The tools of one round, in order. */
  readonly tools: readonly string[];
  readonly times: number;
  /** Names this very loop. */
  readonly digest: Digest;
};

/** Calls that are remembered: twice what the longest cycle takes. */
const KEPT = 24;
const LONGEST_CYCLE = 4;
/**
 * Once may be a mistake and twice a check; the third time the same question had the same answer before, twice. It is one number
 * for reads and effects: a read that polls has a `wait` between, or it is no polling but a loop that costs a step each time.
 */
const ROUNDS = 3;
/** Other arguments are an attempt to do better, so one more of them counts as honest. */
const FAILURES = 4;

/** The built-in `wait`: the world had time to change, so what was seen before says nothing about what is seen now. */
const WAIT = 'wait';
/** The built-in `plan` changes nothing outside: it neither makes a loop nor breaks one. */
const PLAN = 'plan';

const isFailure = ({ status }: ResultItem): boolean => status !== 'succeeded' && status !== 'replayed';

/** What was called, as the model wrote it; or, where a person put other arguments in their place, as that. */
const digestCall = (raw: RawCall, edited?: unknown): Digest => {
  const { name } = raw;
  if (edited !== undefined) return digestJson({ name, args: edited });
  const parsed = parseArguments(raw);
  return parsed.ok ? digestJson({ name, args: parsed.args }) : digestJson({ name, text: raw.arguments });
};

const stepOf = (callId: string): string => callId.split('.')[0] ?? callId;

const findRaw = (items: readonly TranscriptItem[], callId: string): RawCall | undefined => {
  const step = stepOf(callId);
  const proposal = items.findLast((each): each is ProposalItem => each.kind === 'proposal' && each.id === step);
  return proposal?.calls.find(({ id }) => id === callId);
};

const toLoopCall = (item: ResultItem, items: readonly TranscriptItem[]): LoopCall => {
  const raw = findRaw(items, item.id);
  return {
    step: stepOf(item.id),
    tool: item.tool,
    name: raw?.name ?? item.tool,
    call: raw === undefined ? digestText(item.id) : digestCall(raw, item.human?.args),
    result: digestJson({ status: item.status, output: item.output ?? null }),
    ...(isFailure(item) ? { isFailed: true } : {}),
  };
};

const isSame = (one: LoopCall, other: LoopCall | undefined): boolean =>
  one.call === other?.call && one.result === other.result;

/** The same call twice in one proposal is waste, and no loop: the model had not seen the first one's result. */
const add = (calls: readonly LoopCall[], next: LoopCall): readonly LoopCall[] =>
  calls.some((each) => each.step === next.step && isSame(each, next)) ? calls : [...calls, next].slice(-KEPT);

/** Reads the results that a transcript has beyond those that were read before. */
export const watchLoops = (state: LoopState, items: readonly TranscriptItem[]): LoopState => {
  let { calls } = state;
  for (const item of items.slice(state.seen ?? 0)) {
    if (item.kind !== 'result' || item.tool === PLAN) continue;
    calls = item.tool === WAIT ? [] : add(calls, toLoopCall(item, items));
  }
  return { calls, seen: items.length };
};

/** Calls that were proposed last and have no result yet: reads that travel with the next proposal. */
const upcoming = (items: readonly TranscriptItem[]): RawCall | undefined => {
  const at = items.findLastIndex(({ kind }) => kind === 'proposal');
  const proposal = items[at];
  if (proposal?.kind !== 'proposal') return undefined;
  const done = new Set(items.slice(at).map(({ id }) => id));
  return proposal.calls.find(({ id }) => !done.has(id));
};

const findCycle = (calls: readonly LoopCall[], next: RawCall | undefined): Loop | undefined => {
  const nextCall = next === undefined ? undefined : digestCall(next);
  for (let length = 1; length <= LONGEST_CYCLE; length++) {
    const rounds = calls.slice(-length * ROUNDS);
    const round = rounds.slice(0, length);
    const isCycle =
      rounds.length === length * ROUNDS &&
      rounds.every((each, at) => at < length || isSame(each, rounds[at - length])) &&
      (nextCall === undefined || nextCall === round[0]?.call);
    if (!isCycle) continue;
    const digest = digestJson(round.map(({ call, result }) => `${call} ${result}`));
    return { kind: 'cycle', tools: round.map(({ tool }) => tool), times: ROUNDS, digest };
  }
  return undefined;
};

const findFailure = (calls: readonly LoopCall[], next: RawCall | undefined): Loop | undefined => {
  const last = calls.at(-1);
  if (last?.isFailed !== true || (next !== undefined && next.name !== last.name)) return undefined;
  const start = calls.findLastIndex(({ tool, result }) => tool !== last.tool || result !== last.result) + 1;
  // Several calls of one proposal that fail alike are one failure: the model learns of them together.
  const times = new Set(calls.slice(start).map(({ step }) => step)).size;
  if (times < FAILURES) return undefined;
  return { kind: 'failure', tools: [last.tool], times, digest: digestJson({ failed: last.tool, result: last.result }) };
};

/** The loop that the last calls make, or undefined: also when the model is about to do something else. */
export const findLoop = ({ calls }: LoopState, items: readonly TranscriptItem[]): Loop | undefined => {
  const next = upcoming(items);
  return findCycle(calls, next) ?? findFailure(calls, next);
};

/** A suspected loop in words. */
export const describeLoop = ({ kind, tools, times }: Loop): string => {
  if (kind === 'failure') return `${tools.join()} failed with the same error, ${times} steps in a row`;
  return tools.length === 1
    ? `${tools.join()} with the same arguments and the same result, ${times} times`
    : `${tools.join(', ')}: the same calls with the same results, ${times} times over`;
};
