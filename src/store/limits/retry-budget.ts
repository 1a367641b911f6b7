import { sql } from 'drizzle-orm';
import { type Connection, statement } from '../connection.ts';
import { toolRetryBudgets } from '../tables/limits.ts';
import { expiresAfter, value } from './sql.ts';

/** A token bucket of retries; the numbers of the example in gRPC's A6 "retry throttling", and a floor as Finagle's has. */
export type RetryBudgetRules = {
  /** A full bucket. A retry takes one. */
  readonly tokens: number;
  /** What a success puts back: one retry for ten successes. */
  readonly perSuccess: number;
  /** One token comes back in this time whatever happens, so that a tool that is seldom called can be retried at all. */
  readonly refillMs: number;
};

/** See `RetryBudgetRules`. */
export const RETRY_BUDGET: RetryBudgetRules = { tokens: 10, perSuccess: 0.1, refillMs: 10_000 };

const DAY_MS = 86_400_000;
const FULL = sql`${value('tokens')}::float8`;
/** A clock that steps back refills nothing. */
const NOW_TOKENS = sql`least(${FULL}, b.tokens + ${value('deposit')}::float8
  + greatest(0, extract(epoch from clock_timestamp() - b.at))::float8 * 1000 / ${value('refillMs')}::float8)`;

const TAKE = statement(
  'retry_take',
  sql`insert into ${toolRetryBudgets} as b (scope, tool, tokens, at, expires_on)
    values (${value('scope')}, ${value('tool')}, ${FULL} - 1, clock_timestamp(), ${expiresAfter(sql`${DAY_MS}::float8`)})
    on conflict (scope, tool) do update set
      tokens = ${NOW_TOKENS} - 1, at = clock_timestamp(), expires_on = excluded.expires_on
    where ${NOW_TOKENS} >= 1
    returning 1 as taken`,
);

/** The retries of every tool. */
export type RetryBudgets = {
  /** Counts a success; put into the bucket with the next retry, since a success must cost nothing. */
  readonly deposit: (tool: string) => void;
  readonly take: (tool: string) => Promise<boolean>;
};

/** Retry budgets that all workers of a scope share. */
export const createRetryBudgets = (connection: Connection, scope: string, rules: RetryBudgetRules): RetryBudgets => {
  const deposits = new Map<string, number>();
  const add = (tool: string, amount: number): void => {
    deposits.set(tool, Math.min(rules.tokens, (deposits.get(tool) ?? 0) + amount));
  };
  return {
    deposit: (tool) => add(tool, rules.perSuccess),
    take: async (tool) => {
      // Taken out first: two retries at the same time must not both put it in.
      const deposit = deposits.get(tool) ?? 0;
      deposits.delete(tool);
      const { tokens, refillMs } = rules;
      const rows = await connection.run(TAKE, { scope, tool, deposit, tokens, refillMs });
      if (rows.length === 0) add(tool, deposit);
      return rows.length > 0;
    },
  };
};
