import type { Context } from '@temporalio/activity';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';

/** Signs of life of a running activity. */
export type Life<Details> = {
  /** Sends details at once; every later sign of life repeats them. */
  readonly keep: (details: Details) => void;
  readonly end: () => void;
};

/**
 * Sends heartbeats while an activity works, so that a dead worker is noticed and a cancellation arrives.
 * INVARIANT H2: every heartbeat repeats the last details, or the server would forget them.
 * INVARIANT H1: details over the bound are not sent; the attempt after a crash then does that work again.
 */
export const startLife = <Details>(context: Context, earlier?: Details): Life<Details> => {
  let details = earlier;
  const timeoutMs = context.info.heartbeatTimeoutMs;
  const beat = () => context.heartbeat(details);
  const timer = timeoutMs === undefined ? undefined : setInterval(beat, Math.max(100, timeoutMs / 3));
  return {
    keep: (next) => {
      if (jsonBytes(next) > SIZES.heartbeat) return;
      details = next;
      beat();
    },
    end: () => clearInterval(timer),
  };
};
