import type { CallContext, Situation } from '../activities/ports.ts';
import { findDeniedValues } from '../domain/denied.ts';
import { shortDigest } from '../domain/digest.ts';
import { isRecord, type JsonObject } from '../domain/json.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import type { Provenance } from '../domain/provenance.ts';
import type { Tool } from '../tools/tool.ts';
import type { GatewayParts } from './flight.ts';
import { checkGrants } from './grants.ts';
import { inTime } from './in-time.ts';
import type { AuthorizerRequest, PolicyRequest } from './ports.ts';
import { cleanText } from './sanitize.ts';

/** A changed surface is told from and to, so that a person can compare it with what the server's owner says. */
const withSurface = ({ surface }: Tool, reason: Reason): Reason => {
  if (reason.code !== 'surface_changed' || surface?.changedFrom === undefined) return reason;
  const [from, to] = [surface.changedFrom, surface.digest].map((digest) => shortDigest(digest, 12));
  return { ...reason, message: `${reason.message} (MCP server ${surface.server}: pinned ${from}, shows ${to} now)` };
};

/** A verdict, and the place of the policy set by which it was found. */
export type Authorized = { readonly verdict: Verdict; readonly policyEpoch: number };

/** What a valid call is judged by. */
export type Judged = {
  readonly tool: Tool;
  readonly args: JsonObject;
  readonly input: unknown;
  readonly context: CallContext;
  readonly situation?: Situation | undefined;
  readonly provenance?: Provenance | undefined;
};

/** What a rule threw stands in history, on the page and before the model: no secrets. */
const short = ({ secrets }: Pick<GatewayParts, 'secrets'>, error: unknown): string =>
  cleanText(String(error), secrets).slice(0, 200);

const reject = (reason: Reason): Verdict => ({ outcome: 'reject', reasons: [reason] });

/** A host's function may answer anything: only a clear yes is one. */
const toAnswer = (answer: unknown): { readonly allow: boolean; readonly reason?: string } => {
  if (!isRecord(answer)) return { allow: answer === true };
  const { allow, reason } = answer;
  return { allow: allow === true, ...(typeof reason === 'string' ? { reason } : {}) };
};

/** Without an authorizer nobody has a permission that a tool requires. */
const unasked = ({ name, requires }: Tool): Reason | undefined => {
  if (requires.length === 0) return undefined;
  const message = `${name} needs ${requires.join(', ')}, and no authorizer is configured that could say who has it`;
  return { code: 'no_authorizer', message };
};

/**
 * Asks the host whether the principal may, now: rights withdrawn in the middle of a task take effect at the next call.
 * @returns why not
 */
export const askAuthorizer = async (
  parts: Pick<GatewayParts, 'authorizer' | 'secrets'>,
  tool: Tool,
  { context, args }: { readonly context: CallContext; readonly args?: JsonObject },
): Promise<Reason | undefined> => {
  const { authorizer } = parts;
  if (authorizer === undefined) return unasked(tool);
  const who = context.principal.id;
  const request: AuthorizerRequest = {
    principal: context.principal,
    agent: context.agent,
    taskId: context.taskId,
    tool: tool.name,
    effect: tool.effect,
    requires: tool.requires,
    ...(args === undefined ? {} : { args }),
  };
  try {
    const answer = toAnswer(await inTime(authorizer(request)));
    return answer.allow
      ? undefined
      : { code: 'not_permitted', message: answer.reason ?? `${who} has no right to ${tool.name}` };
  } catch (error) {
    // INVARIANT T2: a rule that errs counts against the call.
    return {
      code: 'authorizer_failed',
      message: `whether ${who} may use ${tool.name} could not be asked: ${short(parts, error)}`,
    };
  }
};

const confirmation = async (parts: GatewayParts, { tool, input }: Judged): Promise<Reason[]> => {
  try {
    const answer = (await inTime(tool.confirm?.(input))) ?? false;
    if (answer === false) return [];
    const message = typeof answer === 'string' ? answer : `${tool.name} asks before it runs`;
    return [{ code: 'confirmation_required', message }];
  } catch (error) {
    // INVARIANT T2: a rule that errs counts against the call.
    const message = `the rule that decides whether ${tool.name} asks failed: ${short(parts, error)}`;
    return [{ code: 'confirmation_rule_failed', message }];
  }
};

/** Whether two JSON pointers meet: the same place, one inside the other, or (of many leaves) summed up above it. */
const meet = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);

/**
 * INVARIANT T1: a sensitive argument of a call with effects that comes from untrusted text, or from nowhere while such text
 * is in the context, needs a person. Reads that leave the trust boundary count as well.
 */
const untrustedArguments = ({ tool, provenance = {}, situation }: Judged): Reason[] => {
  if (tool.effect === 'read' && !tool.egress) return [];
  const isDoubtful = (source: string) =>
    source === 'untrusted' || (source === 'model' && situation?.isUntrusted === true);
  return Object.entries(provenance)
    .filter(([pointer, { source }]) => isDoubtful(source) && tool.sensitive.some((each) => meet(pointer, each)))
    .map(([pointer, { source, item }]) => ({
      code: 'untrusted_argument',
      message:
        source === 'untrusted'
          ? `${pointer} comes from text that an outsider may have written${item === undefined ? '' : ` (${item})`}`
          : `nobody knows where ${pointer} comes from, and the agent has read text that an outsider may have written`,
    }));
};

const deniedBefore = ({ tool, args, situation }: Judged): Reason[] => {
  if (tool.effect === 'read' && !tool.egress) return [];
  const found = findDeniedValues(tool.name, args, situation?.denied ?? []);
  if (found === undefined) return [];
  return [
    { code: 'denied_before', message: `it has values of ${found.callId} (${found.tool}), which a person denied` },
  ];
};

/** INVARIANT E6: other arguments under a semantic key that is in use ask. */
const effectKeyConflict = async (parts: GatewayParts, judged: Judged, argsDigest: string): Promise<Reason[]> => {
  const key = semanticKeyOf(judged.tool, judged.input);
  if (key === undefined) return [];
  const row = await parts.store.ledger.findSemantic(judged.context.principal.tenant, key);
  if (row === undefined || row.argsDigest === argsDigest) return [];
  const message = `${key} was done before with other arguments (${row.task.taskId} ${row.callId}, ${row.state})`;
  return [{ code: 'effect_key_conflict', message }];
};

/** The semantic key of a call: tools of different names never share one. */
export const semanticKeyOf = (tool: Tool, input: unknown): string | undefined => {
  const key = tool.effectKey?.(input);
  return key === undefined ? undefined : `${tool.name}:${key}`;
};

const toPolicyRequest = ({ tool, args, context, situation, provenance }: Judged): PolicyRequest => ({
  principal: context.principal,
  agent: context.agent,
  taskId: context.taskId,
  tool: {
    name: tool.name,
    effect: tool.effect,
    unattended: tool.unattended,
    openWorld: tool.openWorld,
    egress: tool.egress,
    idempotent: tool.idempotent,
    compensable: tool.compensate !== undefined,
    isChanged: tool.surface?.changedFrom !== undefined,
  },
  args,
  argsSchema: tool.input.json,
  provenance: provenance ?? {},
  isContextUntrusted: situation?.isUntrusted ?? true,
  usage: situation?.usage ?? { steps: 0, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 },
  rules: context.rules,
});

/**
 * Decides whether a valid call may run, and whether without a person: the task's grants, the principal's own rights, the
 * policies, the tool's own rule, and where the values come from. The strictest wins.
 * @throws ApplicationFailure `Policy.Behind`, `Store.Unavailable`, both retryable
 */
export const authorize = async (parts: GatewayParts, judged: Judged, argsDigest: string): Promise<Authorized> => {
  const { tool, args, context } = judged;
  // INVARIANT A1: asked before the policies are, so that a set that is swapped in between counts as the older one.
  const policyEpoch = await parts.policy.epoch();
  const granted = checkGrants(context.grants, tool.name, args);
  if (!granted.ok && tool.isFree !== true) return { verdict: reject(granted.reason), policyEpoch };
  const unpermitted = await askAuthorizer(parts, tool, { context, args });
  if (unpermitted !== undefined) return { verdict: reject(unpermitted), policyEpoch };
  const { call, callUnattended } = parts.policy.decide(toPolicyRequest(judged));
  if (!call.isAllowed) return { verdict: { outcome: 'reject', reasons: call.reasons }, policyEpoch };
  const reasons = [
    ...(callUnattended.isAllowed ? [] : callUnattended.reasons.map((reason) => withSurface(tool, reason))),
    ...(await confirmation(parts, judged)),
    ...untrustedArguments(judged),
    ...deniedBefore(judged),
    ...(tool.effectKey === undefined ? [] : await effectKeyConflict(parts, judged, argsDigest)),
  ];
  const outcome = reasons.length > 0 || !callUnattended.isAllowed ? 'ask' : 'allow';
  return { verdict: { outcome, reasons }, policyEpoch };
};
