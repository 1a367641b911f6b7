import { integer, primaryKey, text, timestamp, unique } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';

/** Policy sets in the order in which workers came up with them (INVARIANT A1). One row a change of policies; kept. */
export const policyEpochs = controlSchema.table(
  'policy_epochs',
  {
    namespace: text('namespace').notNull(),
    taskQueue: text('task_queue').notNull(),
    epoch: integer('epoch').notNull(),
    digest: text('digest').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.taskQueue, table.epoch] }),
    unique('policy_epochs_digest').on(table.namespace, table.taskQueue, table.digest),
  ],
);
