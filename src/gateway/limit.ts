import { setTimeout as delay } from 'node:timers/promises';
import type { Reason } from '../domain/proposal.ts';
import type { Flight } from './flight.ts';
import type { Admitted, LimitSubject, Report, Ticket } from './ports.ts';

/** How long a call waits for its turn before the model is told when to try again. */
export const LIMIT_WAIT_MS = 15_000;
/** A place that a crash left behind is free this long after the tool's time-out. */
const HOLD_GRACE_MS = 10_000;

/** Whether the call has its turn, and whether it was waited for. */
export type Turn =
  | { readonly ok: true; readonly ticket: Ticket; readonly hasWaited: boolean }
  | { readonly ok: false; readonly reason: Reason };

/** Whom a call counts for. */
const subjectOf = ({ tool, context }: Pick<Flight, 'tool' | 'context'>): LimitSubject => ({
  tool: tool.name,
  principal: context.principal,
});

const ask = ({ parts, tool, context, key }: Flight): Promise<Admitted> =>
  parts.store.limits.admit(subjectOf({ tool, context }), {
    holder: key,
    ttlMs: tool.timeoutMs + HOLD_GRACE_MS,
    rateLimit: tool.rateLimit,
    maxConcurrent: tool.maxConcurrent,
  });

const refusal = (flight: Flight, { reason, retryAfterMs, message }: Extract<Admitted, { ok: false }>): Reason => {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  return { code: reason, message: `${flight.tool.name}: ${message}; nothing was done, try again in ${seconds} s` };
};

/**
 * The stage `limit`: breaker, rate window, bulkhead. A full window or bulkhead is waited for up to a bound, an open
 * breaker is not.
 */
export const takeTurn = async (flight: Flight): Promise<Turn> => {
  const end = Date.now() + LIMIT_WAIT_MS;
  for (let hasWaited = false; ; hasWaited = true) {
    const admitted = await ask(flight);
    if (admitted.ok) return { ...admitted, hasWaited };
    const isWorthWaiting = admitted.reason !== 'breaker_open' && Date.now() + admitted.retryAfterMs <= end;
    if (!isWorthWaiting) return { ok: false, reason: refusal(flight, admitted) };
    await delay(Math.max(20, admitted.retryAfterMs), undefined, { signal: flight.run.signal });
  }
};

/** Gives a turn back and tells how it went. Never throws: what a call came to does not hang on it, and places end by themselves. */
export const endTurn = async (flight: Flight, ticket: Ticket, report: Report): Promise<void> => {
  try {
    await flight.parts.store.limits.report(subjectOf(flight), ticket, report);
  } catch (error) {
    flight.parts.log.warn('how a call went could not be recorded', { tool: flight.tool.name, error: String(error) });
  }
};
