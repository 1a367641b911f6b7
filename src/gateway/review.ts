import type { CallContext, Reviewed, ReviewRequest, Situation } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import type { Reason, Review, RunPlan, Verdict } from '../domain/proposal.ts';
import type { Provenance } from '../domain/provenance.ts';
import type { RawCall } from '../domain/transcript.ts';
import { ASK_HUMAN } from '../tools/ask-human.ts';
import { type Agent, modelFacingName } from '../tools/define-agent.ts';
import type { Tool } from '../tools/tool.ts';
import { askedBy, toolRisk } from './approval-rules.ts';
import { reviewEntry } from './audit.ts';
import { authorize } from './authorize.ts';
import { withConfidence } from './confidence.ts';
import { approvalDigest } from './faces.ts';
import { type GatewayParts, makeFlight, UNHURRIED, type ValidFlight } from './flight.ts';
import { checkGrants, isShown } from './grants.ts';
import { RULE_MS } from './in-time.ts';
import { LIMIT_WAIT_MS } from './limit.ts';
import { taskRef } from './ports.ts';
import { cleanReason } from './sanitize-result.ts';
import { createLook, type Seen } from './seen.ts';
import { type Validated, validateArgs, validateCall } from './validate.ts';

/** Reads that take longer than this do not travel with a proposal: they would hold the model call back. */
const LONG_READ_MS = 60_000;

type Valid = Extract<Validated, { ok: true }>;
type Subject = {
  readonly callId: string;
  readonly tool: Tool;
  readonly context: CallContext;
  readonly situation?: Situation | undefined;
  readonly provenance?: Provenance | undefined;
};

const rejected = (callId: string, tool: Pick<Tool, 'name' | 'effect'>, reason: Reason): Review => ({
  callId,
  tool: tool.name,
  effect: tool.effect,
  verdict: { outcome: 'reject', reasons: [reason] },
});

const unknownTool = ({ id, name }: RawCall, agent: Agent, { grants }: CallContext): Review => {
  const shown = name.slice(0, 100);
  const there = [...agent.tools.values()].filter((tool) => tool.isFree === true || isShown(grants, tool.name));
  const names = there.map((tool) => modelFacingName(tool.name)).join(', ');
  const message = `there is no tool ${JSON.stringify(shown)}; there are: ${names}`;
  return rejected(id, { name: shown, effect: 'read' }, { code: 'unknown_tool', message });
};

/** The tool's own functions each get its time-out; waiting for a turn comes on top. */
const totalMs = ({ authorizer }: GatewayParts, tool: Tool): number => {
  const parts = 1 + (['snapshot', 'verify', 'reconcile'] as const).filter((hook) => hook in tool).length;
  const isLimited = tool.rateLimit !== undefined || tool.maxConcurrent !== undefined;
  const rules = [authorizer !== undefined, 'check' in tool, 'confirm' in tool].filter(Boolean).length;
  return tool.timeoutMs * parts + rules * RULE_MS + (isLimited ? LIMIT_WAIT_MS : 0);
};

const planOf = (parts: GatewayParts, tool: Tool): RunPlan => ({
  idempotent: tool.idempotent,
  timeoutMs: totalMs(parts, tool),
  maxAttempts: tool.maxAttempts,
  alone: isAlone(tool),
  risk: toolRisk(tool),
  ...(tool.compensate === undefined ? {} : { isCompensable: true }),
  ...(tool.taskQueue === undefined ? {} : { taskQueue: tool.taskQueue }),
});

const isAlone = (tool: Tool): boolean =>
  tool.effect === 'read' &&
  (tool.timeoutMs > LONG_READ_MS ||
    tool.maxAttempts > 1 ||
    tool.taskQueue !== undefined ||
    tool.rateLimit !== undefined ||
    tool.maxConcurrent !== undefined);

/** What the workflow does with an allowed call: run the tool, ask a person, wait, or keep a plan. */
const howToRun = (parts: GatewayParts, tool: Tool, valid: Valid): Partial<Review> => {
  const builtIn = tool.builtIn?.(valid.input);
  if (builtIn !== undefined) return { builtIn, digest: approvalDigest(tool, valid.args) };
  // A read that may run at once travels with the next proposal: it needs no plan of its own.
  if (tool.effect === 'read' && !isAlone(tool)) return {};
  return { digest: approvalDigest(tool, valid.args), plan: planOf(parts, tool) };
};

const provenanceIn = (provenance: Provenance | undefined): Pick<Review, 'provenance'> =>
  provenance === undefined || Object.keys(provenance).length === 0 ? {} : { provenance };

/** The review of a call about which a person has to be asked, or asked again: who may decide, and what it would change. */
export const reviewOf = (flight: ValidFlight, { reasons }: Verdict, seen: Seen): Review => {
  const { parts, tool, call, context, args, input } = flight;
  const builtIn = tool.builtIn?.(input);
  return {
    callId: call.id,
    tool: tool.name,
    effect: tool.effect,
    verdict: { outcome: 'ask', reasons: seen.notice === undefined ? reasons : [...reasons, seen.notice] },
    ...provenanceIn(call.provenance),
    policies: parts.policy.digest(),
    digest: approvalDigest(tool, args, seen.digest),
    ...(builtIn === undefined ? { plan: planOf(parts, tool) } : { builtIn }),
    ...askedBy(parts, { kind: 'approval', tool, context, reasons }),
    ...(seen.change === undefined ? {} : { change: seen.change }),
  };
};

/** The call as it would run, for what is asked of its tool before that. */
const toFlight = (parts: GatewayParts, subject: Subject, { args, input }: Valid): ValidFlight => {
  const { callId, tool, context, situation, provenance } = subject;
  const call = { id: callId, tool: tool.name, args, provenance };
  return { ...makeFlight(parts, tool, { call, context, situation, run: UNHURRIED }), args, input };
};

type Look = (flight: ValidFlight) => Promise<Seen>;

/** The review of a valid call: what authorization says, and how the tool is to be run. */
const reviewValid = async (
  parts: GatewayParts,
  { look, ...subject }: Subject & { readonly look: Look },
  valid: Valid,
): Promise<Review> => {
  const { callId, tool, provenance } = subject;
  const authorized = await authorize(parts, { ...subject, ...valid }, digestJson(valid.args));
  const verdict = withConfidence(authorized.verdict, subject, valid.decision);
  if (verdict.outcome === 'ask') {
    const flight = toFlight(parts, subject, valid);
    return reviewOf(flight, verdict, await look(flight));
  }
  const base: Review = {
    callId,
    tool: tool.name,
    effect: tool.effect,
    verdict,
    ...provenanceIn(provenance),
    policies: parts.policy.digest(),
  };
  return verdict.outcome === 'reject' ? base : { ...base, ...howToRun(parts, tool, valid) };
};

/** The review of a question to a person: no right is needed to ask. */
const reviewQuestion = (parts: GatewayParts, { callId, tool, context }: Subject, { args, input }: Valid): Review => ({
  callId,
  tool: tool.name,
  effect: tool.effect,
  verdict: { outcome: 'allow', reasons: [] },
  digest: approvalDigest(tool, args),
  question: (input as { readonly question: string }).question,
  ...askedBy(parts, { kind: 'answer', tool, context, reasons: [] }),
});

/** The tool that a model means: by its own name, or by the one it was offered under. */
export const findTool = (agent: Agent, called: string): Tool | undefined =>
  [...agent.tools.values()].find(({ name }) => modelFacingName(name) === called || name === called);

const notGranted = (tool: Tool, { grants }: CallContext): Reason | undefined => {
  if (tool.isFree === true || isShown(grants, tool.name)) return undefined;
  const checked = checkGrants(grants, tool.name, undefined);
  return checked.ok ? undefined : checked.reason;
};

const reviewCall = async (
  parts: GatewayParts,
  agent: Agent,
  { call, request, look }: { readonly call: RawCall; readonly request: ReviewRequest; readonly look: Look },
): Promise<{ readonly review: Review; readonly args: unknown }> => {
  const tool = findTool(agent, call.name);
  if (tool === undefined) return { review: unknownTool(call, agent, request.context), args: call.arguments };
  // Before anything else about it: what a task may not call must not count as an unusable proposal.
  const ungranted = notGranted(tool, request.context);
  if (ungranted !== undefined) return { review: rejected(call.id, tool, ungranted), args: call.arguments };
  const valid = await (request.needsDecision
    ? validateCall(tool, call)
    : validateArgs(tool, JSON.parse(call.arguments)));
  if (!valid.ok) return { review: rejected(call.id, tool, cleanReason(parts, valid.reason)), args: call.arguments };
  const { context, situation } = request;
  const subject = { callId: call.id, tool, context, situation, provenance: request.provenance?.[call.id] };
  const review = await (tool.name === ASK_HUMAN
    ? reviewQuestion(parts, subject, valid)
    : reviewValid(parts, { ...subject, look }, valid));
  return { review, args: valid.args };
};

/** Parses, validates and authorizes calls, and writes an audit entry for each. Never throws for what a model wrote. */
export const reviewCalls = async (parts: GatewayParts, agent: Agent, request: ReviewRequest): Promise<Reviewed> => {
  const look = createLook();
  const done = await Promise.all(request.calls.map((call) => reviewCall(parts, agent, { call, request, look })));
  const reviews = done.map(({ review, args }) => reviewEntry(request.context, review, args));
  const entries = [...(request.earlier ?? []), ...reviews];
  const anchor = await parts.store.audit.append(taskRef(request.context), entries);
  return { reviews: done.map(({ review }) => review), anchor };
};
