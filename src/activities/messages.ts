import type { HumanDecision } from '../domain/decision.ts';
import type { Digest } from '../domain/digest.ts';
import type { Limits } from '../domain/limits.ts';
import type { Review, RunPlan } from '../domain/proposal.ts';
import type { SearchAttributeName } from '../domain/task.ts';
import type { TranscriptItem, TranscriptVersion } from '../domain/transcript.ts';
import type { CallContext, GatewayCall, ModelUsage } from './ports.ts';

/** Input of `admit`. The specification is whatever somebody started the workflow with. */
export type AdmitInput = {
  readonly spec: unknown;
  /** The first run of the chain: stays the same over continue-as-new and resets (INVARIANT E5). */
  readonly firstRunId: string;
};

/** What the worker knows at the start of a task and the workflow goes by from then on. */
export type Admission = {
  readonly agent: string;
  readonly goal: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly context: CallContext;
  readonly session?: string | undefined;
  readonly model: string;
  readonly limits: Limits;
  readonly specDigest: Digest;
  /** Only these may be written: an unregistered one wedges a run. */
  readonly searchAttributes: readonly SearchAttributeName[];
  readonly heartbeatTimeoutMs: number;
};

/** Input of `propose`. The transcript itself is not in it: only its version, and what came since the last answer. */
export type ProposeInput = {
  readonly step: number;
  readonly context: CallContext;
  /** The transcript that the previous answer ended. */
  readonly base: TranscriptVersion;
  readonly appended: readonly TranscriptItem[];
  /** The transcript with `appended`. */
  readonly at: TranscriptVersion;
  /** Ids of allowed reads of the last proposal, to be run first. */
  readonly reads: readonly string[];
  readonly maxOutputTokens: number;
};

/** The final answer, checked against the output schema. */
export type FinalAnswer =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: string };

/** Result of `propose`. `items` are appended as they are: results of the reads, a new setup, the proposal. */
export type ProposeResult = {
  readonly items: readonly TranscriptItem[];
  readonly reviews: readonly Review[];
  readonly final?: FinalAnswer;
  readonly finish: 'stop' | 'length';
  readonly model: string;
  readonly usage: ModelUsage;
  readonly costUsd: number;
  readonly window?: number;
  /** Digest of the transcript that the model was given: instructions, tools and all items. */
  readonly promptDigest: Digest;
};

/** Input of `read`: allowed reads that come before an effect. */
export type ReadInput = { readonly context: CallContext; readonly calls: readonly GatewayCall[] };

/** What a person decided about a call, and what exactly they saw. */
export type Approval = { readonly digest: Digest; readonly human: HumanDecision };

/** Input of `execute`: one call. */
export type ExecuteInput = {
  readonly context: CallContext;
  readonly call: GatewayCall;
  readonly plan: RunPlan;
  readonly approval?: Approval;
};

/** Input of `review`: arguments that a person put in the place of the model's. */
export type ReviewInput = { readonly context: CallContext; readonly call: GatewayCall };
