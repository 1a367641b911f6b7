const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration as people write it: `500ms`, `30s`, `5m`, `2h`, `7d`. */
export type DurationText = `${number}${keyof typeof UNITS}`;

/** What a duration looks like. */
export const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** The longest duration, milliseconds: 365 days. */
export const MAX_DURATION_MS = 365 * UNITS.d;

/** Milliseconds of a duration; undefined for anything else. */
export const parseDuration = (text: string): number | undefined => {
  const [, count, unit] = DURATION_PATTERN.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  return Math.round(Number(count) * UNITS[unit as keyof typeof UNITS]);
};

/** Milliseconds of a duration. @throws RangeError on anything else */
export const durationMs = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === undefined) {
    throw new RangeError(`not a duration: ${JSON.stringify(text)} (such as 500ms, 30s, 5m, 2h, 7d)`);
  }
  return ms;
};
