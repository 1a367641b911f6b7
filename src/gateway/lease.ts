import { clockedSignal } from './clocked-signal.ts';
import type { Flight } from './flight.ts';

/** A held row of the ledger. */
export type Lease = {
  /** Aborts when the task is cancelled, or when the lease could not be prolonged: a runner stops at its end. */
  readonly signal: AbortSignal;
  readonly end: () => void;
};

/**
 * Prolongs an attempt's lease while its tool runs. INVARIANT E4: other workers judge the row only after the lease has
 * ended, so this one has to stop by then: also when the store cannot be reached, and when it was frozen meanwhile.
 */
export const holdLease = ({ parts, key, run }: Flight, token: string): Lease => {
  const lost = new AbortController();
  const { leaseMs, store, log } = parts;
  let endsAt = Date.now() + leaseMs;
  let isRenewing = false;
  const renew = async (): Promise<void> => {
    if (isRenewing) return;
    isRenewing = true;
    const asked = Date.now();
    try {
      if (await store.ledger.renew(key, token, leaseMs)) endsAt = asked + leaseMs;
      else lost.abort(new Error('the attempt was taken over'));
    } catch (error) {
      log.warn('a lease could not be prolonged', { key, error: String(error) });
    } finally {
      isRenewing = false;
    }
  };
  const look = (): void => {
    if (Date.now() >= endsAt) lost.abort(new Error('the lease of the attempt ended before it could be prolonged'));
  };
  const tick = (): void => {
    look();
    if (!lost.signal.aborted) void renew();
  };
  const timer = setInterval(tick, Math.max(50, leaseMs / 3));
  const signal = clockedSignal(AbortSignal.any([run.signal, lost.signal]), look);
  return { signal, end: () => clearInterval(timer) };
};
