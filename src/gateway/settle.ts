import { ApplicationFailure } from '@temporalio/common';
import type { Ran } from '../activities/ports.ts';
import { callEntry } from './audit.ts';
import { type Flight, resultOf } from './flight.ts';
import { reconcile, recordedResult } from './ledger.ts';
import { type LedgerSettlement, taskRef } from './ports.ts';
import type { Attempt } from './run.ts';
import { toLedgerJson } from './sanitize.ts';
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

const settleRow = async (flight: Flight, { token }: HeldAttempt, settlement: LedgerSettlement): Promise<void> => {
  // INVARIANT E4: the tokens are compared; a slow attempt cannot settle what was judged without it.
  if (!(await flight.parts.store.ledger.settle(flight.key, token, settlement))) throw overtaken(flight);
};

const retryLater = async (flight: Flight, held: HeldAttempt, attempt: Extract<Attempt, { status: 'retry' }>) => {
  const { tool, parts, key } = flight;
  // Lets the next attempt begin at once: this one is over, and its tool has stopped.
  await parts.store.ledger.renew(key, held.token, 0);
  const isClean = attempt.otherwise === 'failed' && isCleanBefore(flight, held);
  return ApplicationFailure.create({
    type: 'Tool.Failed',
    message: `${tool.name}: ${attempt.message}`,
    nextRetryDelay: attempt.delayMs,
    details: [{ cleanAttempts: isClean ? held.attempts : 0 } satisfies RetryDetails],
  });
};

/** INVARIANT E3: an unknown effect is reconciled where the tool can, and otherwise stays unknown: a person is asked. */
const settleUnknown = async (flight: Flight, held: HeldAttempt, message: string): Promise<Ran> => {
  await settleRow(flight, held, { state: 'unknown', error: message });
  const row = await flight.parts.store.ledger.find(flight.key, flight.argsDigest);
  if (row === undefined) throw overtaken(flight);
  const found = flight.tool.reconcile === undefined ? row : await reconcile(flight, row, message);
  const status = found.state === 'started' ? 'unknown' : found.state;
  return recordedResult(flight, found, status);
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
  const { parts, context } = flight;
  const attempt = rememberEarlier(flight, held, await spendRetry(flight, outcome));
  if (attempt.status === 'retry') throw await retryLater(flight, held, attempt);
  if (attempt.status === 'unknown') return settleUnknown(flight, held, attempt.message);
  const isDone = attempt.status === 'succeeded';
  await settleRow(
    flight,
    held,
    isDone
      ? { state: 'succeeded', output: toLedgerJson(attempt.value, parts.secrets) }
      : { state: 'failed', error: attempt.message },
  );
  const sanitized = isDone
    ? (await sanitizeFor(flight, attempt.problem ?? attempt.value)).output
    : cleanMessage(flight, attempt.message);
  const anchor = await parts.store.audit.append(taskRef(context), [
    callEntry(flight, 'outcome', { status: attempt.status, attempt: held.attempts, key: flight.key }),
  ]);
  const result = resultOf(flight, {
    status: attempt.status,
    output: sanitized,
    trust: isDone && attempt.problem === undefined ? trustOf(flight) : 'untrusted',
    attempts: held.attempts,
  });
  return { result, anchor, ...(isDone && attempt.costUsd > 0 ? { costUsd: attempt.costUsd } : {}) };
};
