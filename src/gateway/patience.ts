import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';

const AWAY: ReadonlySet<string> = new Set(['Store.Unavailable', 'Policy.Behind']);
const FIRST_MS = 200;
const LONGEST_MS = 5_000;

/**
 * Waits out a control store that is away: what was done before it (reads, a paid answer) is not done again, and no call
 * passes unchecked. `work` must bear being repeated; `onWait` hears before every pause why.
 * @throws what `work` fails with otherwise; the signal's reason
 */
export const patiently = async <T>(
  signal: AbortSignal,
  work: () => Promise<T>,
  onWait: (why: Error) => void = () => undefined,
): Promise<T> => {
  for (let pauseMs = FIRST_MS; ; pauseMs = Math.min(LONGEST_MS, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApplicationFailure && AWAY.has(error.type ?? ''))) throw error;
      onWait(error);
      await delay(pauseMs, undefined, { signal });
    }
  }
};
