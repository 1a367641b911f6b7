import { setTimeout as delay } from 'node:timers/promises';
import type { Ran } from '../activities/ports.ts';
import { callEntry } from './audit.ts';
import type { Flight, ValidFlight } from './flight.ts';
import { holdLease, type Lease } from './lease.ts';
import { busy, reconcile, recordedResult } from './ledger.ts';
import { endTurn } from './limit.ts';
import type { LedgerRow, Ticket } from './ports.ts';
import { type Attempt, runTool } from './run.ts';
import { type HeldAttempt, settle } from './settle.ts';
import { validateArgs } from './validate.ts';

/** How much longer than its time-out a tool that cannot be stopped is waited for. */
const HELD_GRACE_MS = 5_000;

/** An attempt that holds its row in the ledger, and its place in the limits. */
type Begun = HeldAttempt & { readonly ticket: Ticket };

/**
 * The stages `run`, `settle`, `sanitize` and `audit` of an attempt that was started.
 * @throws the signal's reason where an idempotent tool was cut off by a shutdown or a cancellation: the next attempt goes on
 */
export const carryOut = async (flight: ValidFlight, begun: Begun): Promise<Ran> => {
  const { parts, tool, run, key } = flight;
  const lease = holdLease(flight, begun.token);
  const attempt = await runTool(flight, begun.attempts, lease.signal);
  // Until it is settled nobody else may judge the row, also while the store is away.
  const release = (): void => void letGo(flight, { lease, begun, attempt });
  try {
    await endTurn(flight, begun.ticket, attempt.report);
    const isOpen = attempt.status === 'retry' || attempt.status === 'unknown';
    if (run.signal.aborted && tool.idempotent && isOpen) {
      await parts.store.ledger.renew(key, begun.token, 0);
      throw run.signal.reason;
    }
    return await settle(flight, begun, attempt);
  } finally {
    release();
  }
};

/**
 * Ends the lease. A tool that ignores its signal cannot be stopped: so that the next attempt does not run beside it, the
 * lease is held until it has stopped, for as long as its time-out once more.
 */
const letGo = async (
  { tool, parts, key }: Flight,
  { lease, begun, attempt }: { readonly lease: Lease; readonly begun: Begun; readonly attempt: Attempt },
): Promise<void> => {
  if (attempt.status !== 'retry' || attempt.stopped === undefined) return lease.end();
  await Promise.race([attempt.stopped, delay(tool.timeoutMs + HELD_GRACE_MS, undefined, { ref: false })]);
  lease.end();
  // Where this fails the lease ends by itself.
  await parts.store.ledger.renew(key, begun.token, 0).catch(() => false);
};

/**
 * Another attempt of an idempotent tool, with the same key, after the last one gave no word. Exempt from rights and limits
 * (INVARIANT E1): it may have happened, and this is how that becomes known.
 */
export const again = async (flight: Flight, row: LedgerRow): Promise<Ran> => {
  const valid = await validateArgs(flight.tool, flight.call.args);
  if (!valid.ok) {
    const settled = await reconcile(flight, row, `its arguments are not valid any more: ${valid.reason.message}`);
    return recordedResult(flight, settled, settled.state === 'started' ? 'unknown' : settled.state);
  }
  const audit = callEntry(flight, 'attempt', { attempt: row.attempts + 1, key: row.key, again: true });
  const held = await flight.parts.store.ledger.restart(row, flight.parts.leaseMs, audit);
  if (held === undefined) throw busy(row);
  return carryOut(
    { ...flight, args: valid.args, input: valid.input },
    { ...held, ticket: { holder: row.key, isProbe: false } },
  );
};
