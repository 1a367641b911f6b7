import { z } from 'zod';
import { StandingSchema } from './desk.ts';
import { EffectRecordSchema, OutcomeSchema } from './outcome.ts';
import { PendingSchema } from './pending.ts';
import { TracedStepSchema, TraceSchema } from './trace.ts';

/** A task in a list. */
const TaskSummarySchema = z.object({
  taskId: z.string(),
  runId: z.string(),
  status: z.string().describe('running, waiting, paused, compensating, an outcome status, terminated or timed out'),
  agent: z.string().nullable(),
  goal: z.string().nullable().describe('The first 300 bytes'),
  principal: z.string().nullable(),
  tenant: z.string().nullable(),
  costUsd: z.number().nullable(),
  startedAt: z.string().nullable(),
  closedAt: z.string().nullable(),
  pending: z.array(PendingSchema),
});

/** What `holdfast list --json` prints. */
export const TaskListSchema = z.object({
  tasks: z.array(TaskSummarySchema),
  next: z.string().nullable().describe('Give it to --next for the next page; null: that was all'),
});

/** What `holdfast show TASK --json` prints. */
export const ShowSchema = TaskSummarySchema.extend({
  activity: z
    .object({ type: z.string(), attempt: z.int(), lastFailure: z.string().nullable() })
    .nullable()
    .describe('What is under way, how often it was tried, and how it failed last'),
  outcome: OutcomeSchema.nullable(),
  effects: z
    .array(
      EffectRecordSchema.pick({ callId: true, tool: true }).extend({
        status: z.string(),
        key: z.string().exactOptional(),
      }),
    )
    .describe('While the task runs, the effects so far, without their keys'),
  steps: z.array(TracedStepSchema).describe('The last ones'),
  events: TraceSchema.shape.events.describe('The last ones that say why it stands as it does'),
  standing: z
    .array(StandingSchema)
    .describe('Yeses that reach further than one call; `holdfast revoke` takes one back'),
  undoing: z
    .object({ taskId: z.string(), status: z.string() })
    .nullable()
    .describe('The workflow that `holdfast compensate` started after the task had ended'),
  ui: z.string().nullable().describe('The task in the Temporal UI, where the `dev` of this folder runs it'),
});
