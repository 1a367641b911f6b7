import { ApplicationFailure } from '@temporalio/common';
import type { Ran } from '../activities/ports.ts';
import type { Reconciled, Tool } from '../tools/tool.ts';
import { callEntry } from './audit.ts';
import { type Flight, resultOf, toolContext } from './flight.ts';
import { type LedgerRow, type LedgerSettlement, taskRef } from './ports.ts';
import { against } from './run.ts';
import { toLedgerJson } from './sanitize.ts';
import { cleanMessage, sanitizeFor, trustOf } from './sanitize-result.ts';
import { validateArgs } from './validate.ts';

/** What the ledger says about a call: it is settled, or its last attempt ended without a word and may be made again. */
export type Known =
  | { readonly kind: 'new' }
  | { readonly kind: 'settled'; readonly ran: Ran }
  | { readonly kind: 'again'; readonly row: LedgerRow };

/** INVARIANT E4: a started row is not touched before its lease has ended. */
export const busy = (row: LedgerRow): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'Effect.Busy',
    message: `an earlier attempt of ${row.tool} (${row.callId}) may still run; it is waited for`,
    nextRetryDelay: Math.max(200, row.leaseLeftMs + 100),
  });

/** Takes whatever `reconcile` answers; a hook that throws, or ignores that its time is up, knows nothing. */
const askReconcile = async (flight: Flight, row: LedgerRow): Promise<Reconciled> => {
  const { tool, call, run } = flight;
  if (tool.reconcile === undefined) return { status: 'unknown' };
  const valid = await validateArgs(tool, call.args);
  if (!valid.ok) return { status: 'unknown' };
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(tool.timeoutMs)]);
  try {
    const context = toolContext(flight, { attempt: row.attempts, signal });
    return (await against(signal, () => tool.reconcile?.(valid.input, context))) ?? { status: 'unknown' };
  } catch (error) {
    return { status: 'unknown', reason: `reconcile failed: ${String(error).slice(0, 300)}` };
  }
};

/** A hook may answer anything: what is neither yes nor no is unknown. */
const toSettlement = (flight: Flight, found: Reconciled, unknownBecause: string): LedgerSettlement => {
  if (found.status === 'succeeded')
    return { state: 'succeeded', output: toLedgerJson(found.output, flight.parts.secrets) };
  const because = found.status === 'failed' ? 'it did not happen' : unknownBecause;
  const given: unknown = found.reason;
  // A hook's words go to the ledger and the audit trail, too.
  const error = cleanMessage(flight, typeof given === 'string' ? given : because);
  return { state: found.status === 'failed' ? 'failed' : 'unknown', error };
};

/**
 * Finds out what became of an effect whose attempt gave no word, and settles its row. INVARIANT E3: where nobody can tell,
 * it is `unknown`. @returns the row as it stands then
 */
export const reconcile = async (flight: Flight, row: LedgerRow, why: string): Promise<LedgerRow> => {
  const { ledger, audit } = flight.parts.store;
  const found = await askReconcile(flight, row);
  const settlement = toSettlement(flight, found, why);
  await ledger.resolve(row.key, settlement);
  await audit.append(taskRef(flight.context), [
    callEntry(flight, 'resolution', { by: 'reconcile', status: settlement.state, reason: settlement.error }),
  ]);
  return (await ledger.find(row.key, row.argsDigest)) ?? row;
};

/** The result of a call that was settled before, made from what the ledger kept. */
export const recordedResult = async (
  flight: Flight,
  row: LedgerRow,
  status: 'succeeded' | 'failed' | 'unknown' | 'replayed',
): Promise<Ran> => {
  const isDone = status === 'succeeded' || status === 'replayed';
  const output = isDone
    ? (await sanitizeFor(flight, row.output)).output
    : cleanMessage(flight, row.error ?? 'no reason was recorded');
  const anchor = await flight.parts.store.audit.append(taskRef(flight.context), [
    callEntry(flight, 'outcome', { status, recorded: true, from: row.key }),
  ]);
  const trust = isDone ? trustOf(flight) : 'untrusted';
  return { result: resultOf(flight, { status, output, trust, attempts: row.attempts }), anchor };
};

/**
 * The result of a call whose effect was taken back since: a reset in the UI goes over the same call again, and would take
 * for done what is not there any more. The key is used up; another step has another one.
 */
const undoneResult = async (flight: Flight, row: LedgerRow): Promise<Ran> => {
  const anchor = await flight.parts.store.audit.append(taskRef(flight.context), [
    callEntry(flight, 'outcome', { status: 'failed', recorded: true, undone: true, from: row.key }),
  ]);
  const output = 'This was done before and has been undone since, so it does not hold now. Nothing was done this time.';
  return { result: resultOf(flight, { status: 'failed', output, trust: 'trusted', attempts: row.attempts }), anchor };
};

const isRepeatable = (tool: Tool, row: LedgerRow): boolean => tool.idempotent && row.attempts < tool.maxAttempts;

/**
 * The first stage. INVARIANT E1: the ledger is looked up before anything else; a key that was started is only settled,
 * reconciled or (idempotent tools) tried again with the same key, whatever rights, limits or approvals say by now.
 * @throws ApplicationFailure `Effect.Busy` while an earlier attempt may still run
 */
export const lookUp = async (flight: Flight): Promise<Known> => {
  const row = await flight.parts.store.ledger.find(flight.key, flight.argsDigest);
  if (row === undefined) return { kind: 'new' };
  if (row.isUndone) return { kind: 'settled', ran: await undoneResult(flight, row) };
  if (row.state !== 'started') return { kind: 'settled', ran: await recordedResult(flight, row, row.state) };
  if (row.leaseLeftMs > 0) throw busy(row);
  if (isRepeatable(flight.tool, row)) return { kind: 'again', row };
  const settled = await reconcile(flight, row, 'The worker was lost while the tool ran.');
  if (settled.state === 'started') throw busy(settled);
  return { kind: 'settled', ran: await recordedResult(flight, settled, settled.state) };
};
