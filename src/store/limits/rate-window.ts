import { sql } from 'drizzle-orm';
import type { RateLimit } from '../../tools/tool.ts';
import { type Connection, statement } from '../connection.ts';
import { toolRateWindows } from '../tables/limits.ts';
import { expiresAfter, NOW_US, value } from './sql.ts';

/** Whose window it is. */
export type WindowKey = { readonly scope: string; readonly tool: string; readonly subject: string };

const PER_US = sql`(${value('perMs')}::float8 * 1000)::bigint`;

/*
 * The row's lock puts takes in order, and the clock is read behind it: a call is counted no earlier than it was let in. A
 * hit is dropped only once it is older than the window, by a clock that has not passed the new one: so no window of this
 * length ever holds more than `calls`.
 */
const TAKE = statement(
  'rate_take',
  sql`insert into ${toolRateWindows} as w (scope, tool, subject, hits, expires_on)
    values (${value('scope')}, ${value('tool')}, ${value('subject')}, array[${NOW_US}], ${expiresAfter(sql`${value('perMs')}::float8`)})
    on conflict (scope, tool, subject) do update set
      hits = array(select hit from unnest(w.hits) as hit where hit > ${NOW_US} - ${PER_US} order by hit) || ${NOW_US},
      expires_on = greatest(w.expires_on, excluded.expires_on)
    where (select count(*) from unnest(w.hits) as hit where hit > ${NOW_US} - ${PER_US}) < ${value('calls')}::int
    returning 1 as taken`,
);

/** A call may begin once all but `calls - 1` of the last ones have left the window. */
const WAIT = statement(
  'rate_wait',
  sql`select ((hits[cardinality(hits) - ${value('calls')}::int + 1] + ${PER_US} - ${NOW_US}) / 1000.0)::float8 as wait_ms
    from ${toolRateWindows}
    where scope = ${value('scope')} and tool = ${value('tool')} and subject = ${value('subject')}`,
);

/** Counts one call in a sliding window over all workers. @returns undefined when it was let in, else the wait in milliseconds */
export const takeCall = async (
  connection: Connection,
  key: WindowKey,
  { calls, perMs }: RateLimit,
): Promise<number | undefined> => {
  const values = { ...key, calls, perMs };
  const taken = await connection.run(TAKE, values);
  if (taken.length > 0) return undefined;
  const [row] = await connection.run(WAIT, values);
  return Math.max(1, Math.ceil(Number(row?.['wait_ms'] ?? 0)));
};
