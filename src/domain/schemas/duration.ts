import { z } from 'zod';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration as people write it: `500ms`, `30s`, `5m`, `2h`, `7d`. */
export type DurationText = `${number}${keyof typeof UNITS}`;

const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration. @throws RangeError on anything else */
export const durationMs = (duration: string): number => {
  const [, count, unit] = PATTERN.exec(duration) ?? [];
  if (count === undefined || unit === undefined) {
    throw new RangeError(`not a duration: ${JSON.stringify(duration)} (such as 500ms, 30s, 5m, 2h, 7d)`);
  }
  return Math.round(Number(count) * UNITS[unit as keyof typeof UNITS]);
};

/** Schema of a duration; at least 1 ms and at most 365 days. */
export const Duration = z
  .string()
  .regex(PATTERN, 'expected a duration such as 500ms, 30s, 5m, 2h or 7d')
  .refine((text) => !PATTERN.test(text) || (durationMs(text) >= 1 && durationMs(text) <= 365 * UNITS.d), {
    message: 'expected a duration between 1ms and 365d',
  });
