import { z } from 'zod';
import { jsonBytes } from '../json.ts';
import { SIZES } from '../sizes.ts';

/** What happens at a limit: the task ends, a person is asked for more, or the task gives its agent's fallback. */
const OnLimit = z
  .enum(['fail', 'escalate', 'fallback'])
  .describe('At a limit: end (fail, the default), ask a person for a further share (escalate), or give the fallback');

const ReviewAt = z
  .number()
  .gt(0)
  .max(1)
  .describe(
    'Share of costUsd and tokens, where they are limited here or by the agent, at which a person is asked whether to go on; ' +
      '0.5 by default, 1: never before the limit',
  );

/** Calls with effects ask below this confidence. */
export const ConfidenceBelow = z
  .number()
  .min(0)
  .max(1)
  .describe(
    'Calls with effects ask a person when the agent is less sure than this; of task and agent, the higher counts',
  );

/** When a person is asked, as a task says it. */
export const TaskReviews = {
  reviewAt: ReviewAt.optional(),
  onLimit: OnLimit.optional(),
} as const;

/** When a person is asked, as an agent says it. A task that says otherwise wins, but for confidence. */
export const AgentReviews = {
  ...TaskReviews,
  reviewOutput: z.boolean().optional().describe('A person reviews the final output before the task completes with it'),
  fallback: z
    .strictObject({
      output: z.json().refine((output) => jsonBytes(output) <= SIZES.toolOutput, {
        message: `is larger than ${SIZES.toolOutput} bytes; it travels with every task`,
      }),
    })
    .optional()
    .describe('What a task gives that ends as fallback; it has to meet the output schema'),
  escalate: z.strictObject({ confidenceBelow: ConfidenceBelow.optional() }).optional(),
} as const;

const Settings = z.strictObject(AgentReviews);
export type AgentReviews = z.infer<typeof Settings>;
