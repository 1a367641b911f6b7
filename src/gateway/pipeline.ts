import type { Gateway, GrantedApproval, Ran, RunRequest } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import type { Tool } from '../tools/tool.ts';
import { asReviewed, coverOf, judgeApproval } from './approved.ts';
import { again, carryOut } from './attempt.ts';
import { type Authorized, authorize } from './authorize.ts';
import { keepsBefore, takeNamed } from './before-image.ts';
import { type Flight, type GatewayParts, makeFlight, resultOf, UNHURRIED, type ValidFlight } from './flight.ts';
import { runGone } from './gone.ts';
import { lookUp } from './ledger.ts';
import { endTurn, takeTurn } from './limit.ts';
import { readBatch, readOne } from './read.ts';
import { askAgain, refuse } from './refuse.ts';
import { resolveEffect } from './resolve.ts';
import { findTool, reviewCalls } from './review.ts';
import { cleanReason } from './sanitize-result.ts';
import { findAgent, setupOf } from './setup.ts';
import { type Cleared, heldByOther, type NotStarted, notKept, type Started, start } from './start.ts';
import { compensateEffect } from './undo.ts';
import { validateArgs } from './validate.ts';

/** Cancelled before anything was asked for: a result, so that it is no unknown effect. A shutdown is left to the next worker. */
const notBegun = ({ run, ...flight }: Flight): Ran => {
  const { reason } = run.signal;
  if (reason instanceof Error && reason.message.includes('WORKER_SHUTDOWN')) throw reason;
  return { result: resultOf(flight, { status: 'failed', output: 'cancelled before it began', trust: 'trusted' }) };
};

/** Refused without a before-image; one that was cut off by a cancellation or a shutdown says nothing about the call. */
const refuseUnkept = (flight: Flight, reason: Reason): Promise<Ran> | Ran =>
  flight.run.signal.aborted ? notBegun(flight) : refuse(flight, [reason]);

/** A call that may run now, with what it was judged by; or what it ended as. */
type Judged = { readonly ready: ValidFlight; readonly cleared: Cleared } | { readonly ended: Ran };

/**
 * A call that asks. INVARIANT A1: what runs has the digest that was approved, before-image included, so it is taken again, now, and
 * once: the one that is compared is shown where it is asked again, and stored where it runs.
 */
const judgeAsked = async (
  ready: ValidFlight,
  authorized: Authorized,
  approval: GrantedApproval | undefined,
): Promise<Judged> => {
  const taken = await takeNamed(ready);
  const unseen = taken.kind === 'failed' ? taken.why : undefined;
  if (unseen !== undefined && (keepsBefore(ready.tool) || ready.run.signal.aborted))
    return { ended: await refuseUnkept(ready, notKept(unseen)) };
  const before = taken.kind === 'taken' ? taken.before : undefined;
  const { verdict } = authorized;
  const approved = judgeApproval(ready, { verdict, approval, before: before?.digest });
  if (approved.ok) return { ready, cleared: { ...authorized, ...approved, before } };
  return { ended: await askAgain(ready, { outcome: 'ask', reasons: approved.reasons }, { before, unseen }) };
};

/** The stages `validate` and `authorize`. */
const judge = async (flight: Flight, approval: GrantedApproval | undefined): Promise<Judged> => {
  const valid = await validateArgs(flight.tool, flight.call.args);
  if (!valid.ok) return { ended: await refuse(flight, [cleanReason(flight.parts, valid.reason)]) };
  const ready: ValidFlight = { ...flight, args: valid.args, input: valid.input };
  const judged = { ...ready, provenance: flight.call.provenance };
  const found = await authorize(flight.parts, judged, flight.argsDigest);
  const verdict = asReviewed(found.verdict, approval);
  if (verdict.outcome === 'reject') return { ended: await refuse(flight, verdict.reasons) };
  const authorized = { ...found, verdict };
  if (verdict.outcome === 'ask') return judgeAsked(ready, authorized, approval);
  const isBeside = coverOf(ready, { approval, before: undefined }) === 'beside';
  return { ready, cleared: { ...authorized, isBeside } };
};

type Ready = Extract<Judged, { ready: ValidFlight }>;

/** All that it is asked for: who approves it has then approved every reason, and is not asked about the others next. */
const withHeld = ({ reasons }: Verdict, held: Extract<NotStarted, { kind: 'ask' }>): Verdict => ({
  outcome: 'ask',
  reasons: [...reasons.filter(({ code }) => code !== held.reason.code), held.reason],
});

/** A call that did not begin, and why. */
const onHeld = ({ ready, cleared }: Ready, held: NotStarted): Promise<Ran> | Ran => {
  switch (held.kind) {
    case 'replayed':
      return held.ran;
    case 'ask':
      return askAgain(ready, withHeld(cleared.verdict, held), { digest: held.digest, before: cleared.before });
    case 'refused':
      return refuseUnkept(ready, held.reason);
    default:
      return assertNever(held);
  }
};

/** INVARIANT A1: the before-image that was compared may not be the one of now once a turn was waited for. */
const judgedInTurn = async (
  judged: Ready,
  approval: GrantedApproval | undefined,
  hasWaited: boolean,
): Promise<Judged> =>
  hasWaited && judged.cleared.before !== undefined ? judgeAsked(judged.ready, judged.cleared, approval) : judged;

/** The stage `start`, in its turn. */
const startInTurn = async (
  judged: Ready,
  approval: GrantedApproval | undefined,
  hasWaited: boolean,
): Promise<Extract<Started, { kind: 'started' }> | { readonly kind: 'ended'; readonly ran: Ran }> => {
  const now = await judgedInTurn(judged, approval, hasWaited);
  if ('ended' in now) return { kind: 'ended', ran: now.ended };
  const started = await start(now.ready, now.cleared, approval);
  return started.kind === 'started' ? started : { kind: 'ended', ran: await onHeld(now, started) };
};

/** The stages `limit` and `start`, and those of the attempt. */
const carryOutInTurn = async (judged: Ready, approval: GrantedApproval | undefined): Promise<Ran> => {
  const { ready, cleared } = judged;
  // Before a turn is taken: what only waits for somebody else's effect must not use up a rate limit.
  const held = await heldByOther(ready, cleared);
  if (held !== undefined) return onHeld(judged, held);
  const turn = await takeTurn(ready).catch((error: unknown) => {
    if (ready.run.signal.aborted) return undefined;
    throw error;
  });
  if (turn === undefined) return notBegun(ready);
  if (!turn.ok) return refuse(ready, [turn.reason]);
  const started = await startInTurn(judged, approval, turn.hasWaited).catch(async (error: unknown) => {
    await endTurn(ready, turn.ticket, { kind: 'none' });
    throw error;
  });
  if (started.kind === 'started') return carryOut(ready, { ...started, ticket: turn.ticket });
  await endTurn(ready, turn.ticket, { kind: 'none' });
  return started.ran;
};

/**
 * One effect, through every stage: look up the ledger → validate → authorize → limit → start (ledger, approval consumed)
 * → run → settle → sanitize → audit. The model cannot choose another way: this is the only one there is.
 */
const runEffect = async (flight: Flight, { approval }: RunRequest): Promise<Ran> => {
  const known = await lookUp(flight);
  if (known.kind === 'settled') return known.ran;
  if (known.kind === 'again') return again(flight, known.row);
  if (flight.run.signal.aborted) return notBegun(flight);
  const judged = await judge(flight, approval);
  return 'ended' in judged ? judged.ended : carryOutInTurn(judged, approval);
};

/**
 * The one way from a proposal to a tool. Review and execution share `validate` and `authorize`: rights and rules may have
 * changed since the review, so they are asked again at the moment of execution.
 */
export const createGateway = (parts: GatewayParts): Gateway => {
  const toolOf = (agent: string, tool: string): Tool | undefined => findAgent(parts.agents, agent).tools.get(tool);
  return {
    setup: (context, output, previous) => setupOf(parts, { context, output, previous }),
    review: (request) => reviewCalls(parts, findAgent(parts.agents, request.context.agent), request),
    toolNamed: (agent, name) => findTool(findAgent(parts.agents, agent), name)?.name,
    run: async (request) => {
      const tool = toolOf(request.context.agent, request.call.tool);
      if (tool === undefined) return runGone(parts, request);
      const flight = makeFlight(parts, tool, request);
      return tool.effect === 'read' ? readOne(flight, request.approval) : runEffect(flight, request);
    },
    read: (request) => readBatch(parts, (name) => toolOf(request.context.agent, name), request),
    compensate: (request) => compensateEffect(parts, toolOf(request.context.agent, request.call.tool), request),
    resolve: (request) =>
      resolveEffect(parts, toolOf(request.context.agent, request.call.tool), { ...request, run: UNHURRIED }),
  };
};
