/** Times as the page says them; UTC, because a page is read by people of many places. */

/** The minute of an ISO time: `14:05 UTC on 2026-11-22`. */
export const minuteOf = (at: string): string => `${at.slice(11, 16)} UTC on ${at.slice(0, 10)}`;

/** The same, without the day where that was said just before. */
export const minuteBeside = (at: string, other: string | undefined): string =>
  other?.slice(0, 10) === at.slice(0, 10) ? `${at.slice(11, 16)} UTC` : minuteOf(at);

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as a duration that the platform takes: `30m`. */
export const durationText = (ms: number): string => {
  const [unit, size] = UNITS.find(([, each]) => ms >= each && ms % each === 0) ?? (['s', 1_000] as const);
  return `${Math.max(1, Math.round(ms / size))}${unit}`;
};
