import type { ApprovalRule } from '../domain/approval-rule.ts';
import type { DecisionName, HumanDecision } from '../domain/decision.ts';
import type { DeskEvent } from '../domain/desk-event.ts';
import type { Digest } from '../domain/digest.ts';
import type { Grant } from '../domain/grants.ts';
import type { Limits } from '../domain/limits.ts';
import type { BareReason, Review, RunPlan } from '../domain/proposal.ts';
import type { SearchAttributeName } from '../domain/task.ts';
import type { ResultItem, TranscriptItem, TranscriptVersion } from '../domain/transcript.ts';
import type { AuditAnchor } from '../gateway/ports.ts';
import type {
  CallContext,
  CompensateRequest,
  GatewayCall,
  ModelUsage,
  Ran,
  ResolveRequest,
  Situation,
} from './ports.ts';

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
  /** What happens to effects when the task fails or is cancelled. */
  readonly onFailure?: 'compensate' | 'keep' | 'ask';
  /** The model proposes the smallest grants before it has read anything else. */
  readonly narrowGrants?: boolean;
  // What follows was not known to tasks of before: absent, it does not happen.
  /** Who may decide what, in the order in which they are tried; the default holds where none fits. */
  readonly approvalRules?: readonly ApprovalRule[];
  /** What happens at the desk is reported to the store: decisions only, or (where somebody is notified) all of it. */
  readonly reports?: 'decisions' | 'all';
  /** A person is asked whether to go on once so much (0 to 1) of one of these limits is used. */
  readonly reviewPoint?: { readonly share: number; readonly of: readonly ('costUsd' | 'tokens')[] };
  readonly onLimit?: 'fail' | 'escalate' | 'fallback';
  /** What people allowed beyond the limits at first, by limit; `limits` are with it. */
  readonly allowed?: Readonly<Record<string, number>>;
  /** What the task gives when it ends as `fallback`. */
  readonly fallback?: { readonly output: unknown };
  /** A person reviews the final output. */
  readonly reviewOutput?: boolean;
  /** A person is asked when the task seems to go in circles. */
  readonly findsLoops?: boolean;
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
  readonly situation?: Situation;
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
  /** Where the audit trail stands after this step's reads and reviews. */
  readonly anchor?: AuditAnchor | undefined;
};

/** Input of `read`: allowed reads that come before an effect. */
export type ReadInput = {
  readonly context: CallContext;
  readonly calls: readonly GatewayCall[];
  readonly situation?: Situation;
};

/** What a person decided about a call, and what exactly they saw. `id` names the decision: it is used once (INVARIANT E2). */
export type Approval = {
  readonly digest: Digest;
  readonly id?: string;
  readonly human: HumanDecision;
  /** What the person was told it is asked for; a verdict with another reason is stricter (INVARIANT A1). Absent in tasks of before. */
  readonly reasons?: readonly BareReason[];
};

/** Input of `execute`: one call. */
export type ExecuteInput = {
  readonly context: CallContext;
  readonly call: GatewayCall;
  readonly plan: RunPlan;
  readonly approval?: Approval;
  readonly situation?: Situation;
};

/**
 * Result of `execute` and `resolve`: the item for the transcript, and what the workflow goes by. Extends the item, because
 * histories of before hold the item alone.
 */
export type ExecuteResult = ResultItem & Omit<Ran, 'result'>;

/** Input of `review`: arguments that a person put in the place of the model's. */
export type ReviewInput = { readonly context: CallContext; readonly call: GatewayCall; readonly situation?: Situation };

/** Input of `compensate`: one effect that is to be undone. */
export type CompensateInput = Omit<CompensateRequest, 'run'>;

/** Input of `resolve`: an unknown effect, and what a person found out. */
export type ResolveInput = ResolveRequest;

/** Input of `narrowGrants`: the goal, before anything else was read. */
export type NarrowGrantsInput = {
  readonly context: CallContext;
  readonly goal: string;
  readonly maxOutputTokens: number;
};

/** Result of `narrowGrants`: the grants that hold from now on, and what asking cost. */
export type NarrowGrantsResult = {
  readonly grants: readonly Grant[];
  readonly model: string;
  readonly usage: ModelUsage;
  readonly costUsd: number;
};

/** Input of `verifyDecision`: a signed decision, and what it has to say to count. */
export type VerifyDecisionInput = {
  readonly token: string;
  readonly taskId: string;
  readonly epoch: string;
  /** Of the task's principal. */
  readonly tenant?: string;
  /** Id and digest of what is pending. */
  readonly id: string;
  readonly digest: Digest;
  readonly decision: DecisionName;
  /** Digest of what is said beside yes or no: see `contentDigest`. */
  readonly content: Digest;
};

/** Result of `verifyDecision`: who decided, or why the signature does not count, in words for its sender. */
export type VerifiedDecision =
  | { readonly ok: true; readonly by: string; readonly issuer: string; readonly roles: readonly string[] }
  | { readonly ok: false; readonly refusal: string };

/** Input of `report`: what happened at the desk. */
export type ReportInput = { readonly context: CallContext; readonly events: readonly DeskEvent[] };
