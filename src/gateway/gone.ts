import { ApplicationFailure } from '@temporalio/common';
import type { Ran, RunRequest } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import type { ResultItem } from '../domain/transcript.ts';
import type { GatewayParts } from './flight.ts';
import { resultOf } from './flight.ts';
import type { LedgerRow } from './ports.ts';
import { cleanText, toLedgerJson } from './sanitize.ts';

/** Attempts of which another worker, or this one when the tool's server is up again, may be one that has the tool. */
const PATIENT_ATTEMPTS = 20;
const AGAIN_MS = 3_000;

const wait = (tool: string, nextRetryDelay: number): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'Effect.Busy',
    message: `${tool} began an effect, and this worker does not have the tool; another attempt may`,
    nextRetryDelay,
  });

const outcomeOf = (parts: GatewayParts, row: LedgerRow): Pick<ResultItem, 'status' | 'output'> =>
  row.state === 'succeeded'
    ? { status: 'succeeded', output: toLedgerJson(row.output, parts.secrets) }
    : { status: row.state === 'failed' ? 'failed' : 'unknown', output: cleanText(row.error ?? '', parts.secrets) };

/**
 * A call whose tool this worker does not have: an older version, or a server that is down. INVARIANT E1: the ledger is
 * looked up all the same; an effect that began is not taken for one that did not run.
 * @throws ApplicationFailure `Effect.Busy` (retryable) while somebody may still have the tool
 */
export const runGone = async (parts: GatewayParts, { call, context, run }: RunRequest): Promise<Ran> => {
  const name = { call, tool: { name: call.tool } };
  const key = idempotencyKey(context, call.id, call.args);
  const row = await parts.store.ledger.find(key, digestJson(call.args));
  if (row === undefined) {
    const output = `the tool ${call.tool} is not there any more`;
    return { result: resultOf(name, { status: 'rejected', output, trust: 'trusted' }) };
  }
  if (row.state === 'started') {
    if (row.leaseLeftMs > 0) throw wait(call.tool, row.leaseLeftMs + 100);
    if (run.attempt < PATIENT_ATTEMPTS) throw wait(call.tool, AGAIN_MS);
    await parts.store.ledger.resolve(key, { state: 'unknown', error: `${call.tool} is not there any more` });
  }
  const settled = row.state === 'started' ? ((await parts.store.ledger.find(key, row.argsDigest)) ?? row) : row;
  return { result: resultOf(name, { ...outcomeOf(parts, settled), trust: 'untrusted', attempts: row.attempts }) };
};
