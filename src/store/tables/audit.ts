import { bigint, integer, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';
import { lives } from './tasks.ts';

/** The audit trails. `hash` covers the entry and, through the entry before it, the whole trail up to here. */
export const auditEntries = controlSchema.table(
  'audit_entries',
  {
    lifeId: bigint('life_id', { mode: 'number' })
      .notNull()
      .references(() => lives.id),
    seq: integer('seq').notNull(),
    /** Milliseconds, as it is hashed. */
    at: timestamp('at', { withTimezone: true, precision: 3 }).notNull(),
    /** Canonical JSON, as it is hashed. */
    entry: text('entry').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.lifeId, table.seq] })],
);
