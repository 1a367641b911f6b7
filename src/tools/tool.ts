import type { Digest } from '../domain/digest.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { BuiltIn } from '../domain/proposal.ts';
import type { Effect } from '../domain/task.ts';

/** Writes to the worker's log, with task and call attached. Never put secrets in it. */
export type ToolLog = {
  readonly [level in 'debug' | 'info' | 'warn' | 'error']: (message: string, fields?: Record<string, unknown>) => void;
};

/** The user behind a task, as tools see it. */
export type ToolPrincipal = {
  readonly id: string;
  readonly roles?: readonly string[] | undefined;
  readonly tenant?: string | undefined;
};

/** What a running tool is given beside its input. */
export type ToolContext = {
  readonly taskId: string;
  readonly callId: string;
  readonly principal: ToolPrincipal;
  /** Same for every attempt of this call, different for every other call: hand it to the system that does the effect. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborts when the task is cancelled, the tool's timeout has passed or the worker shuts down. */
  readonly signal: AbortSignal;
  /** Reports progress of long work. The platform sends signs of life by itself. */
  readonly heartbeat: (details?: unknown) => void;
  readonly log: ToolLog;
  /** Names this life of the task: a new run under an old id has another one. */
  readonly epoch?: string;
};

/** What `compensate` is given beside input and output: `idempotencyKey` is the compensation's own. */
export type CompensationContext = ToolContext & {
  /** The key under which the effect was done. */
  readonly effectKey: string;
  /** What `snapshot` returned before the effect. */
  readonly snapshot?: unknown;
};

/** Whether a call needs a person: yes, or yes for this reason. */
export type Confirmation = boolean | string;

/** What `reconcile` found out about an effect of which nobody knows whether it happened. */
export type Reconciled =
  | { readonly status: 'succeeded'; readonly output: unknown }
  | { readonly status: 'failed'; readonly reason?: string }
  | { readonly status: 'unknown'; readonly reason?: string };

/** At most `calls` in any window of `perMs` milliseconds, for each tool, principal and tenant. */
export type RateLimit = { readonly calls: number; readonly perMs: number };

/** A schema of arguments or results: what the model is shown, and the check. */
export type ToolSchema<Value = unknown> = {
  readonly json: JsonObject;
  readonly parse: (
    value: unknown,
  ) => Promise<{ readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problems: string }>;
};

/** The pinned surface of a tool from an MCP server. */
export type ToolSurface = {
  readonly server: string;
  /** Of name, description and schemas, as the server shows them now. */
  readonly digest: Digest;
  /** What was pinned when it is another surface than now: the tool asks until it is pinned anew. */
  readonly changedFrom?: Digest | undefined;
};

/**
 * A tool that an agent may be given, made by `defineTool` or found on an MCP server. Everything but `execute` is a fact or
 * a rule that the gateway goes by; the model sees name, description and schema only.
 */
export type Tool<Input = unknown, Output = unknown> = {
  readonly kind: 'tool';
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  readonly input: ToolSchema<Input>;
  readonly output?: ToolSchema<Output> | undefined;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly idempotent: boolean;
  /** An outsider can write what the tool returns. */
  readonly openWorld: boolean;
  /** A read whose arguments leave the trust boundary. */
  readonly egress: boolean;
  /** A write that may run without a person; false for what nobody has classified. Destructive tools always ask. */
  readonly unattended: boolean;
  /** JSON pointers of arguments whose origin matters (INVARIANT T1). */
  readonly sensitive: readonly string[];
  /** A right over nothing (asking, waiting, planning, reading its own artifacts): every task may use it, whatever its grants. */
  readonly isFree?: boolean;
  /** Permissions that the principal needs, asked from the host's authorizer. */
  readonly requires: readonly string[];
  readonly rateLimit?: RateLimit | undefined;
  /** Bulkhead: the tool's own task queue, and how many calls run at the same time over all workers. */
  readonly taskQueue?: string | undefined;
  readonly maxConcurrent?: number | undefined;
  /** An empty result is junk. */
  readonly nonEmpty: boolean;
  readonly surface?: ToolSurface | undefined;
  execute(input: Input, context: ToolContext): Promise<Output> | Output;
  confirm?(input: Input): Confirmation | Promise<Confirmation>;
  /** The same effect proposed again has the same key: it is not done again (INVARIANT E6). */
  effectKey?(input: Input): string;
  /** Asked after a crash or a lost reply: did it happen? */
  reconcile?(input: Input, context: ToolContext): Promise<Reconciled> | Reconciled;
  /** Undoes the effect. Called again with the same key after a crash, so it must be idempotent by its key. */
  compensate?(input: Input, output: Output, context: CompensationContext): unknown;
  /** A before-image, taken when a person is asked, and again and stored before the effect. JSON. Has no effect of its own. */
  snapshot?(input: Input, context: ToolContext): Promise<Json> | Json;
  /** Like `snapshot`, for whoever is asked alone: taken only where a call asks, and kept nowhere. One of the two at most. */
  look?(input: Input, context: ToolContext): Promise<Json> | Json;
  /** What the before-image becomes, or `{ $diff: { before, after } }`: shown to whoever approves, as a diff. JSON, or text. `$diff` as a text is a diff as it is. */
  preview?(input: Input, before: Json): Promise<Json> | Json;
  /** Semantic validation. @returns what is wrong, for the model; undefined: nothing */
  check?(input: Input): Promise<string | undefined> | string | undefined;
  /** Reads back after the effect. @returns true, or what is wrong */
  verify?(input: Input, output: Output, context: ToolContext): Promise<true | string> | true | string;
  /** US dollars that a call costs downstream; counted in `costUsd`. */
  cost?(input: Input, output: Output): number;
  /** Run by the workflow itself: a timer, a plan. `execute` is not called then. */
  builtIn?(input: Input): BuiltIn;
  /** A result that is of no use although the call succeeded; counts for the breaker. */
  isJunk?(output: Output): boolean;
};

/** Tools under one name: `orders` and `find` make `orders.find`. */
export type Toolset = { readonly kind: 'toolset'; readonly name: string; readonly tools: readonly Tool[] };
