import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  primaryKey,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';
import type { DecisionRow } from '../../gateway/desk-ports.ts';
import { controlSchema } from './schema.ts';
import { lives } from './tasks.ts';

/** Goes with its life, also where a worker of an older version deletes that: it does not know these tables. */
const lifeId = () =>
  bigint('life_id', { mode: 'number' })
    .notNull()
    .references(() => lives.id, { onDelete: 'cascade' });

const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 }).notNull();

/** What was reported of a desk: only that it was. What it says stands in the audit trail. */
export const deskEvents = controlSchema.table(
  'desk_events',
  { lifeId: lifeId(), id: text('id').notNull() },
  (table) => [primaryKey({ columns: [table.lifeId, table.id] })],
);

/** Questions that ended: one row each, for calibration. Times are the workflow's. */
export const decisions = controlSchema.table(
  'decisions',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    lifeId: lifeId(),
    namespace: text('namespace').notNull(),
    /** Names the question within the life; `decision_id` may come again in the run that undoes what an ended task did. */
    question: text('question').notNull(),
    decisionId: text('decision_id').notNull(),
    kind: text('kind').notNull(),
    callId: text('call_id').notNull(),
    tool: text('tool').notNull(),
    agent: text('agent').notNull(),
    rule: text('rule').notNull(),
    /** JSON: a list. */
    policies: text('policies').notNull(),
    /** JSON: a list. */
    codes: text('codes').notNull(),
    risk: text('risk'),
    confidence: doublePrecision('confidence'),
    askedAt: moment('asked_at'),
    decidedAt: moment('decided_at'),
    outcome: text('outcome').notNull().$type<DecisionRow['outcome']>(),
    by: text('by'),
    verified: boolean('verified').notNull(),
  },
  (table) => [
    unique('decisions_question').on(table.lifeId, table.question),
    index('decisions_decided').on(table.namespace, table.decidedAt, table.id),
    index('decisions_rule').on(table.namespace, table.rule, table.decidedAt, table.id),
    index('decisions_tool').on(table.namespace, table.tool, table.decidedAt, table.id),
  ],
);

/** Messages on their way. A delivered one has no row; one that was given up keeps it for a while, for whoever looks. */
export const outbox = controlSchema.table(
  'outbox',
  {
    id: text('id').primaryKey(),
    namespace: text('namespace').notNull(),
    /** Names of endpoints are those of the workers of one task queue. */
    taskQueue: text('task_queue').notNull(),
    endpoint: text('endpoint').notNull(),
    body: text('body').notNull(),
    /** Those that began. */
    attempts: integer('attempts').notNull().default(0),
    /** Of a message that is being sent: when its lease ends. */
    nextAt: timestamp('next_at', { withTimezone: true }).notNull().default(sql`clock_timestamp()`),
    /** Null: nobody is sending it. */
    leaseUntil: timestamp('lease_until', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().default(sql`clock_timestamp()`),
    /** Why the last attempt failed. */
    error: text('error'),
    givenUpAt: timestamp('given_up_at', { withTimezone: true }),
  },
  (table) => [
    index('outbox_due')
      .on(table.namespace, table.taskQueue, table.endpoint, table.nextAt)
      .where(sql`given_up_at is null`),
    index('outbox_created').on(table.namespace, table.createdAt),
  ],
);
