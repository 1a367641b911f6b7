import { primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';

/** Tool surfaces of MCP servers as they were accepted. One row a server; kept. */
export const surfacePins = controlSchema.table(
  'surface_pins',
  {
    namespace: text('namespace').notNull(),
    taskQueue: text('task_queue').notNull(),
    server: text('server').notNull(),
    /** JSON: tool name → digest. */
    surfaces: text('surfaces').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.taskQueue, table.server] })],
);
