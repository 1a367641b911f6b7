import { z } from 'zod';

/** What a task has used. */
export const UsageSchema = z.object({
  steps: z.int().min(0),
  toolCalls: z.int().min(0),
  inputTokens: z.int().min(0).describe('As the provider counts them'),
  outputTokens: z.int().min(0),
  costUsd: z.number().min(0).describe('0 where no price is configured'),
});

/** How a task can end. */
const OUTCOME_STATUSES = ['completed', 'failed', 'cancelled', 'rejected', 'limit', 'fallback'] as const;

/** One effect that a task had, or may have had. */
export const EffectRecordSchema = z.object({
  callId: z.string(),
  tool: z.string(),
  status: z.enum(['succeeded', 'failed', 'unknown', 'compensated', 'compensation_failed']),
  key: z.string().describe('The idempotency key that the tool was given'),
});

/** What `holdfast compensate TASK --json` prints. */
export const CompensationSchema = z.object({
  taskId: z.string(),
  status: z.enum(['completed', 'failed', 'running']).describe('failed: something was left; running: watching it ended'),
  reason: z.string().exactOptional(),
  effects: z.array(EffectRecordSchema),
});

/** The result of every task: what `run --json`, `client.result()` and the workflow give. */
export const OutcomeSchema = z.object({
  taskId: z.string(),
  runId: z.string(),
  status: z.enum(OUTCOME_STATUSES),
  output: z.unknown().optional(),
  reason: z.string().exactOptional(),
  usage: UsageSchema,
  effects: z.array(EffectRecordSchema),
  denied: z
    .array(z.object({ callId: z.string(), tool: z.string(), reason: z.string().exactOptional() }))
    .exactOptional()
    .describe('Calls that a person refused'),
});
