import { sql } from 'drizzle-orm';
import { type Connection, statement } from '../connection.ts';
import { toolBulkheads } from '../tables/limits.ts';
import { expiresAfter, NOW_US, value } from './sql.ts';

/** A tool's bulkhead, and who wants a place in it. */
export type PlaceKey = { readonly scope: string; readonly tool: string; readonly holder: string };

const TTL_MS = sql`${value('ttlMs')}::float8`;
const HOLDER = sql`${value('holder')}::text`;
const LEASE = sql`jsonb_build_object(${HOLDER}, ${NOW_US} + (${TTL_MS} * 1000)::bigint)`;

/** A holder's own lease does not stand in its way; those that have ended are dropped. */
const TAKE = statement(
  'bulkhead_take',
  sql`insert into ${toolBulkheads} as b (scope, tool, leases, expires_on)
    values (${value('scope')}, ${value('tool')}, ${LEASE}, ${expiresAfter(TTL_MS)})
    on conflict (scope, tool) do update set
      leases = (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(b.leases) where value::bigint > ${NOW_US}
      ) || ${LEASE},
      expires_on = greatest(b.expires_on, excluded.expires_on)
    where (
      select count(*) from jsonb_each(b.leases) where value::bigint > ${NOW_US} and key <> ${HOLDER}
    ) < ${value('places')}::int
    returning 1 as taken`,
);

const GIVE = statement(
  'bulkhead_give',
  sql`update ${toolBulkheads} set leases = leases - ${HOLDER}
    where scope = ${value('scope')} and tool = ${value('tool')} and jsonb_exists(leases, ${HOLDER})`,
);

/**
 * Takes a place for a call over all workers; the same holder gets its own again. The lease ends by itself after `ttlMs`,
 * so a crash holds nothing for long.
 */
export const takePlace = async (
  connection: Connection,
  key: PlaceKey,
  limit: { readonly places: number; readonly ttlMs: number },
): Promise<boolean> => (await connection.run(TAKE, { ...key, ...limit })).length > 0;

/** Gives a place back. Idempotent. */
export const givePlace = async (connection: Connection, key: PlaceKey): Promise<void> => {
  await connection.run(GIVE, key);
};
