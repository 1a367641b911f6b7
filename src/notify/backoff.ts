const FIRST_MS = 5_000;
const LONGEST_MS = 3_600_000;

/** After so long a message is given up. */
export const GIVE_UP_MS = 3 * 24 * 3_600_000;

/**
 * How long to wait after an attempt that failed, milliseconds: doubles from 5 s to an hour; up to half of it is left to chance,
 * so that what failed together does not come back together.
 * @param attempts that were made before
 */
export const backoffMs = (attempts: number, random: () => number = Math.random): number => {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 20));
  return Math.round(full * (0.5 + random() / 2));
};
