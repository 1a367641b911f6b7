/** Gets one line of progress for a human; no line break at its end. */
export type OnProgress = (line: string) => void;

const TICK_MS = 5_000;

/**
 * Says every five seconds how long something takes.
 * @param describe gets the seconds since the start
 * @returns ends it
 */
export const reportElapsed = (onProgress: OnProgress, describe: (seconds: number) => string): (() => void) => {
  const startedAt = Date.now();
  const timer = setInterval(() => onProgress(describe(Math.round((Date.now() - startedAt) / 1000))), TICK_MS);
  return () => clearInterval(timer);
};
