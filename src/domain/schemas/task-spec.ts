import { z } from 'zod';
import { Duration } from './duration.ts';
import { Grants } from './grant.ts';
import { ConfidenceBelow, TaskReviews } from './reviews.ts';

/** Limits as they are written: finite, positive. What is left out comes from the agent, then from the defaults. */
export const LimitsSpec = z.strictObject({
  steps: z.int().min(1).max(100_000).optional(),
  toolCalls: z.int().min(0).max(100_000).optional(),
  tokens: z.int().min(1).max(1_000_000_000).optional().describe('Input and output tokens together'),
  tokensPerTurn: z.int().min(1).max(1_000_000).optional().describe('max_output_tokens of each model request'),
  costUsd: z.number().positive().max(1_000_000).optional(),
  duration: Duration.optional().describe('Without waits for people and pauses'),
  depth: z.int().min(0).max(100).optional().describe('Of sub-agents; there are none yet, so any depth is kept'),
});
export type LimitsSpec = z.infer<typeof LimitsSpec>;

/** The user behind a task. */
const Principal = z.strictObject({
  id: z.string().min(1).max(200),
  roles: z.array(z.string().min(1).max(200)).max(100).optional(),
  tenant: z.string().min(1).max(200).optional(),
});

/** When a person is asked although the rules would not. Rules of a task are added to those of the worker. */
const Escalation = z.strictObject({
  policy: z.string().trim().min(1).max(16_384).optional().describe('Cedar policies; they may only forbid'),
  confidenceBelow: ConfidenceBelow.optional(),
});

/** Task ids are workflow ids, and part of idempotency keys, page texts and shell commands. */
export const TaskId = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/,
    'a task id has letters, digits and . _ : @ / - and starts with a letter or digit',
  );

/** What starts a task. Unknown fields are refused: a misspelt limit must not be silently no limit. */
export const TaskSpec = z.strictObject({
  agent: z.string().min(1).max(200),
  goal: z.string().trim().min(1, 'the goal is empty').max(50_000),
  input: z.json().optional().describe('Data beside the goal; the agent treats it as untrusted'),
  principal: Principal,
  session: z.string().min(1).max(200).optional(),
  feature: z.string().min(1).max(200).optional(),
  grants: Grants.optional().describe(
    'What the task may call: tool patterns (* spans dots), with or without constraints on arguments; "minimal": the ' +
      'model proposes the fewest from the goal alone. Omitted: what the agent has',
  ),
  limits: LimitsSpec.optional(),
  ...TaskReviews,
  onFailure: z
    .enum(['compensate', 'keep', 'ask'])
    .optional()
    .describe('What happens to effects when the task fails or is cancelled; compensate by default'),
  escalate: Escalation.optional(),
  priority: z.int().min(1).max(5).optional(),
  output: z.record(z.string(), z.json()).optional().describe('JSON Schema of the final output; wins over the agent’s'),
});
export type TaskSpec = z.infer<typeof TaskSpec>;
