import { z } from 'zod';
import { DESK_EVENTS } from '../desk-event.ts';
import { HumanDecisionSchema } from './desk.ts';
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
  z.object({
    at,
    type: z.literal('desk'),
    what: z.enum(DESK_EVENTS),
    id: z.string(),
    kind: PendingSchema.shape.kind,
    tool: z.string(),
    why: z.string().describe('The question, or the first reason why it is asked'),
    code: z.string().describe('Of the first reason'),
    rule: z.string().nullable().describe('Name of the approval rule'),
    roles: z.array(z.string()).describe('Who may decide; of escalated: who may decide from now on, too'),
    quorum: z.int().min(1),
    approvals: z.int().min(0),
    approvers: z.array(z.string()),
    then: z.enum(['deny', 'fallback', 'pause']).nullable().describe('What follows where nobody decides in time'),
    allowed: z
      .record(z.string(), z.number())
      .nullable()
      .describe('Of a yes to a question about a budget: what it allowed further'),
    human: HumanDecisionSchema.omit({ args: true }).nullable(),
  }),
  z.object({
    at,
    type: z.literal('refused').describe('A message that changed nothing'),
    id: z.string().describe('Of the question; empty where the message named none'),
    decision: z.string(),
    reason: z.string(),
  }),
  z.object({ at, type: z.literal('message'), name: z.string(), payload: z.unknown(), from: z.string() }),
  z.object({ at, type: z.literal('retried'), activity: z.string(), attempt: z.int(), failure: z.string() }),
  z.object({ at, type: z.literal('continued'), runId: z.string() }),
  z.object({ at, type: z.literal('ended'), outcome: OutcomeSchema }),
]);
