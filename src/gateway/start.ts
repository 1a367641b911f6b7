import { ApplicationFailure } from '@temporalio/common';
import type { GrantedApproval, Ran } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Json } from '../domain/json.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import { callEntry } from './audit.ts';
import { type Authorized, semanticKeyOf } from './authorize.ts';
import { toolContext, type ValidFlight } from './flight.ts';
import { recordedResult } from './ledger.ts';
import { type LedgerRow, taskRef } from './ports.ts';
import { against } from './run.ts';

/** What came of the stage `start`. */
export type Started =
  | { readonly kind: 'started'; readonly token: string; readonly attempts: number }
  /** Another call did this effect: its result is this call's. */
  | { readonly kind: 'replayed'; readonly ran: Ran }
  /** It has to be asked about, or asked about again. */
  | { readonly kind: 'ask'; readonly reason: Reason }
  /** The before-image could not be taken: without it the effect could not be undone. */
  | { readonly kind: 'refused'; readonly reason: Reason };

/** How long to wait for an effect of somebody else that is under way or unknown, at least. */
const OTHERS_MS = 2_000;

const takeSnapshot = async (flight: ValidFlight): Promise<{ snapshot?: Json } | { reason: Reason }> => {
  const { tool, input, run } = flight;
  if (tool.snapshot === undefined) return {};
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(tool.timeoutMs)]);
  try {
    const taken = await against(signal, () => tool.snapshot?.(input, toolContext(flight, { attempt: 1, signal })));
    return { snapshot: taken ?? null };
  } catch (error) {
    const message = `the state before it could not be kept, so it was not run: ${String(error).slice(0, 300)}`;
    return { reason: { code: 'snapshot_failed', message } };
  }
};

/** INVARIANT E6: another call holds the semantic key. */
const onTaken = async (flight: ValidFlight, row: LedgerRow): Promise<Started> => {
  const { parts, context, call, tool } = flight;
  const of = `${row.task.taskId} ${row.callId}`;
  if (row.state === 'started' || row.state === 'unknown') {
    throw ApplicationFailure.create({
      type: 'Effect.Busy',
      message: `${row.semanticKey} is ${row.state} in ${of}; it is waited for`,
      nextRetryDelay: Math.max(OTHERS_MS, row.leaseLeftMs),
    });
  }
  if (row.argsDigest !== flight.argsDigest) {
    const message = `${row.semanticKey} was done before with other arguments (${of})`;
    return { kind: 'ask', reason: { code: 'effect_key_conflict', message } };
  }
  await parts.store.ledger.relyOn(row.key, { ...taskRef(context), callId: call.id });
  parts.log.info('an effect was answered from the ledger', { tool: tool.name, callId: call.id, from: row.key });
  return { kind: 'replayed', ran: await recordedResult(flight, row, 'replayed') };
};

/** What a person who approved a conflict of semantic keys allowed: to do it beside the other one. */
const keyFor = ({ tool, input }: ValidFlight, verdict: Verdict): string | undefined =>
  verdict.reasons.some(({ code }) => code === 'effect_key_conflict') ? undefined : semanticKeyOf(tool, input);

/**
 * The stage `start`. INVARIANT E2: one transaction writes `started`, consumes the approval and appends to the audit trail;
 * only after it may the tool run.
 * @throws ApplicationFailure `Effect.Busy`, `Policy.Behind`, `Store.Unavailable`, all retryable
 */
export const start = async (
  flight: ValidFlight,
  { verdict, policyEpoch }: Authorized,
  approval: GrantedApproval | undefined,
): Promise<Started> => {
  const { parts, tool, context, call, key, argsDigest } = flight;
  const before = await takeSnapshot(flight);
  if ('reason' in before) return { kind: 'refused', reason: before.reason };
  const started = await parts.store.ledger.start({
    kind: 'effect',
    key,
    task: taskRef(context),
    callId: call.id,
    tool: tool.name,
    agent: context.agent,
    principal: context.principal,
    argsDigest,
    semanticKey: keyFor(flight, verdict),
    leaseMs: parts.leaseMs,
    approval: approval?.id,
    policyEpoch,
    snapshot: before.snapshot,
    audit: callEntry(flight, 'attempt', {
      attempt: 1,
      key,
      verdict: verdict.outcome,
      policies: parts.policy.digest(),
      approval: approval?.id,
      by: approval?.by,
    }),
  });
  switch (started.kind) {
    case 'started':
      return started;
    case 'taken':
      return onTaken(flight, started.row);
    case 'approval_used':
      return { kind: 'ask', reason: { code: 'approval_used', message: 'that approval was used already' } };
    case 'policy_behind':
      throw ApplicationFailure.create({
        type: 'Policy.Behind',
        message: `policy set ${started.epoch} is in force, and this worker has an older one`,
      });
    case 'exists':
      // Another attempt began between look-up and start; the next one finds it in the ledger.
      throw ApplicationFailure.create({
        type: 'Effect.Busy',
        message: `another attempt of ${call.id} began at the same time`,
        nextRetryDelay: Math.max(200, started.row.leaseLeftMs),
      });
    default:
      return assertNever(started);
  }
};
