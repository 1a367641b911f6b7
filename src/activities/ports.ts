import type { Limits } from '../domain/limits.ts';
import type { Review } from '../domain/proposal.ts';
import type { SearchAttributeName } from '../domain/task.ts';
import type {
  GoalItem,
  NoteItem,
  ProposalItem,
  RawCall,
  ResultItem,
  SetupItem,
  TranscriptPage,
} from '../domain/transcript.ts';

/** A prompt, provider-neutral: instructions and tools, then everything that was said, in order. */
export type Prompt = {
  readonly setup: SetupItem;
  readonly items: readonly (GoalItem | NoteItem | ProposalItem | ResultItem)[];
  readonly maxOutputTokens: number;
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
  readonly grants?: readonly string[] | undefined;
};

/** A tool call on its way through the gateway; arguments are the model's, or those a person put in their place. */
export type GatewayCall = { readonly id: string; readonly tool: string; readonly args: unknown };

/** What a running call may use of its activity. */
export type RunContext = {
  readonly signal: AbortSignal;
  readonly attempt: number;
  readonly heartbeat: (details?: unknown) => void;
};

/** The one way to tools: review what was proposed, run what was decided. */
export type Gateway = {
  /** The instructions and tools an agent has now. @throws ApplicationFailure `Agent.Unknown` */
  readonly setup: (context: Pick<CallContext, 'agent' | 'grants'>, output: unknown) => Promise<SetupItem>;
  /** Parses, validates and authorizes one proposed call. Never throws for what a model wrote. */
  readonly review: (call: RawCall, context: CallContext, options?: { needsDecision: boolean }) => Promise<Review>;
  /** Reviews a call again at the moment of execution, then runs it. Failures of the tool are results, not throws. */
  readonly run: (request: {
    readonly call: GatewayCall;
    readonly context: CallContext;
    readonly approvedDigest?: string | undefined;
    readonly run: RunContext;
  }) => Promise<ResultItem>;
};

/** What an agent is, as far as activities need it. */
export type AgentFacts = {
  readonly name: string;
  readonly model: Model;
  readonly limits: Partial<Limits>;
  /** JSON Schema of the final output. */
  readonly output?: unknown;
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

/** Everything activities need, built by the worker. */
export type ActivityDeps = {
  readonly agents: AgentDirectory;
  readonly gateway: Gateway;
  readonly namespace: NamespaceFacts;
  /** Time after which a silent activity counts as dead, milliseconds. */
  readonly heartbeatTimeoutMs: number;
};
