import { ApplicationFailure } from '@temporalio/common';
import type { Compensated, CompensateRequest } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import type { Json } from '../domain/json.ts';
import type { CompensationContext, Tool } from '../tools/tool.ts';
import { again } from './attempt.ts';
import { callEntry } from './audit.ts';
import { classify, retryDelayMs } from './classify.ts';
import { timedSignal } from './clocked-signal.ts';
import { type Flight, type GatewayParts, toolContext } from './flight.ts';
import { holdLease } from './lease.ts';
import { busy, reconcile } from './ledger.ts';
import { patiently } from './patience.ts';
import { type LedgerRow, type LedgerSettlement, taskRef } from './ports.ts';
import { against } from './run.ts';
import { isCutOutput, toLedgerJson } from './sanitize.ts';
import { cleanMessage } from './sanitize-result.ts';
import type { HeldAttempt } from './settle.ts';

/** Attempts of one compensation before a person is asked. */
const MAX_ATTEMPTS = 5;

type Undo = Flight & { readonly effect: LedgerRow };

const undoKey = (key: string): string => `${key}/undo`;

/** INVARIANT E7: an effect is undone when what became of it is settled. */
const settleEffect = async (flight: Flight): Promise<LedgerRow | undefined> => {
  const { ledger } = flight.parts.store;
  const row = await ledger.find(flight.key, flight.argsDigest);
  if (row === undefined) return undefined;
  if (row.state === 'unknown' && flight.tool.reconcile !== undefined) return reconcile(flight, row, row.error ?? '');
  if (row.state !== 'started') return row;
  if (row.leaseLeftMs > 0) throw busy(row);
  if (!flight.tool.idempotent) return reconcile(flight, row, 'The worker was lost while the tool ran.');
  // Only another attempt with the same key tells what an idempotent tool did.
  await again(flight, row);
  return ledger.find(flight.key, flight.argsDigest);
};

/** Takes the row of the undo. @returns the held attempt, or what came of it before */
const takeUndo = async (undo: Undo): Promise<HeldAttempt | Compensated> => {
  const { parts, context, call, tool, argsDigest, effect } = undo;
  const key = undoKey(effect.key);
  const known = await parts.store.ledger.find(key, argsDigest);
  if (known === undefined) {
    const started = await parts.store.ledger.start({
      kind: 'undo',
      key,
      task: taskRef(context),
      callId: call.id,
      tool: tool.name,
      agent: context.agent,
      // The rights recorded with the effect.
      principal: effect.principal,
      argsDigest,
      leaseMs: parts.leaseMs,
      audit: callEntry(undo, 'compensation', { status: 'started', attempt: 1, key }),
    });
    if (started.kind === 'started') return started;
    throw started.kind === 'exists' ? busy(started.row) : busy(effect);
  }
  if (known.state === 'succeeded') return { status: 'compensated' };
  // One that failed for good is tried again when somebody asks for it again.
  if (known.state === 'started' && known.leaseLeftMs > 0) throw busy(known);
  const audit = callEntry(undo, 'compensation', { status: 'started', attempt: known.attempts + 1, key });
  const held = await parts.store.ledger.restart(known, parts.leaseMs, audit);
  if (held === undefined) throw busy(known);
  return held;
};

/** Settles the row of an undo and tells the audit trail, in one transaction. */
const settleUndo = async (
  undo: Undo,
  held: HeldAttempt,
  { settlement, ...outcome }: Pick<Compensated, 'status' | 'message'> & { readonly settlement: LedgerSettlement },
): Promise<Compensated> => {
  const { parts, context, effect } = undo;
  const attempt = { key: undoKey(effect.key), token: held.token };
  const entry = callEntry(undo, 'compensation', { ...outcome, key: attempt.key });
  const audit = { task: taskRef(context), entry };
  const settled = await patiently(undo.run.signal, () => parts.store.ledger.settle(attempt, settlement, audit));
  // INVARIANT E4: a slow attempt cannot settle what was judged without it.
  if (!settled.isSettled) throw busy(effect);
  return { ...outcome, anchor: settled.anchor };
};

/** A failed attempt: tried again with a pause while attempts are left; after that a person is asked. */
const onError = async (undo: Undo, held: HeldAttempt, error: unknown): Promise<Compensated> => {
  const { ledger } = undo.parts.store;
  const key = undoKey(undo.effect.key);
  if (undo.run.signal.aborted) {
    await ledger.renew(key, held.token, 0);
    throw undo.run.signal.reason;
  }
  const classified = classify({ effect: 'write', idempotent: true }, error, { isAborted: false });
  const message = cleanMessage(undo, classified.message);
  if (classified.kind !== 'permanent' && held.attempts < MAX_ATTEMPTS) {
    await ledger.renew(key, held.token, 0);
    const delay = classified.retryAfterMs === undefined ? {} : { retryAfterMs: classified.retryAfterMs };
    throw ApplicationFailure.create({
      type: 'Tool.Failed',
      message: `undoing ${undo.tool.name}: ${message}`,
      nextRetryDelay: retryDelayMs(held.attempts, delay),
    });
  }
  return settleUndo(undo, held, { status: 'failed', message, settlement: { state: 'failed', error: message } });
};

const runUndo = async (undo: Undo, held: HeldAttempt): Promise<Compensated> => {
  const { tool, effect, parts } = undo;
  const key = undoKey(effect.key);
  const lease = holdLease({ ...undo, key }, held.token);
  const signal = timedSignal(lease.signal, tool.timeoutMs);
  try {
    const valid = await tool.input.parse(undo.call.args);
    if (!valid.ok)
      return await onError(undo, held, new Error(`its arguments are not valid any more: ${valid.problems}`));
    const context: CompensationContext = {
      ...toolContext(undo, { attempt: held.attempts, signal }),
      idempotencyKey: key,
      principal: effect.principal,
      effectKey: effect.key,
      snapshot: effect.snapshot ?? undefined,
    };
    const returned = await against(signal, () => tool.compensate?.(valid.value, effect.output, context));
    const output: Json = toLedgerJson(returned, parts.secrets);
    return await settleUndo(undo, held, { status: 'compensated', settlement: { state: 'succeeded', output } });
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    return onError(undo, held, error);
  } finally {
    lease.end();
  }
};

/** Attempts of which another worker may be one that has the tool. */
const PATIENT_ATTEMPTS = 20;

/** A tool that this worker does not have: waited for, then put before a person. */
const withoutTool = ({ call, run }: CompensateRequest): Compensated => {
  const message = `the tool ${call.tool} is not there any more`;
  if (run.attempt >= PATIENT_ATTEMPTS) return { status: 'failed', message };
  throw ApplicationFailure.create({ type: 'Effect.Busy', message, nextRetryDelay: 3_000 });
};

const shared = (others: readonly string[]): string => `${others.slice(0, 5).join(', ')} rely on it`;

/** What there is to say where nothing can be undone; undefined: it can. */
const withoutUndoing = (flight: Flight, effect: LedgerRow | undefined): Compensated | undefined => {
  if (effect === undefined || effect.state === 'failed') return { status: 'nothing' };
  if (effect.isUndone) return { status: 'compensated' };
  if (effect.state !== 'succeeded') return { status: 'unknown', message: cleanMessage(flight, effect.error ?? '') };
  if (flight.tool.compensate === undefined) return { status: 'none' };
  const isCut = isCutOutput(effect.output);
  return isCut ? { status: 'failed', message: 'what it returned was too large to be kept for undoing it' } : undefined;
};

/**
 * Undoes one effect. INVARIANT E7: it begins when the effect is settled, is exempt from limits, policies and rights of
 * now, and runs under the principal recorded with the effect. Called again it goes on where it was.
 * @throws ApplicationFailure `Effect.Busy`, `Tool.Failed`, `Store.Unavailable`, all retryable
 */
export const compensateEffect = async (
  parts: GatewayParts,
  tool: Tool | undefined,
  request: CompensateRequest,
): Promise<Compensated> => {
  const { call, context, key, isForced, run } = request;
  if (tool === undefined) return withoutTool(request);
  const flight: Flight = { parts, tool, call, context, run, key, argsDigest: digestJson(call.args) };
  const effect = await settleEffect(flight);
  const ended = withoutUndoing(flight, effect);
  if (effect === undefined || ended !== undefined) return ended ?? { status: 'nothing' };
  const others = await parts.store.ledger.reliedOnBy(effect.key);
  if (others.length > 0 && isForced !== true) {
    return { status: 'shared', message: shared(others) };
  }
  const undo: Undo = { ...flight, effect };
  const taken = await takeUndo(undo);
  if (!('token' in taken)) return taken;
  // Asked again now that nobody can come to rely on it any more.
  const late = isForced === true ? [] : await parts.store.ledger.reliedOnBy(effect.key);
  if (late.length === 0) return runUndo(undo, taken);
  const message = shared(late);
  return settleUndo(undo, taken, { status: 'shared', message, settlement: { state: 'failed', error: message } });
};
