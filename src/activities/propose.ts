import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { callId, parseArguments } from '../domain/proposal.ts';
import { provenanceOf } from '../domain/provenance.ts';
import type { GoalItem, ProposalItem, SetupItem, Transcript } from '../domain/transcript.ts';
import { checkFinalAnswer } from './final-answer.ts';
import { type Life, withLife } from './life.ts';
import type { ProposeInput, ProposeResult } from './messages.ts';
import { whileAway } from './patience.ts';
import type {
  ActivityDeps,
  AgentFacts,
  GatewayCall,
  ModelAnswer,
  Prompt,
  ReadBatch,
  Reviewed,
  TranscriptSource,
} from './ports.ts';
import { runReads } from './read.ts';
import type { TranscriptCache } from './transcript-cache.ts';

/** What a crash must not lose: the reads' results, and the answer that was paid for. */
type Kept = { readonly reads: ReadBatch; readonly answer?: ModelAnswer };

/** What `propose` needs beside the worker's parts. */
export type ProposeDeps = ActivityDeps & { readonly cache: TranscriptCache; readonly source: () => TranscriptSource };

type Work = {
  readonly deps: ProposeDeps;
  readonly input: ProposeInput;
  readonly life: Life<Kept>;
  readonly kept: Kept | undefined;
};

/** The calls that travel with this proposal, as the model wrote them. */
const findReads = ({ deps, input }: Work, transcript: Transcript): GatewayCall[] => {
  const ids = input.reads;
  const proposal = transcript.items.findLast((item) => item.kind === 'proposal');
  return ids.map((id) => {
    const raw = proposal?.calls.find((call) => call.id === id);
    const parsed = raw === undefined ? undefined : parseArguments(raw);
    // Asked as the review asks: a breaker may have taken the tool out of what was offered.
    const tool = raw === undefined ? undefined : deps.gateway.toolNamed(input.context.agent, raw.name);
    if (parsed?.ok !== true || tool === undefined) {
      throw ApplicationFailure.nonRetryable(`the read ${id} is not in the transcript.`, 'Transcript.DigestMismatch');
    }
    return { id, tool, args: parsed.args, provenance: provenanceOf(parsed.args, transcript.items) };
  });
};

const lastSetup = (transcript: Transcript): SetupItem | undefined =>
  transcript.items.findLast((item) => item.kind === 'setup');

/** INVARIANT (DESIGN §1): instructions and tools become an item whenever they change, so the exact prompt is in history. */
const appendSetup = async ({ deps, input }: Work, transcript: Transcript): Promise<SetupItem> => {
  const goal = transcript.items.find((item): item is GoalItem => item.kind === 'goal');
  const last = lastSetup(transcript);
  const { item, notes } = await whileAway(() => deps.gateway.setup(input.context, goal?.output, last));
  if (last?.digest === item.digest) return last;
  transcript.append(item);
  for (const [index, text] of notes.entries()) {
    transcript.append({ kind: 'note', id: `s${input.step}.n${index + 1}`, from: 'platform', text });
  }
  return item;
};

const toPrompt = (setup: SetupItem, transcript: Transcript, maxOutputTokens: number): Prompt => ({
  setup,
  items: transcript.items.filter((item) => item.kind !== 'setup'),
  maxOutputTokens,
});

const toProposal = (step: number, answer: ModelAnswer): ProposalItem => ({
  kind: 'proposal',
  id: `s${step}`,
  text: answer.text,
  calls: answer.calls.map((call, index) => ({ id: callId(step, index), ...call })),
  ...(answer.opaque === undefined ? {} : { opaque: answer.opaque }),
});

const cost = ({ model }: AgentFacts, { usage }: ModelAnswer): number =>
  model.price === undefined
    ? 0
    : (usage.inputTokens * model.price.inputPer1M + usage.outputTokens * model.price.outputPer1M) / 1_000_000;

/** Runs the reads, unless an earlier attempt did, and keeps their results before the model is paid. */
const takeReads = async (work: Work, transcript: Transcript): Promise<ReadBatch> => {
  const { deps, input, life, kept } = work;
  if (kept !== undefined) return kept.reads;
  if (input.reads.length === 0) return { results: [] };
  const { context, situation } = input;
  const calls = findReads(work, transcript);
  const given = { context, calls, ...(situation === undefined ? {} : { situation }) };
  const reads = await runReads(deps, { ...given, isReviewNext: true });
  // A read that was cut off by a shutdown must not be kept as what it found.
  Context.current().cancellationSignal.throwIfAborted();
  life.keep({ reads });
  return reads;
};

/** Asks the model, unless an earlier attempt has paid for an answer already. */
const takeAnswer = async (
  { deps, input, life, kept }: Work,
  prompt: Prompt,
  reads: ReadBatch,
): Promise<ModelAnswer> => {
  if (kept?.answer !== undefined) return kept.answer;
  const { context } = input;
  const answer = await deps.agents.find(context.agent).model.answer(prompt, {
    signal: Context.current().cancellationSignal,
    holder: `${context.taskId}/${context.epoch}/s${input.step}`,
  });
  life.keep({ reads, answer });
  return answer;
};

/** Reviews what the model proposes, with where each argument's value comes from. */
const reviewProposal = async (
  { deps, input }: Work,
  given: { readonly proposal: ProposalItem; readonly transcript: Transcript; readonly reads: ReadBatch },
): Promise<Reviewed> => {
  const { transcript, reads } = given;
  const { calls } = given.proposal;
  const provenance = Object.fromEntries(
    calls.flatMap((call) => {
      const parsed = parseArguments(call);
      return parsed.ok ? [[call.id, provenanceOf(parsed.args, transcript.items)] as const] : [];
    }),
  );
  const { context } = input;
  // What the reads of this step brought is in the model's context by now.
  const isUntrusted = reads.results.some(({ trust }) => trust === 'untrusted');
  const situation = input.situation && { ...input.situation, isUntrusted: input.situation.isUntrusted || isUntrusted };
  const request = { calls, context, situation, needsDecision: true, provenance, earlier: reads.entries };
  return whileAway(() => deps.gateway.review(request));
};

const run = async (work: Work): Promise<ProposeResult> => {
  const { deps, input } = work;
  const key = `${input.context.taskId}/${input.context.epoch}`;
  const transcript = await deps.cache.load(key, input, deps.source());
  const before = transcript.at.version;
  const reads = await takeReads(work, transcript);
  transcript.append(...reads.results);
  const setup = await appendSetup(work, transcript);
  const promptDigest = transcript.at.digest;
  const answer = await takeAnswer(work, toPrompt(setup, transcript, input.maxOutputTokens), reads);
  const proposal = toProposal(input.step, answer);
  const { reviews, anchor } = await reviewProposal(work, { proposal, transcript, reads });
  transcript.append(proposal);
  const items = transcript.items.slice(before);
  deps.cache.keep(key, transcript);
  const agent = deps.agents.find(input.context.agent);
  const isFinal = proposal.calls.length === 0 && answer.finish === 'stop' && answer.text.trim() !== '';
  return {
    items,
    reviews,
    ...(anchor === undefined ? {} : { anchor }),
    ...(isFinal ? { final: checkFinalAnswer(answer.text, setup.output) } : {}),
    finish: answer.finish,
    model: answer.model,
    usage: answer.usage,
    costUsd: cost(agent, answer) + (reads.costUsd ?? 0),
    ...(agent.model.contextWindow === undefined ? {} : { window: agent.model.contextWindow }),
    promptDigest,
  };
};

/**
 * One step's thinking: runs the reads that were just allowed, asks the model, reviews what it proposes.
 * A retry repeats neither the reads nor the paid answer where heartbeats carried them over (INVARIANTS H1, H2).
 * @throws ApplicationFailure `Model.*`, `Agent.Unknown`, `Transcript.DigestMismatch`
 */
export const propose = async (deps: ProposeDeps, input: ProposeInput): Promise<ProposeResult> => {
  const context = Context.current();
  const kept = context.info.heartbeatDetails as Kept | undefined;
  return withLife<Kept, ProposeResult>(context, (life) => run({ deps, input, life, kept }), kept);
};
