import { z } from 'zod';

/** The `decision` that every tool call must carry (DESIGN §6). */
export const DecisionSchema = z.object({
  rationale: z.string().trim().min(1).describe('Why this call, now'),
  alternatives: z
    .array(z.object({ action: z.string(), rejectedBecause: z.string() }))
    .describe('What else was considered, and why not; may be empty'),
  confidence: z.number().min(0).max(1).describe('How sure you are that this call is right'),
  basis: z.array(z.string()).describe('Ids of the items this rests on, such as goal or s1.c1'),
});
