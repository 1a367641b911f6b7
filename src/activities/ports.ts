import type { ApprovalRule } from '../domain/approval-rule.ts';
import type { HumanDecision, Vote } from '../domain/decision.ts';
import type { DeniedCall } from '../domain/denied.ts';
import type { Grant } from '../domain/grants.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Limits } from '../domain/limits.ts';
import type { BareReason, Review } from '../domain/proposal.ts';
import type { Provenance } from '../domain/provenance.ts';
import type { SearchAttributeName, Usage } from '../domain/task.ts';
import type {
  GoalItem,
  NoteItem,
  ProposalItem,
  RawCall,
  ResultItem,
  SetupItem,
  TranscriptPage,
} from '../domain/transcript.ts';
import type { DeskLog, MessageMaker } from '../gateway/desk-ports.ts';
import type { AuditAnchor, AuditEntry, TaskRegister } from '../gateway/ports.ts';
import type { VerifiedDecision, VerifyDecisionInput } from './messages.ts';

/** A prompt, provider-neutral: instructions and tools, then everything that was said, in order. */
export type Prompt = {
  readonly setup: SetupItem;
  readonly items: readonly (GoalItem | NoteItem | ProposalItem | ResultItem)[];
  readonly maxOutputTokens: number;
  /** The answer is one JSON value by this schema (structured output), and no step of a task. */
  readonly format?: { readonly name: string; readonly schema: JsonObject } | undefined;
};

/** What one request to a model cost. */
export type ModelUsage = { readonly inputTokens: number; readonly outputTokens: number; readonly cachedTokens: number };

/** A model's answer, before anything in it is believed. `id`s of calls are given by the platform later. */
export type ModelAnswer = {
  readonly model: string;
  readonly text: string;
  readonly calls: readonly Omit<RawCall, 'id'>[];
  /** Reasoning items that must go back to the provider as they came. */
  readonly opaque?: readonly unknown[];
  /** `length`: the answer was cut at the token limit, so what it holds may be broken. */
  readonly finish: 'stop' | 'length';
  readonly usage: ModelUsage;
};

/** What a request to a model runs under. */
export type ModelContext = {
  readonly signal: AbortSignal;
  /** Same for every attempt of one proposal: names who holds a slot. */
  readonly holder: string;
};

/**
 * A language model.
 * @throws ApplicationFailure with a `Model.*` type; retryable or not, and with the provider's delay, as it says
 */
export type Model = {
  readonly name: string;
  /** Tokens of the model's window; absent: unknown. */
  readonly contextWindow?: number | undefined;
  /** US dollars per million tokens. */
  readonly price?: { readonly inputPer1M: number; readonly outputPer1M: number } | undefined;
  readonly answer: (prompt: Prompt, context: ModelContext) => Promise<ModelAnswer>;
};

/** Who a call is made for. */
export type CallContext = {
  readonly taskId: string;
  /** First run of the task and digest of the arguments stand in idempotency keys. */
  readonly epoch: string;
  readonly agent: string;
  readonly principal: {
    readonly id: string;
    readonly roles?: readonly string[] | undefined;
    readonly tenant?: string | undefined;
  };
  readonly grants?: readonly Grant[] | undefined;
  /** Task-level Cedar rules; they may only forbid. */
  readonly rules?: string | undefined;
  /** Calls with effects ask below this confidence, 0 to 1. */
  readonly confidenceBelow?: number | undefined;
};

/** What had happened in the task when a call was reviewed or run; rules look at it. */
export type Situation = {
  readonly usage: Usage;
  /** Untrusted text is in the model's context. */
  readonly isUntrusted: boolean;
  readonly denied: readonly DeniedCall[];
};

/** A tool call on its way through the gateway; arguments are the model's, or those a person put in their place. */
export type GatewayCall = {
  readonly id: string;
  readonly tool: string;
  readonly args: unknown;
  /** As the review found it. */
  readonly provenance?: Provenance | undefined;
};

/** What a running call may use of its activity. */
export type RunContext = {
  readonly signal: AbortSignal;
  readonly attempt: number;
  readonly heartbeat: (details?: unknown) => void;
  /** How many attempts there were, where it is proven of all of them that nothing happened. */
  readonly cleanAttempts?: number | undefined;
};

/** The one way to tools: review what was proposed, run what was decided. */
export type Gateway = {
  /** The tool that a model means by a name, offered or not. */
  readonly toolNamed: (agent: string, name: string) => string | undefined;
  /** The instructions and tools an agent has now. @throws ApplicationFailure `Agent.Unknown` */
  readonly setup: (context: CallContext, output: unknown, previous?: SetupItem) => Promise<Setup>;
  /**
   * Parses, validates and authorizes proposed calls, together: one entry each in the audit trail. Never throws for what a
   * model wrote.
   */
  readonly review: (request: ReviewRequest) => Promise<Reviewed>;
  /** Reviews a call again at the moment of execution, then runs it. Failures of the tool are results, not throws. */
  readonly run: (request: RunRequest) => Promise<Ran>;
  /** Runs reads side by side, each reviewed again first. */
  readonly read: (request: {
    readonly calls: readonly GatewayCall[];
    readonly context: CallContext;
    readonly situation?: Situation | undefined;
    readonly run: RunContext;
    /** The audit entries are given back for the review that follows: one append in place of two. */
    readonly isReviewNext?: boolean;
  }) => Promise<ReadBatch>;
  /** Undoes one effect of a task (INVARIANT E7). */
  readonly compensate: (request: CompensateRequest) => Promise<Compensated>;
  /** Settles an effect that was unknown, by what a person found out. */
  readonly resolve: (request: ResolveRequest) => Promise<Ran>;
};

/** What the model is given beside the transcript, and what it has to be told about it. */
export type Setup = { readonly item: SetupItem; readonly notes: readonly string[] };

/** Calls that are to be reviewed. */
export type ReviewRequest = {
  readonly calls: readonly RawCall[];
  readonly context: CallContext;
  readonly situation?: Situation | undefined;
  /** False for arguments that a person wrote. */
  readonly needsDecision: boolean;
  /** Entries of what ran before: appended to the audit trail together with the reviews'. */
  readonly earlier?: readonly AuditEntry[] | undefined;
  /** Where the values come from; by call id. */
  readonly provenance?: Readonly<Record<string, Provenance>> | undefined;
};

/** Reviews, in the order of the calls. */
export type Reviewed = { readonly reviews: readonly Review[]; readonly anchor?: AuditAnchor | undefined };

/** An approval that a person gave: for exactly one digest, once (INVARIANTS A1, E2). */
export type GrantedApproval = {
  readonly digest: string;
  readonly id: string;
  readonly by?: string | undefined;
  readonly verified?: boolean | undefined;
  readonly votes?: readonly Vote[] | undefined;
  /** Absent in tasks of before: then the reasons are not compared. */
  readonly reasons?: readonly BareReason[] | undefined;
  /** Id of the standing approval by which nobody was asked about this call. */
  readonly standing?: string | undefined;
};

/** A call that is to be run. */
export type RunRequest = {
  readonly call: GatewayCall;
  readonly context: CallContext;
  readonly situation?: Situation | undefined;
  readonly approval?: GrantedApproval | undefined;
  readonly run: RunContext;
};

/** What came of running a call. */
export type Ran = {
  readonly result: ResultItem;
  readonly anchor?: AuditAnchor | undefined;
  /** US dollars that it cost downstream. */
  readonly costUsd?: number;
  /** Nothing ran: the verdict of now asks, and nobody has approved this (INVARIANT A1). */
  readonly ask?: Review;
};

/** What came of several reads, in their order. */
export type ReadBatch = {
  readonly results: readonly ResultItem[];
  /** Not appended yet. */
  readonly entries?: readonly AuditEntry[];
  readonly anchor?: AuditAnchor | undefined;
  readonly costUsd?: number;
};

/** One effect that is to be undone. */
export type CompensateRequest = {
  readonly call: GatewayCall;
  readonly context: CallContext;
  /** The effect's key. */
  readonly key: string;
  /** A person said that it may be undone although others rely on it. */
  readonly isForced?: boolean | undefined;
  readonly run: RunContext;
};

/** What came of undoing an effect. */
export type Compensated = {
  /**
   * `compensated`: undone, now or before. `nothing`: it never happened. `none`: its tool cannot undo. `unknown`: nobody
   * knows whether it happened. `shared`: other tasks rely on it. `failed`: undoing failed for good.
   */
  readonly status: 'compensated' | 'nothing' | 'none' | 'unknown' | 'shared' | 'failed';
  readonly message?: string;
  readonly anchor?: AuditAnchor | undefined;
};

/** What a person found out about an unknown effect. */
export type ResolveRequest = {
  readonly call: GatewayCall;
  readonly context: CallContext;
  readonly key: string;
  readonly happened: boolean;
  /** What the effect returned, where the person knows (INVARIANT E7). */
  readonly output?: unknown;
  readonly human: HumanDecision;
};

/** What an agent is, as far as activities need it. */
export type AgentFacts = {
  readonly name: string;
  readonly model: Model;
  readonly limits: Partial<Limits>;
  /** JSON Schema of the final output. */
  readonly output?: unknown;
  /** A person reviews the final output. */
  readonly reviewOutput?: boolean;
  /** What a task gives that ends as `fallback`. */
  readonly fallback?: { readonly output: unknown };
  /** Calls with effects ask below this confidence, 0 to 1. */
  readonly confidenceBelow?: number;
  /** What holds where the task does not say: at which share of its budget a person is asked, and what happens at a limit. */
  readonly reviewAt?: number;
  readonly onLimit?: 'fail' | 'escalate' | 'fallback';
};

/** The agents that a worker serves. */
export type AgentDirectory = {
  /** @throws ApplicationFailure `Agent.Unknown`, naming those there are */
  readonly find: (name: string) => AgentFacts;
};

/** The task's own workflow, asked for its transcript. INVARIANT H3: by run and exact versions. */
export type TranscriptSource = {
  readonly page: (request: { readonly from: number; readonly to: number }) => Promise<TranscriptPage>;
};

/** What a namespace has; decides what the workflow may write (an unregistered attribute wedges a run). */
export type NamespaceFacts = { readonly searchAttributes: () => Promise<readonly SearchAttributeName[]> };

/** Checks who signed a decision, and that it says exactly this. Never throws for what a token holds. */
export type Verifier = (input: VerifyDecisionInput) => Promise<VerifiedDecision>;

/**
 * INVARIANT A3: roles and tenant of a principal as the host knows them; what a specification says is a wish that can only narrow.
 * Without a directory the specification is believed: whoever may start workflows speaks for the host.
 * @throws ApplicationFailure `Principal.Refused`
 */
export type PrincipalDirectory = (claimed: CallContext['principal']) => Promise<CallContext['principal']>;

/** Everything activities need, built by the worker. */
export type ActivityDeps = {
  readonly agents: AgentDirectory;
  readonly gateway: Gateway;
  readonly namespace: NamespaceFacts;
  /** Gives a task its epoch, and knows its specification for longer than Temporal does (INVARIANTS E5, H4). */
  readonly tasks: TaskRegister;
  /** Checks a task's own policy rules. @returns what is wrong with them */
  readonly checkRules: (rules: string) => string | undefined;
  /** Time after which a silent activity counts as dead, milliseconds. */
  readonly heartbeatTimeoutMs: number;
  readonly approvalRules: readonly ApprovalRule[];
  /** Checks signed decisions. */
  readonly verifier: Verifier;
  /** Roles and tenant of a principal, by the host's word. @throws ApplicationFailure `Principal.Refused` */
  readonly principals: PrincipalDirectory;
  /** The record of what happens at the desk. */
  readonly deskLog: DeskLog;
  /** Names of those who are notified of what happens at the desk. */
  readonly endpoints: readonly string[];
  /** What they are told. */
  readonly messages: MessageMaker;
};
