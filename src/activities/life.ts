import type { Context } from '@temporalio/activity';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';

/** Signs of life of a running activity. */
export type Life<Details> = {
  /** Keeps details for the attempt after a crash; every later sign of life repeats them. */
  readonly keep: (details: Details) => void;
  /** Ends the signs of life; after a failure what was kept leaves first, so that the retry has it. */
  readonly end: (how: 'done' | 'failed') => void;
};

/**
 * Details leave this much later than they are kept: an activity that ends before that needs no heartbeat, which costs the
 * server as much as a sixth of a step. What a crash within that time loses is at most one answer.
 */
const SEND_AFTER_MS = 200;

/**
 * Sends heartbeats while an activity works, so that a dead worker is noticed and a cancellation arrives.
 * INVARIANT H2: every heartbeat repeats the last details, or the server would forget them.
 * INVARIANT H1: details over the bound are not sent; the attempt after a crash then does that work again.
 */
const startLife = <Details>(context: Context, earlier?: Details): Life<Details> => {
  let details = earlier;
  let sending: NodeJS.Timeout | undefined;
  const timeoutMs = context.info.heartbeatTimeoutMs;
  let isOver = false;
  const beat = () => context.heartbeat(details);
  const timer = timeoutMs === undefined ? undefined : setInterval(beat, Math.max(100, timeoutMs / 3));
  return {
    keep: (next) => {
      // A tool that ignored the end of its time may still tell how it gets on.
      if (isOver || jsonBytes(next) > SIZES.heartbeat) return;
      details = next;
      clearTimeout(sending);
      sending = setTimeout(beat, SEND_AFTER_MS);
    },
    end: (how) => {
      isOver = true;
      clearInterval(timer);
      clearTimeout(sending);
      if (how === 'failed' && details !== undefined) beat();
    },
  };
};

/** Runs work with signs of life around it. */
export const withLife = async <Details, Result>(
  context: Context,
  work: (life: Life<Details>) => Promise<Result>,
  earlier?: Details,
): Promise<Result> => {
  const life = startLife<Details>(context, earlier);
  try {
    const result = await work(life);
    life.end('done');
    return result;
  } catch (error) {
    life.end('failed');
    throw error;
  }
};
