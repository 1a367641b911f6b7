import type { Gateway, GrantedApproval, Ran, RunContext, RunRequest } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Tool } from '../tools/tool.ts';
import { again, carryOut } from './attempt.ts';
import { type Authorized, authorize } from './authorize.ts';
import { approvalDigest, besideDigest } from './faces.ts';
import { type Flight, type GatewayParts, makeFlight, resultOf, type ValidFlight } from './flight.ts';
import { runGone } from './gone.ts';
import { lookUp } from './ledger.ts';
import { endTurn, takeTurn } from './limit.ts';
import { readBatch, readOne } from './read.ts';
import { askAgain, refuse } from './refuse.ts';
import { resolveEffect } from './resolve.ts';
import { findTool, reviewCalls } from './review.ts';
import { cleanReason } from './sanitize-result.ts';
import { findAgent, setupOf } from './setup.ts';
import { heldByOther, type NotStarted, start } from './start.ts';
import { compensateEffect } from './undo.ts';
import { validateArgs } from './validate.ts';

/** Cancelled before anything was asked for: a result, so that it is no unknown effect. A shutdown is left to the next worker. */
const notBegun = ({ run, ...flight }: Flight): Ran => {
  const { reason } = run.signal;
  if (reason instanceof Error && reason.message.includes('WORKER_SHUTDOWN')) throw reason;
  return { result: resultOf(flight, { status: 'failed', output: 'cancelled before it began', trust: 'trusted' }) };
};

/** A call that may run now, with what it was judged by; or what it ended as. */
type Judged =
  | { readonly ready: ValidFlight; readonly authorized: Authorized & { readonly isBeside: boolean } }
  | { readonly ended: Ran };

/** The stages `validate` and `authorize`. */
const judge = async (flight: Flight, approval: GrantedApproval | undefined): Promise<Judged> => {
  const valid = await validateArgs(flight.tool, flight.call.args);
  if (!valid.ok) return { ended: await refuse(flight, [cleanReason(flight.parts, valid.reason)]) };
  const ready: ValidFlight = { ...flight, args: valid.args, input: valid.input };
  const judged = { ...ready, provenance: flight.call.provenance };
  const authorized = await authorize(flight.parts, judged, flight.argsDigest);
  const { verdict } = authorized;
  if (verdict.outcome === 'reject') return { ended: await refuse(flight, verdict.reasons) };
  // INVARIANT A1: what runs has the digest that was approved; asked again only where the verdict of now needs an approval.
  const digest = approvalDigest(flight.tool, valid.args);
  const isBeside = approval?.digest === besideDigest(digest);
  const isApproved = isBeside || approval?.digest === digest;
  if (verdict.outcome === 'ask' && !isApproved) return { ended: await askAgain(ready, verdict) };
  return { ready, authorized: { ...authorized, isBeside } };
};

/** A call that did not begin, and why. */
const onHeld = (ready: ValidFlight, held: NotStarted): Promise<Ran> | Ran => {
  switch (held.kind) {
    case 'replayed':
      return held.ran;
    case 'ask':
      return askAgain(ready, { outcome: 'ask', reasons: [held.reason] }, held.digest);
    case 'refused':
      return refuse(ready, [held.reason]);
    default:
      return assertNever(held);
  }
};

type Ready = Extract<Judged, { ready: ValidFlight }>;

/** The stages `limit` and `start`, and those of the attempt. */
const carryOutInTurn = async ({ ready, authorized }: Ready, approval: GrantedApproval | undefined): Promise<Ran> => {
  // Before a turn is taken: what only waits for somebody else's effect must not use up a rate limit.
  const held = await heldByOther(ready, authorized);
  if (held !== undefined) return onHeld(ready, held);
  const turn = await takeTurn(ready).catch((error: unknown) => {
    if (ready.run.signal.aborted) return undefined;
    throw error;
  });
  if (turn === undefined) return notBegun(ready);
  if (!turn.ok) return refuse(ready, [turn.reason]);
  const started = await start(ready, authorized, approval).catch(async (error: unknown) => {
    await endTurn(ready, turn.ticket, { kind: 'none' });
    throw error;
  });
  if (started.kind === 'started') return carryOut(ready, { ...started, ticket: turn.ticket });
  await endTurn(ready, turn.ticket, { kind: 'none' });
  return onHeld(ready, started);
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

/** A run that nobody cancels, for what has to be done anyway. */
const UNHURRIED: RunContext = { signal: new AbortController().signal, attempt: 1, heartbeat: () => undefined };

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
