import { sql } from 'drizzle-orm';
import { bigint, date, index, integer, primaryKey, text, timestamp, unique } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';

/** A day, not a moment: a value that seldom changes leaves most updates of a row without work for its index. */
const touchedOn = () => date('touched_on').notNull().default(sql`current_date`);

/** Task ids that were ever admitted, and for whom (INVARIANT H4). Outlives the lives, so that an epoch is not given twice. */
export const tasks = controlSchema.table(
  'tasks',
  {
    namespace: text('namespace').notNull(),
    taskId: text('task_id').notNull(),
    agent: text('agent').notNull(),
    principal: text('principal').notNull(),
    tenant: text('tenant'),
    specDigest: text('spec_digest').notNull(),
    /** Epochs given so far (INVARIANT E5). */
    epochs: integer('epochs').notNull(),
    touchedOn: touchedOn(),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.taskId] }),
    index('tasks_touched_on').on(table.namespace, table.touchedOn),
  ],
);

/** Lives of tasks, one for each epoch. Each is the head of its audit trail: appending locks it, so a trail cannot fork. */
export const lives = controlSchema.table(
  'lives',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    namespace: text('namespace').notNull(),
    taskId: text('task_id').notNull(),
    epoch: text('epoch').notNull(),
    /** Null for a life that was never admitted: its epoch was given by an older version. */
    firstRunId: text('first_run_id'),
    /** Of the last audit entry; 0 and empty before the first. */
    seq: integer('seq').notNull().default(0),
    hash: text('hash').notNull().default(''),
    at: timestamp('at', { withTimezone: true, precision: 3 }),
    touchedOn: touchedOn(),
  },
  (table) => [
    unique('lives_epoch').on(table.namespace, table.taskId, table.epoch),
    unique('lives_first_run').on(table.namespace, table.taskId, table.firstRunId),
    index('lives_touched_on').on(table.namespace, table.touchedOn),
  ],
);
