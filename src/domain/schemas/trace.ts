import { z } from 'zod';
import { HumanDecisionSchema, StandingSchema } from './desk.ts';
import { OutcomeSchema, UsageSchema } from './outcome.ts';
import { ReasonSchema } from './pending.ts';
import { ProvenanceSchema } from './provenance.ts';

const Sha256 = z.templateLiteral(['sha256:', z.string()]);

/** A call in a trace. */
const TracedCallSchema = z.object({
  id: z.string().describe('Step and place, s3.c1'),
  tool: z.string(),
  args: z.unknown(),
  effect: z.enum(['read', 'write', 'destructive']),
  decision: z.unknown().describe('What the model wrote; of a rejected call it may be anything'),
  verdict: z.object({
    outcome: z.string().describe('allow, ask or reject'),
    reasons: z.array(ReasonSchema),
    policies: Sha256.exactOptional().describe('Digest of the policy set that judged it'),
  }),
  provenance: ProvenanceSchema.exactOptional().describe('Where the values of the arguments came from'),
  human: HumanDecisionSchema.exactOptional(),
  result: z
    .object({
      status: z.string().describe('succeeded, failed, rejected, unknown or replayed'),
      output: z.unknown(),
      attempts: z.int().min(0),
      trust: z.string().describe('trusted or untrusted'),
      error: z.object({ message: z.string() }).exactOptional().describe('Why it did not succeed, in words'),
    })
    .exactOptional(),
  compensation: z
    .object({
      status: z.string().describe('compensated, compensation_failed, nothing, none, unknown, shared or failed'),
      message: z.string().exactOptional(),
    })
    .exactOptional()
    .describe('What came of undoing it'),
});

/** A step in a trace. */
export const TracedStepSchema = z.object({
  n: z.int().min(1),
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  model: z.string(),
  usage: UsageSchema.pick({ inputTokens: true, outputTokens: true }),
  costUsd: z.number(),
  context: z.object({
    tokens: z.number(),
    window: z.number().nullable().describe('Null where the model’s window is not configured'),
    pressure: z.number().nullable().describe('tokens / window'),
  }),
  promptDigest: z.string(),
  text: z.string(),
  calls: z.array(TracedCallSchema),
});

/** What a task did and why: `holdfast trace TASK --json`. */
export const TraceSchema = z.object({
  taskId: z.string(),
  status: z.string(),
  spec: z.unknown().describe('The task specification as it was given'),
  outcome: OutcomeSchema.nullable(),
  usage: UsageSchema,
  steps: z.array(TracedStepSchema),
  events: z.array(z.object({ at: z.string(), type: z.string(), detail: z.unknown() })),
  plan: z.record(z.string(), z.json()).nullable().describe('The agent’s plan as it is now, or null'),
  anchors: z
    .array(z.object({ seq: z.int(), hash: Sha256 }))
    .describe('Where the audit trail stood when activities ended, in order'),
  standing: z.array(StandingSchema).describe('Yeses that reach further than one call, and were not taken back'),
});
