import { z } from 'zod';
import { DURATION_PATTERN, durationMs, MAX_DURATION_MS } from '../duration.ts';

export { type DurationText, durationMs, parseDuration } from '../duration.ts';

/** Schema of a duration; at least 1 ms and at most 365 days. */
export const Duration = z
  .string()
  .regex(DURATION_PATTERN, 'expected a duration such as 500ms, 30s, 5m, 2h or 7d')
  .refine((text) => !DURATION_PATTERN.test(text) || (durationMs(text) >= 1 && durationMs(text) <= MAX_DURATION_MS), {
    message: 'expected a duration between 1ms and 365d',
  });
