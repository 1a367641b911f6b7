import { sql } from 'drizzle-orm';
import { type Connection, statement } from '../connection.ts';
import { toolBreakers, toolBulkheads, toolRateWindows, toolRetryBudgets } from '../tables/limits.ts';

const TABLES = [
  { name: 'tool_breakers', table: toolBreakers },
  { name: 'tool_rate_windows', table: toolRateWindows },
  { name: 'tool_bulkheads', table: toolBulkheads },
  { name: 'tool_retry_budgets', table: toolRetryBudgets },
];

const STATEMENTS = TABLES.map(({ name, table }) =>
  statement(`${name}_prune`, sql`delete from ${table} where expires_on < current_date`),
);

/** Deletes what says nothing any more, in every scope: breakers a day after their last change, the rest a day after its use. */
export const pruneLimits = async (connection: Pick<Connection, 'run'>): Promise<void> => {
  for (const each of STATEMENTS) await connection.run(each, {});
};
