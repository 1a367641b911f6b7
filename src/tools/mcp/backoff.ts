const FIRST_MS = 500;
const MOST_MS = 30_000;

/** How long to wait after so many failures in a row, milliseconds: none after none, then doubling, with jitter. */
export const backoffMs = (failures: number, random = Math.random()): number =>
  failures === 0 ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1)) * (0.5 + random / 2);
