import { ApplicationFailure } from '@temporalio/common';
import type { Ran } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import { callEntry } from './audit.ts';
import { type Flight, resultOf } from './flight.ts';
import { reconcile, recordedResult } from './ledger.ts';
import { patiently } from './patience.ts';
import { type AuditAnchor, type LedgerSettlement, taskRef } from './ports.ts';
import type { Attempt } from './run.ts';
import { toLedgerJson, toUndoJson } from './sanitize.ts';
import { cleanMessage, sanitizeFor, trustOf } from './sanitize-result.ts';

/** An attempt that holds the row of its effect. */
export type HeldAttempt = { readonly token: string; readonly attempts: number };

/** What the next attempt has to know of those before it; the activity carries it over. */
export type RetryDetails = { readonly cleanAttempts: number };

const overtaken = (flight: Flight): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'Effect.Busy',
    message: `the attempt of ${flight.call.id} was taken over; what it did counts for nothing here`,
    nextRetryDelay: 200,
  });

/** Settles the row and tells the audit trail how the attempt ended, in one transaction. */
const settleRow = async (
  flight: Flight,
  { token, attempts }: HeldAttempt,
  settlement: LedgerSettlement,
): Promise<AuditAnchor | undefined> => {
  const { parts, context, key } = flight;
  const entry = callEntry(flight, 'outcome', { status: settlement.state, attempt: attempts, key });
  const audit = { task: taskRef(context), entry };
  // A result in hand is not dropped because the store is away for a moment: the lease is held meanwhile.
  const settled = () => parts.store.ledger.settle({ key, token }, settlement, audit);
  const { isSettled, anchor } = await patiently(flight.run.signal, settled);
  // INVARIANT E4: the tokens are compared; a slow attempt cannot settle what was judged without it.
  if (!isSettled) throw overtaken(flight);
  return anchor;
};

const retryLater = async (flight: Flight, held: HeldAttempt, attempt: Extract<Attempt, { status: 'retry' }>) => {
  const { tool, parts, key } = flight;
  // Lets the next attempt begin at once, where this one's tool has stopped.
  if (attempt.stopped === undefined) await parts.store.ledger.renew(key, held.token, 0);
  const isClean = attempt.otherwise === 'failed' && isCleanBefore(flight, held);
  return ApplicationFailure.create({
    type: 'Tool.Failed',
    message: `${tool.name}: ${cleanMessage(flight, attempt.message)}`,
    nextRetryDelay: attempt.delayMs,
    details: [{ cleanAttempts: isClean ? held.attempts : 0 } satisfies RetryDetails],
  });
};

/** INVARIANT E3: an unknown effect is reconciled where the tool can, and otherwise stays unknown: a person is asked. */
const settleUnknown = async (flight: Flight, held: HeldAttempt, message: string): Promise<Ran> => {
  const anchor = await settleRow(flight, held, { state: 'unknown', error: message });
  if (flight.tool.reconcile === undefined) {
    const fields = { status: 'unknown', output: message, trust: 'untrusted', attempts: held.attempts } as const;
    return { result: resultOf(flight, fields), anchor };
  }
  const row = await flight.parts.store.ledger.find(flight.key, flight.argsDigest);
  if (row === undefined) throw overtaken(flight);
  const found = await reconcile(flight, row, message);
  return recordedResult(flight, found, found.state === 'started' ? 'unknown' : found.state);
};

/** Tells whether it is proven of all attempts before this one that nothing happened. */
const isCleanBefore = ({ run }: Flight, { attempts }: HeldAttempt): boolean =>
  attempts === 1 || run.cleanAttempts === attempts - 1;

/** INVARIANT E3: where an earlier attempt may have happened, a refusal of this one proves nothing about it. */
const rememberEarlier = (flight: Flight, held: HeldAttempt, attempt: Attempt): Attempt =>
  attempt.status === 'failed' && !isCleanBefore(flight, held)
    ? { ...attempt, status: 'unknown', message: `${attempt.message} (an earlier attempt may have happened)` }
    : attempt;

/** Whether another attempt is left in the tool's budget over all workers; else the retry becomes what it would have been at last. */
const spendRetry = async (flight: Flight, attempt: Attempt): Promise<Attempt> => {
  if (attempt.status !== 'retry' || (await flight.parts.store.limits.takeRetry(flight.tool.name))) return attempt;
  const { message, report, otherwise } = attempt;
  return { status: otherwise, message: `${message} (no retry is left in the tool's budget)`, report };
};

/**
 * The stages `settle`, `sanitize` and `audit` of an effect.
 * @throws ApplicationFailure `Tool.Failed` (retryable, with a delay) while another attempt may cure it
 */
export const settle = async (flight: Flight, held: HeldAttempt, outcome: Attempt): Promise<Ran> => {
  const attempt = rememberEarlier(flight, held, await spendRetry(flight, outcome));
  const attempts = held.attempts;
  switch (attempt.status) {
    case 'retry':
      throw await retryLater(flight, held, attempt);
    case 'unknown':
      return settleUnknown(flight, held, cleanMessage(flight, attempt.message));
    case 'failed': {
      const output = cleanMessage(flight, attempt.message);
      const anchor = await settleRow(flight, held, { state: 'failed', error: output });
      return { result: resultOf(flight, { status: 'failed', output, trust: 'untrusted', attempts }), anchor };
    }
    case 'succeeded': {
      const { value, problem, costUsd } = attempt;
      const keep = flight.tool.compensate === undefined ? toLedgerJson : toUndoJson;
      const kept = keep(value, flight.parts.secrets);
      const anchor = await settleRow(flight, held, { state: 'succeeded', output: kept });
      const { output } = await sanitizeFor(flight, problem ?? value);
      const trust = problem === undefined ? trustOf(flight) : 'untrusted';
      const result = resultOf(flight, { status: 'succeeded', output, trust, attempts });
      return { result, anchor, ...(costUsd > 0 ? { costUsd } : {}) };
    }
    default:
      return assertNever(attempt);
  }
};
