import { z } from 'zod';
import { OutcomeSchema, UsageSchema } from './outcome.ts';
import { PendingSchema, ReasonSchema } from './pending.ts';

const at = z.iso.datetime().describe('By the server’s clock');

const ProposedCallSchema = z.object({
  id: z.string(),
  tool: z.string(),
  args: z.unknown(),
  effect: z.string(),
  verdict: z.enum(['allow', 'ask', 'reject']),
  reasons: z.array(ReasonSchema),
  rationale: z.string().nullable(),
});

/** What happens in a task, as it happens: what `client.handle(id).progress()` yields. */
export const ProgressSchema = z.discriminatedUnion('type', [
  z.object({
    at,
    type: z.literal('started'),
    taskId: z.string(),
    runId: z.string(),
    agent: z.string(),
    goal: z.string(),
  }),
  z.object({ at, type: z.literal('thinking'), step: z.int(), reads: z.array(z.string()) }),
  z.object({
    at,
    type: z.literal('proposed'),
    step: z.int(),
    text: z.string(),
    calls: z.array(ProposedCallSchema),
    model: z.string(),
    usage: UsageSchema.pick({ inputTokens: true, outputTokens: true }),
    costUsd: z.number(),
  }),
  z.object({ at, type: z.literal('running'), callId: z.string(), tool: z.string() }),
  z.object({
    at,
    type: z.literal('result'),
    callId: z.string(),
    tool: z.string(),
    status: z.string(),
    output: z.unknown(),
  }),
  z.object({ at, type: z.literal('undoing'), callId: z.string(), tool: z.string() }),
  z.object({
    at,
    type: z.literal('undone'),
    callId: z.string(),
    tool: z.string(),
    status: z.string().describe('compensated, nothing, none, unknown, shared or failed'),
    message: z.string().nullable(),
  }),
  z.object({ at, type: z.literal('waiting'), pending: z.array(PendingSchema) }),
  z.object({ at, type: z.literal('message'), name: z.string(), payload: z.unknown(), from: z.string() }),
  z.object({ at, type: z.literal('retried'), activity: z.string(), attempt: z.int(), failure: z.string() }),
  z.object({ at, type: z.literal('continued'), runId: z.string() }),
  z.object({ at, type: z.literal('ended'), outcome: OutcomeSchema }),
]);
