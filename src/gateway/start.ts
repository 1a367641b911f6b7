import { ApplicationFailure } from '@temporalio/common';
import type { GrantedApproval, Ran } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Digest } from '../domain/digest.ts';
import type { Json } from '../domain/json.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import { approvalDetail, callEntry } from './audit.ts';
import { type Authorized, semanticKeyOf } from './authorize.ts';
import { type BeforeImage, keepsBefore, takeBefore } from './before-image.ts';
import { approvalDigest, besideDigest } from './faces.ts';
import type { ValidFlight } from './flight.ts';
import { recordedResult } from './ledger.ts';
import { type LedgerRow, taskRef } from './ports.ts';

/** What came of the stage `start`. */
export type Started = { readonly kind: 'started'; readonly token: string; readonly attempts: number } | NotStarted;

/** Why a call did not begin. */
export type NotStarted =
  /** Another call did this effect: its result is this call's. */
  | { readonly kind: 'replayed'; readonly ran: Ran }
  /** It has to be asked about, or asked about again. */
  | { readonly kind: 'ask'; readonly reason: Reason; readonly digest?: Digest }
  /** The before-image could not be taken: without it the effect could not be undone. */
  | { readonly kind: 'refused'; readonly reason: Reason };

/** How long to wait for an effect of somebody else that is under way or unknown, at least. */
const OTHERS_MS = 2_000;

/** A call that may run now, and by what: `before` was compared with what was approved, `rule` names the approval rule of now. */
export type Cleared = Authorized & {
  readonly isBeside: boolean;
  readonly before?: BeforeImage | undefined;
  readonly rule?: string | undefined;
};

/** Why a call whose before-image cannot be kept is not run. */
export const notKept = (why: string): Reason => ({
  code: 'snapshot_failed',
  message: `the state before it could not be kept, so it was not run: ${why}`,
});

/** What is stored for the undo: the very before-image that was compared, where one was. */
const snapshotOf = async (flight: ValidFlight, { before }: Cleared): Promise<{ snapshot?: Json } | Reason> => {
  if (!keepsBefore(flight.tool)) return {};
  if (before !== undefined) return { snapshot: before.image };
  const taken = await takeBefore(flight);
  if (taken.kind === 'failed') return notKept(taken.why);
  return taken.kind === 'none' ? {} : { snapshot: taken.image };
};

/** Attempts, some ten seconds apart, after which a person is asked about an effect that nobody settles. */
const ATTEMPTS_BEFORE_ASKING = 12;
const UNSETTLED_MS = 10_000;

/** INVARIANT E6: another task waits while an effect is started or unknown; after a while a person is asked. */
const onUnsettled = (flight: ValidFlight, row: LedgerRow, before: BeforeImage | undefined): NotStarted => {
  const { tool, args, run } = flight;
  const of = `${row.task.taskId} ${row.callId}`;
  const isUnderWay = row.state === 'started' && row.leaseLeftMs > 0;
  if (isUnderWay || run.attempt <= ATTEMPTS_BEFORE_ASKING) {
    throw ApplicationFailure.create({
      type: 'Effect.Busy',
      message: `${row.semanticKey} is ${row.state} in ${of}; it is waited for (if that task has ended: holdfast compensate ${row.task.taskId})`,
      nextRetryDelay: isUnderWay ? Math.max(OTHERS_MS, row.leaseLeftMs) : UNSETTLED_MS,
    });
  }
  const message = `${row.semanticKey} has been ${row.state} in ${of} for long, and nobody settles it; approve to do this beside it`;
  const digest = besideDigest(approvalDigest(tool, args, before?.digest));
  return { kind: 'ask', reason: { code: 'effect_key_conflict', message }, digest };
};

/** What holds the semantic key of a call, if it must wait or be asked about. Only `start` decides in the end. */
export const heldByOther = async (
  flight: ValidFlight,
  { isBeside, before }: Pick<Cleared, 'isBeside' | 'before'>,
): Promise<NotStarted | undefined> => {
  const key = isBeside ? undefined : semanticKeyOf(flight.tool, flight.input);
  if (key === undefined) return undefined;
  const row = await flight.parts.store.ledger.findSemantic(flight.context.principal.tenant, key);
  return row?.state === 'started' || row?.state === 'unknown' ? onUnsettled(flight, row, before) : undefined;
};

/** INVARIANT E6: another call holds the semantic key. */
const onTaken = async (flight: ValidFlight, row: LedgerRow, before: BeforeImage | undefined): Promise<NotStarted> => {
  const { parts, context, call, tool } = flight;
  const of = `${row.task.taskId} ${row.callId}`;
  if (row.state === 'started' || row.state === 'unknown') return onUnsettled(flight, row, before);
  if (row.argsDigest !== flight.argsDigest) {
    const message = `${row.semanticKey} was done before with other arguments (${of})`;
    return { kind: 'ask', reason: { code: 'effect_key_conflict', message } };
  }
  await parts.store.ledger.relyOn(row.key, { ...taskRef(context), callId: call.id });
  parts.log.info('an effect was answered from the ledger', { tool: tool.name, callId: call.id, from: row.key });
  return { kind: 'replayed', ran: await recordedResult(flight, row, 'replayed') };
};

/** What a person who approved a conflict of semantic keys allowed: to do it beside the other one. */
const keyFor = ({ tool, input }: ValidFlight, verdict: Verdict, isBeside: boolean): string | undefined =>
  isBeside || verdict.reasons.some(({ code }) => code === 'effect_key_conflict')
    ? undefined
    : semanticKeyOf(tool, input);

/**
 * The stage `start`. INVARIANT E2: one transaction writes `started`, consumes the approval and appends to the audit trail;
 * only after it may the tool run.
 * @throws ApplicationFailure `Effect.Busy`, `Policy.Behind`, `Store.Unavailable`, all retryable
 */
export const start = async (
  flight: ValidFlight,
  cleared: Cleared,
  approval: GrantedApproval | undefined,
): Promise<Started> => {
  const { parts, tool, context, call, key, argsDigest } = flight;
  const { verdict, policyEpoch, isBeside, rule } = cleared;
  const kept = await snapshotOf(flight, cleared);
  if ('code' in kept) return { kind: 'refused', reason: kept };
  const started = await parts.store.ledger.start({
    kind: 'effect',
    key,
    task: taskRef(context),
    callId: call.id,
    tool: tool.name,
    agent: context.agent,
    principal: context.principal,
    argsDigest,
    semanticKey: keyFor(flight, verdict, isBeside),
    leaseMs: parts.leaseMs,
    approval: approval?.id,
    policyEpoch,
    snapshot: kept.snapshot,
    audit: callEntry(flight, 'attempt', {
      attempt: 1,
      key,
      verdict: verdict.outcome,
      policies: parts.policy.digest(),
      ...(approval === undefined ? {} : approvalDetail(approval, rule)),
    }),
  });
  switch (started.kind) {
    case 'started':
      return started;
    case 'taken':
      return onTaken(flight, started.row, cleared.before);
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
