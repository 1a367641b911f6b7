import { z } from 'zod';

const count = z.int().min(0);

/** What `holdfast decisions --json` prints. */
export const CalibrationSchema = z.object({
  by: z.enum(['rule', 'tool']),
  since: z.iso.datetime().nullable().describe('Decided from then on; null: all that is kept'),
  stats: z.array(
    z.object({
      of: z.string().describe('Name of the rule or the tool; empty: about no tool'),
      asked: count.describe('Questions that ended'),
      approved: count,
      edited: count,
      denied: count,
      answered: count,
      expired: count,
      withdrawn: count.describe('The task ended, or asked something else in its place'),
      medianMs: z.number().nullable().describe('From the asking to the decision; null: nobody decided'),
    }),
  ),
});

const DecisionSchema = z.object({
  taskId: z.string(),
  epoch: z.string().describe('The life of the task'),
  id: z.string().describe('Of the question: s5.c1-7f3a'),
  kind: z.string().describe('approval, answer, review, effect or compensation'),
  callId: z.string(),
  tool: z.string(),
  agent: z.string(),
  rule: z.string().describe('Name of the approval rule'),
  policies: z.array(z.string()).describe('Ids of the policies by which it was asked'),
  codes: z.array(z.string()).describe('Of the reasons'),
  risk: z.string().nullable(),
  confidence: z.number().nullable().describe('The agent’s own, 0 to 1'),
  askedAt: z.iso.datetime(),
  decidedAt: z.iso.datetime(),
  outcome: z.enum(['approved', 'edited', 'denied', 'answered', 'expired', 'withdrawn']),
  by: z.string().nullable().describe('A claim unless verified'),
  verified: z.boolean().describe('A signature proves who it was'),
});

/** What `holdfast decisions --list --json` prints. */
export const DecisionListSchema = z.object({
  decisions: z.array(DecisionSchema).describe('Newest first'),
  next: z.string().nullable().describe('Give it to --next for the next page; null: that was all'),
});
