import { type SQL, sql } from 'drizzle-orm';
import { auditEntries } from './tables/audit.ts';
import { lives } from './tables/tasks.ts';

/** A moment as it is hashed and shown: ISO 8601 with milliseconds, as JavaScript writes it. */
export const isoMoment = (column: SQL): SQL =>
  sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Locks the life of a task: the head of its trail. Whoever comes at the same time waits here and then sees the head as it
 * is by then, so that a trail never forks. `moment` is taken behind the lock and never goes back.
 */
export const lockedHead: SQL = sql`
  head as materialized (
    select id, seq, hash, at from ${lives}
    where namespace = ${sql.placeholder('namespace')} and task_id = ${sql.placeholder('taskId')}
      and epoch = ${sql.placeholder('epoch')}
    for no key update
  ),
  moment as materialized (
    select id, seq, hash, greatest(at, date_trunc('milliseconds', clock_timestamp())) as at from head
  )`;

/**
 * Chains the placeholder `entries` (canonical JSON texts) to the trail, if `source` has a row. The hash is that of
 * `auditHash` in `domain/audit-chain.ts`, made in the database to spare the round trip between reading the head and writing.
 */
export const appendTo = (source: SQL): SQL => sql`
  chain (id, n, seq, hash, at, entry) as (
    select id, 0::bigint, seq, hash, at, '' from ${source}
    union all
    select c.id, e.n, c.seq + 1,
      'sha256:' || encode(sha256(convert_to(
        c.hash || chr(10) || '{"at":"' || ${isoMoment(sql`c.at`)} || '","entry":' || e.entry || ',"seq":' || (c.seq + 1) || '}',
        'UTF8')), 'hex'),
      c.at, e.entry
    from chain c join unnest(${sql.placeholder('entries')}::text[]) with ordinality e (entry, n) on e.n = c.n + 1
  ),
  appended as (
    insert into ${auditEntries} (life_id, seq, at, entry, hash)
    select id, seq, at, entry, hash from chain where n > 0
  ),
  bumped as (
    update ${lives} l set seq = c.seq, hash = c.hash, at = c.at, touched_on = current_date
    from (select * from chain order by n desc limit 1) c where l.id = c.id and c.n > 0
    returning l.seq, l.hash
  )`;
