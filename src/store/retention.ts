import { sql } from 'drizzle-orm';
import { type Connection, type Query, statement } from './connection.ts';
import { pruneLimits } from './limits/index.ts';
import { pruneOutbox } from './outbox.ts';
import { artifacts } from './tables/artifacts.ts';
import { auditEntries } from './tables/audit.ts';
import { effects, usedApprovals } from './tables/effects.ts';
import { lives, tasks } from './tables/tasks.ts';

/** What is deleted. */
export type Retention = {
  readonly namespace: string;
  /** Days after a task's last activity. Its id is remembered four times as long, so that its epochs are not given again. */
  readonly olderThanDays: number;
};

/** Lives and ids that one transaction deletes. */
const BATCH = 50;

const LOCK = statement(
  'purge_lock',
  sql`select pg_try_advisory_xact_lock(hashtextextended('holdfast purge', 0)) as is_mine`,
);

/** Locked, so that a task that comes to life in this moment waits, finds its row gone and begins a new one. */
const OLD_LIVES = statement(
  'purge_lives',
  sql`select l.id::text from ${lives} l
    where l.namespace = ${sql.placeholder('namespace')} and l.touched_on < current_date - ${sql.placeholder('days')}::integer
      and not exists (select from ${effects} e where e.life_id = l.id and e.state in ('started', 'unknown'))
    order by l.touched_on limit ${BATCH} for update of l skip locked`,
);

const ids = sql`any (${sql.placeholder('ids')}::bigint[])`;
const DELETE_CONTENT = [
  statement('purge_artifacts', sql`delete from ${artifacts} where life_id = ${ids}`),
  statement('purge_approvals', sql`delete from ${usedApprovals} where life_id = ${ids}`),
  statement('purge_effects', sql`delete from ${effects} where life_id = ${ids}`),
  statement('purge_audit', sql`delete from ${auditEntries} where life_id = ${ids}`),
  // Takes what is known of its desk along.
  statement('purge_life', sql`delete from ${lives} where id = ${ids}`),
] as const;

const DELETE_TASKS = statement(
  'purge_tasks',
  sql`delete from ${tasks} t where (t.namespace, t.task_id) in (
      select o.namespace, o.task_id from ${tasks} o
      where o.namespace = ${sql.placeholder('namespace')} and o.touched_on < current_date - 4 * ${sql.placeholder('days')}::integer
        and not exists (select from ${lives} l where l.namespace = o.namespace and l.task_id = o.task_id)
      limit ${BATCH} for update skip locked)
    returning 1 as one`,
);

const purgeBatch = async (query: Query, { namespace, olderThanDays }: Retention): Promise<number> => {
  const days = Math.ceil(olderThanDays);
  const [lock] = await query(LOCK, {});
  if (lock?.['is_mine'] !== true) return 0;
  const old = (await query(OLD_LIVES, { namespace, days })).map((row) => String(row['id']));
  if (old.length > 0) for (const step of DELETE_CONTENT) await query(step, { ids: old });
  return old.length + (await query(DELETE_TASKS, { namespace, days })).length;
};

/**
 * Deletes what is older than the retention, in small transactions, found by index. One worker at a time does it: others
 * find the lock taken and leave. INVARIANT: a task with an effect that is started or unknown is kept whole.
 * @returns how many lives and ids are gone
 */
export const purge = async (connection: Connection, retention: Retention): Promise<number> => {
  let purged = 0;
  for (;;) {
    const count = await connection.transaction((query) => purgeBatch(query, retention));
    if (count === 0) break;
    purged += count;
  }
  await pruneLimits(connection);
  await pruneOutbox(connection, retention.namespace);
  return purged;
};
