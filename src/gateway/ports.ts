import type { CallContext } from '../activities/ports.ts';
import type { Digest } from '../domain/digest.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Reason } from '../domain/proposal.ts';
import type { Provenance } from '../domain/provenance.ts';
import type { Effect, Usage } from '../domain/task.ts';
import type { RateLimit, ToolPrincipal } from '../tools/tool.ts';
import type { DeskLog, Outbox } from './desk-ports.ts';

/** Names one life of a task: a new run under an old id has another epoch (INVARIANT E5). */
export type TaskRef = { readonly taskId: string; readonly epoch: string };

/* ------------------------------------------------------------------ ledger */

/** What a row of the ledger is about: an effect, or the undoing of one. */
export type LedgerKind = 'effect' | 'undo';

/** States of DESIGN §7. */
export type LedgerState = 'started' | 'succeeded' | 'failed' | 'unknown';

/** An attempt that is about to begin. */
export type LedgerStart = {
  readonly kind: LedgerKind;
  /** `task/epoch/call/arguments`, and `…/undo` for an undo. */
  readonly key: string;
  readonly task: TaskRef;
  readonly callId: string;
  readonly tool: string;
  readonly agent: string;
  readonly principal: ToolPrincipal;
  readonly argsDigest: Digest;
  /** INVARIANT E6: scoped by the principal's tenant. */
  readonly semanticKey?: string | undefined;
  /** Time-out and grace, milliseconds. */
  readonly leaseMs: number;
  /** Consumed with this start (INVARIANT E2): `task/epoch/decision id`. */
  readonly approval?: string | undefined;
  /** The epoch of the policy set that judged the call (INVARIANT A1). */
  readonly policyEpoch?: number | undefined;
  readonly snapshot?: Json | undefined;
  /** Appended to the task's audit trail in the same transaction. */
  readonly audit: AuditEntry;
};

/** A row of the ledger. */
export type LedgerRow = {
  readonly kind: LedgerKind;
  readonly key: string;
  readonly task: TaskRef;
  readonly callId: string;
  readonly tool: string;
  readonly principal: ToolPrincipal;
  readonly argsDigest: Digest;
  readonly semanticKey: string | null;
  readonly state: LedgerState;
  /** Attempts that began. */
  readonly attempts: number;
  /** Of the last attempt. */
  readonly token: string;
  /** By the database's clock; 0 once the lease has ended (INVARIANT E4). */
  readonly leaseLeftMs: number;
  readonly snapshot: Json | null;
  /** What the tool returned, as JSON, before it was cut for the model. */
  readonly output: Json | null;
  /** Why it failed, or is unknown. */
  readonly error: string | null;
  /** The effect was undone; its semantic key is free again. */
  readonly isUndone: boolean;
};

/** How `start` ended. Only with `started` may the tool be run. */
export type LedgerStarted =
  | { readonly kind: 'started'; readonly token: string; readonly attempts: number }
  /** The key has a row already: settle or reconcile it (INVARIANT E1). */
  | { readonly kind: 'exists'; readonly row: LedgerRow }
  /** Another call holds the semantic key (INVARIANT E6). */
  | { readonly kind: 'taken'; readonly row: LedgerRow }
  | { readonly kind: 'approval_used' }
  | { readonly kind: 'policy_behind'; readonly epoch: number };

/** How an attempt ended. */
export type LedgerSettlement = {
  readonly state: Exclude<LedgerState, 'started'>;
  readonly output?: Json | undefined;
  readonly error?: string | undefined;
};

/** Whether an attempt was the last one, and where the audit trail stands with the entry that says how it ended. */
export type LedgerSettled = { readonly isSettled: boolean; readonly anchor?: AuditAnchor | undefined };

/**
 * The record of effects, shared by all workers. Every method fails with `Store.Unavailable` (retryable) when the store
 * cannot be reached: a call then waits, it never passes unchecked.
 */
export type Ledger = {
  /** INVARIANT E1: asked before anything else. @throws ApplicationFailure `Ledger.KeyConflict` when the digest differs */
  readonly find: (key: string, argsDigest: Digest) => Promise<LedgerRow | undefined>;
  /** The row that holds a semantic key in a tenant: started, succeeded or unknown, not undone. */
  readonly findSemantic: (tenant: string | undefined, semanticKey: string) => Promise<LedgerRow | undefined>;
  /** Writes `started`, consumes the approval and appends the audit entry, in one transaction. */
  readonly start: (start: LedgerStart) => Promise<LedgerStarted>;
  /** Begins another attempt of a row whose lease has ended; undefined when someone else did. @returns the new token */
  readonly restart: (
    row: LedgerRow,
    leaseMs: number,
    audit: AuditEntry,
  ) => Promise<{ token: string; attempts: number } | undefined>;
  /**
   * Prolongs the lease of an attempt while its tool runs; 0 ends it, so that the next attempt need not wait.
   * @returns false when the attempt is not the last one any more, or its lease has ended and someone else judged the row
   */
  readonly renew: (key: string, token: string, leaseMs: number) => Promise<boolean>;
  /**
   * Settles an attempt (INVARIANT E4: compares tokens). A settled undo also marks the effect as undone and frees its semantic key.
   * The entry is appended in the same transaction. Not settled: the attempt is not the last one any more, its result counts
   * for nothing, and nothing is appended.
   */
  readonly settle: (
    attempt: { readonly key: string; readonly token: string },
    settlement: LedgerSettlement,
    audit: { readonly task: TaskRef; readonly entry: AuditEntry },
  ) => Promise<LedgerSettled>;
  /** Settles an `unknown` row, or one whose lease has ended, by what a person or `reconcile` found. @returns false when it is settled already */
  readonly resolve: (key: string, settlement: LedgerSettlement) => Promise<boolean>;
  /** Records that a call was answered with another one's effect (INVARIANT E6). Idempotent. */
  readonly relyOn: (key: string, by: TaskRef & { readonly callId: string }) => Promise<void>;
  /** Other tasks that were answered with an effect. */
  readonly reliedOnBy: (key: string) => Promise<readonly string[]>;
  /** Rows of a task in the order in which they began, a page at a time. */
  readonly ofTask: (
    task: TaskRef,
    page: { readonly after?: string; readonly limit: number },
  ) => Promise<readonly LedgerRow[]>;
};

/* ------------------------------------------------------------------- audit */

/** One decision or attempt (who, what, with which verdict, by which rules, approved by whom, with what outcome). */
export type AuditEntry = {
  readonly type: 'review' | 'attempt' | 'outcome' | 'resolution' | 'compensation' | 'decision';
  readonly callId: string;
  readonly tool: string;
  readonly agent: string;
  readonly principal: string;
  readonly tenant?: string | undefined;
  readonly argsDigest: string;
  readonly detail: JsonObject;
};

/** Where a task's audit trail stood; in history it anchors the trail. */
export type AuditAnchor = { readonly seq: number; readonly hash: Digest };

/** A stored entry. `hash` = SHA-256 of `previous hash \n canonical JSON of {seq, at, entry}`. */
export type AuditRow = {
  readonly seq: number;
  /** ISO 8601, the database's clock. */
  readonly at: string;
  readonly entry: AuditEntry;
  readonly hash: Digest;
};

/** The append-only, hash-chained record of one task after another. */
export type AuditLog = {
  /** Appends in order. @returns the anchor after the last one; undefined when there was nothing to append and the trail is empty */
  readonly append: (task: TaskRef, entries: readonly AuditEntry[]) => Promise<AuditAnchor | undefined>;
  readonly page: (
    task: TaskRef,
    page: { readonly after: number; readonly limit: number },
  ) => Promise<readonly AuditRow[]>;
  /** The lives of a task id that have a trail, oldest first. */
  readonly epochs: (taskId: string) => Promise<readonly string[]>;
};

/* ------------------------------------------------------- tasks, artifacts */

/** A task as the store knows it, whatever Temporal's retention is (INVARIANT H4). */
export type TaskRegistration = {
  readonly taskId: string;
  readonly firstRunId: string;
  readonly agent: string;
  readonly principalId: string;
  readonly tenant?: string | undefined;
  readonly specDigest: Digest;
};

/** The register of tasks. */
export type TaskRegister = {
  /**
   * Registers a task at admission; idempotent for a first run id.
   * @returns the epoch: `e1`, and the next one for a new run under an old id (INVARIANT E5)
   * @throws ApplicationFailure `Task.Conflict` when the id is known with another specification or principal
   */
  readonly register: (task: TaskRegistration) => Promise<{ readonly epoch: string }>;
};

/** Something too large for the model or the history, kept whole. */
export type Artifact = {
  /** `a-` and the first 24 digits of the digest. */
  readonly id: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: number;
};

/** Whole outputs, by content, scoped by task: another task cannot read them (INVARIANT H1). */
export type Artifacts = {
  /** Stores content once. @throws ApplicationFailure `Artifact.TooLarge` over the bound */
  readonly put: (
    task: TaskRef,
    content: { readonly bytes: Uint8Array; readonly mediaType: string },
  ) => Promise<Artifact>;
  readonly get: (
    task: TaskRef,
    id: string,
  ) => Promise<{ readonly artifact: Artifact; readonly bytes: Uint8Array } | undefined>;
};

/* ------------------------------------------------------------------ limits */

/** Whom a failing or busy tool is counted for. */
export type LimitSubject = { readonly tool: string; readonly principal: ToolPrincipal };

/** Whether a call may begin now. */
export type Admitted =
  | { readonly ok: true; readonly ticket: Ticket }
  | {
      readonly ok: false;
      readonly reason: 'breaker_open' | 'rate_limited' | 'busy';
      /** When to try again, milliseconds from now. */
      readonly retryAfterMs: number;
      readonly message: string;
    };

/** What a call that was let in holds; given back with `report`. */
export type Ticket = {
  readonly holder: string;
  readonly isProbe: boolean;
  /** A breaker remembers something: a success has to be told. */
  readonly isWatched?: boolean;
  /** Holds a place in the tool's bulkhead. */
  readonly hasPlace?: boolean;
};

/** How a call went, for the breaker. */
export type Report =
  | { readonly kind: 'success' }
  /** The tool or the way to it is broken. */
  | { readonly kind: 'failure'; readonly error: string }
  /** It answered, and the answer is of no use. */
  | { readonly kind: 'junk'; readonly error: string }
  /** It refused this input: counts only where the same words answer different inputs. */
  | { readonly kind: 'refused'; readonly error: string; readonly argsDigest: Digest }
  /** Cancelled, or nothing was learnt. */
  | { readonly kind: 'none' };

/** Breakers, rate limits, bulkheads and retry budgets, shared by all workers. */
export type ToolLimits = {
  /** Takes a place: breaker, rate window, bulkhead. `holder` names the attempt; `ttlMs` bounds how long a crash holds it. */
  readonly admit: (
    subject: LimitSubject,
    call: {
      readonly holder: string;
      readonly ttlMs: number;
      readonly rateLimit?: RateLimit | undefined;
      readonly maxConcurrent?: number | undefined;
    },
  ) => Promise<Admitted>;
  /** Gives the place back and tells how it went. */
  readonly report: (subject: LimitSubject, ticket: Ticket, report: Report) => Promise<void>;
  /** Takes one retry from the tool's budget over all workers; false: no more retries now. */
  readonly takeRetry: (tool: string) => Promise<boolean>;
  /** Tools whose breaker is open for a principal now (those at cool-down are offered to one task at a time). */
  readonly open: (
    tools: readonly string[],
    principal: ToolPrincipal,
    task: TaskRef,
  ) => Promise<readonly { readonly tool: string; readonly untilMs: number; readonly why: string }[]>;
};

/* ------------------------------------------------------------------ policy */

/** What is asked of the policy engine about one call. */
export type PolicyRequest = {
  readonly principal: ToolPrincipal;
  readonly agent: string;
  readonly taskId: string;
  readonly tool: {
    readonly name: string;
    readonly effect: Effect;
    readonly unattended: boolean;
    readonly openWorld: boolean;
    readonly egress: boolean;
    readonly idempotent: boolean;
    readonly compensable: boolean;
    /** The surface is another one than was pinned. */
    readonly isChanged: boolean;
  };
  readonly args: JsonObject;
  /** JSON Schema by which arguments are encoded (INVARIANT T2). */
  readonly argsSchema: JsonObject;
  readonly provenance: Provenance;
  /** Untrusted text is in the model's context. */
  readonly isContextUntrusted: boolean;
  readonly usage: Usage;
  /** Task-level rules; they may only forbid. */
  readonly rules?: string | undefined;
};

/** The answer to one of the two questions. An error counts against the call (INVARIANT T2). */
export type PolicyDecision = { readonly isAllowed: boolean; readonly reasons: readonly Reason[] };

/** The policy set that a worker goes by. */
export type PolicyEngine = {
  /** Of all policies in force, default set included; changes when files change. */
  readonly digest: () => Digest;
  /** The set's place in the order of sets (INVARIANT A1). @throws ApplicationFailure `Policy.Behind` (retryable) when a newer set is known */
  readonly epoch: () => Promise<number>;
  /** Never throws for what arguments hold. Under a millisecond. */
  readonly decide: (request: PolicyRequest) => {
    readonly call: PolicyDecision;
    readonly callUnattended: PolicyDecision;
  };
  /** Checks task-level rules. @returns what is wrong with them */
  readonly checkRules: (rules: string) => string | undefined;
};

/** Policy sets in the order in which workers came up with them. */
export type PolicyEpochs = {
  /** Registers a digest. A new one is the newest; a known one keeps its epoch. */
  readonly register: (digest: Digest) => Promise<{ readonly epoch: number; readonly newest: number }>;
  readonly newest: () => Promise<number>;
};

/** Pinned tool surfaces of MCP servers. */
export type SurfacePins = {
  /** The pins of a server; where it has none yet, `surfaces` is pinned (trust on first use). */
  readonly pin: (
    server: string,
    surfaces: Readonly<Record<string, Digest>>,
  ) => Promise<Readonly<Record<string, Digest>>>;
  /** Accepts the surfaces of now. */
  readonly repin: (server: string, surfaces: Readonly<Record<string, Digest>>) => Promise<void>;
};

/* --------------------------------------------------------------- the host */

/** What the host's authorizer is asked. */
export type AuthorizerRequest = {
  readonly principal: ToolPrincipal;
  readonly agent: string;
  readonly taskId: string;
  readonly tool: string;
  readonly effect: Effect;
  /** The tool's `requires`. */
  readonly requires: readonly string[];
  /** Absent: may the tool be shown at all? */
  readonly args?: JsonObject | undefined;
};

/** The principal's own permissions, as the host knows them now. A throw counts against the call (INVARIANT T2). */
export type Authorizer = (
  request: AuthorizerRequest,
) =>
  | Promise<boolean | { readonly allow: boolean; readonly reason?: string }>
  | boolean
  | { readonly allow: boolean; readonly reason?: string };

/** Everything the store offers to the gateway. */
export type ControlStore = {
  readonly tasks: TaskRegister;
  readonly ledger: Ledger;
  readonly audit: AuditLog;
  readonly artifacts: Artifacts;
  readonly limits: ToolLimits;
  readonly policyEpochs: PolicyEpochs;
  readonly pins: SurfacePins;
  readonly deskLog: DeskLog;
  readonly outbox: Outbox;
  readonly close: () => Promise<void>;
};

/** Of a call's context, what names its task. */
export const taskRef = ({ taskId, epoch }: Pick<CallContext, 'taskId' | 'epoch'>): TaskRef => ({ taskId, epoch });
