import type { CallContext, GatewayCall, RunContext, Situation } from '../activities/ports.ts';
import type { ApprovalRule } from '../domain/approval-rule.ts';
import { type Digest, digestJson } from '../domain/digest.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { Agent } from '../tools/define-agent.ts';
import type { Tool, ToolContext, ToolLog } from '../tools/tool.ts';
import type { Authorizer, ControlStore, PolicyEngine } from './ports.ts';
import { toLedgerJson } from './sanitize.ts';

/** What a gateway is made of. */
export type GatewayParts = {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly store: ControlStore;
  readonly policy: PolicyEngine;
  readonly authorizer?: Authorizer | undefined;
  /** Values that no output may hold. */
  readonly secrets: readonly string[];
  /** How long an attempt holds its row in the ledger without a sign of life, milliseconds. */
  readonly leaseMs: number;
  readonly log: ToolLog;
  /** Who may approve what, in the order in which they are tried. */
  readonly approvalRules: readonly ApprovalRule[];
};

/** One call on its way through the stages. */
export type Flight = {
  readonly parts: GatewayParts;
  readonly tool: Tool;
  readonly call: GatewayCall;
  readonly context: CallContext;
  readonly situation?: Situation | undefined;
  readonly run: RunContext;
  readonly key: string;
  readonly argsDigest: Digest;
};

/** A flight whose arguments met the tool's schema. */
export type ValidFlight = Flight & { readonly args: JsonObject; readonly input: unknown };

/** A run that nobody cancels, for what has to be done anyway, or is over soon. */
export const UNHURRIED: RunContext = { signal: new AbortController().signal, attempt: 1, heartbeat: () => undefined };

/** Names a call for ledger and audit. Key and digest are of the arguments as they were decided on. */
export const makeFlight = (
  parts: GatewayParts,
  tool: Tool,
  rest: Pick<Flight, 'call' | 'context' | 'situation' | 'run'>,
): Flight => ({
  parts,
  tool,
  ...rest,
  key: idempotencyKey(rest.context, rest.call.id, rest.call.args),
  argsDigest: digestJson(rest.call.args),
});

/** What the tool is given beside its input. */
export const toolContext = (
  { parts, context, call, key, run }: Flight,
  { attempt, signal }: { readonly attempt: number; readonly signal: AbortSignal },
): ToolContext => ({
  taskId: context.taskId,
  epoch: context.epoch,
  callId: call.id,
  principal: context.principal,
  idempotencyKey: key,
  attempt,
  signal,
  // Progress stands in the UI, and next to what the next attempt is told: JSON of a bound size, no secrets. Never throws, for it
  // is called in the middle of an effect.
  heartbeat: (details) => run.heartbeat(details === undefined ? undefined : toLedgerJson(details, parts.secrets)),
  log: parts.log,
});

/** The result of a call, as it enters the transcript. */
export const resultOf = (
  { call, tool }: Pick<Flight, 'call'> & { readonly tool: Pick<Tool, 'name'> },
  result: Omit<ResultItem, 'kind' | 'id' | 'tool'>,
): ResultItem => ({ kind: 'result', id: call.id, tool: tool.name, ...result });
