import { sql } from 'drizzle-orm';
import { bigint, date, doublePrecision, index, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Breaker } from '../../domain/breaker.ts';
import { controlSchema } from './schema.ts';

/**
 * The day from which on a row says nothing any more and may be deleted. A day, not a moment: a value that seldom changes
 * leaves an update of the row without work for the index (a "heap-only tuple" update).
 */
const expiresOn = () => date('expires_on').notNull();

/** Breakers that have something to remember; a healthy tool has no row. */
export const toolBreakers = controlSchema.table(
  'tool_breakers',
  {
    /** `namespace/task queue`. */
    scope: text('scope').notNull(),
    tool: text('tool').notNull(),
    /** Whose calls it counts: a principal within a tenant, or empty for the whole fleet (INVARIANT L2). */
    subject: text('subject').notNull(),
    state: jsonb('state').$type<Breaker>().notNull(),
    expiresOn: expiresOn(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.tool, table.subject] }),
    index('tool_breakers_expires_on').on(table.expiresOn),
  ],
);

/** Calls of the last window: one row for each tool and subject, with at most as many times as calls are allowed. */
export const toolRateWindows = controlSchema.table(
  'tool_rate_windows',
  {
    scope: text('scope').notNull(),
    tool: text('tool').notNull(),
    subject: text('subject').notNull(),
    /** Microseconds since 1970, rising. */
    hits: bigint('hits', { mode: 'number' }).array().notNull().default(sql`'{}'::bigint[]`),
    expiresOn: expiresOn(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.tool, table.subject] }),
    index('tool_rate_windows_expires_on').on(table.expiresOn),
  ],
);

/** Calls that run now: one row for each tool, with at most `maxConcurrent` leases. */
export const toolBulkheads = controlSchema.table(
  'tool_bulkheads',
  {
    scope: text('scope').notNull(),
    tool: text('tool').notNull(),
    /** Holder → end of its lease, microseconds since 1970. */
    leases: jsonb('leases').$type<Readonly<Record<string, number>>>().notNull().default({}),
    expiresOn: expiresOn(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.tool] }),
    index('tool_bulkheads_expires_on').on(table.expiresOn),
  ],
);

/** Retries that are left: one token bucket for each tool. */
export const toolRetryBudgets = controlSchema.table(
  'tool_retry_budgets',
  {
    scope: text('scope').notNull(),
    tool: text('tool').notNull(),
    /** As of `at`; it has been refilling since. */
    tokens: doublePrecision('tokens').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
    expiresOn: expiresOn(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.tool] }),
    index('tool_retry_budgets_expires_on').on(table.expiresOn),
  ],
);
