import { z } from 'zod';

/** Where a history and today's workflow code part. */
const ReplayDifferenceSchema = z.object({
  runId: z.string(),
  eventId: z.int().nullable().describe('Null where no event could be found out'),
  eventType: z.string().nullable(),
  message: z.string().describe('What the code did instead'),
});

/** What `holdfast replay TASK --json` prints. */
export const ReplaySchema = z.object({
  ok: z.boolean(),
  taskId: z.string(),
  runs: z.array(z.object({ runId: z.string(), events: z.int(), steps: z.int(), ms: z.number() })),
  difference: ReplayDifferenceSchema.nullable(),
});
