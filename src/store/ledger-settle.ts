import { sql } from 'drizzle-orm';
import type { Digest } from '../domain/digest.ts';
import type { AuditEntry, LedgerRow, LedgerSettled, LedgerSettlement, TaskRef } from '../gateway/ports.ts';
import { entryText } from './audit-log.ts';
import { type Connection, statement } from './connection.ts';
import { withLife } from './lives.ts';
import { effects } from './tables/effects.ts';
import { appendTo, lockedHead } from './trail.ts';

/** A settled undo marks its effect: undone, or not undone after all; nobody knows leaves it begun. */
const markUndone = sql`
  update ${effects} e set undo = case s.state when 'succeeded' then 'done' when 'failed' then null else 'started' end
  from settled s where e.namespace = ${sql.placeholder('namespace')} and e.key = s.undoes`;

const SETTLE = statement(
  'ledger_settle',
  sql`with recursive ${lockedHead},
    settled as (
      update ${effects} e set state = ${sql.placeholder('state')}, output = ${sql.placeholder('output')},
        error = ${sql.placeholder('error')}, settled_at = clock_timestamp()
      from moment m
      where e.namespace = ${sql.placeholder('namespace')} and e.key = ${sql.placeholder('key')}
        and e.token::text = ${sql.placeholder('token')} and e.state = 'started'
      returning e.undoes, e.state
    ),
    marked as (${markUndone}),
    ${appendTo(sql`(select m.* from moment m, settled) s`)}
    select exists (select from moment) as has_life, exists (select from settled) or exists (
      select from ${effects} where namespace = ${sql.placeholder('namespace')} and key = ${sql.placeholder('key')}
        and token::text = ${sql.placeholder('token')} and state = ${sql.placeholder('state')}
    ) as is_settled, coalesce((select seq from bumped), (select seq from head)) as seq,
    coalesce((select hash from bumped), (select hash from head)) as hash`,
);

/** The new token makes sure that no attempt of before settles it again. */
const RESOLVE = statement(
  'ledger_resolve',
  sql`with settled as (
      update ${effects} set state = ${sql.placeholder('state')}, output = ${sql.placeholder('output')},
        error = ${sql.placeholder('error')}, settled_at = clock_timestamp(), token = gen_random_uuid()
      where namespace = ${sql.placeholder('namespace')} and key = ${sql.placeholder('key')}
        and (state = 'unknown' or (state = 'started' and lease_until <= clock_timestamp()))
      returning undoes, state
    ),
    marked as (${markUndone})
    select exists (select from settled) as is_settled`,
);

const RENEW = statement(
  'ledger_renew',
  sql`update ${effects} set lease_until = clock_timestamp() + ${sql.placeholder('leaseMs')}::float8 * interval '1 millisecond'
    where namespace = ${sql.placeholder('namespace')} and key = ${sql.placeholder('key')}
      and token::text = ${sql.placeholder('token')} and state = 'started'
    returning 1 as one`,
);

const RESTART = statement(
  'ledger_restart',
  sql`with recursive ${lockedHead},
    again as (
      update ${effects} e set state = 'started', attempts = e.attempts + 1, token = gen_random_uuid(),
        lease_until = clock_timestamp() + ${sql.placeholder('leaseMs')}::float8 * interval '1 millisecond',
        output = null, error = null, settled_at = null
      from moment m
      where e.namespace = ${sql.placeholder('namespace')} and e.key = ${sql.placeholder('key')}
        and e.token::text = ${sql.placeholder('token')} and e.undo is null
        and (e.state in ('failed', 'unknown') or (e.state = 'started' and e.lease_until <= clock_timestamp()))
      returning e.token, e.attempts, e.undoes
    ),
    marked as (
      update ${effects} e set undo = 'started' from again a
      where e.namespace = ${sql.placeholder('namespace')} and e.key = a.undoes
    ),
    ${appendTo(sql`(select m.* from moment m, again) s`)}
    select token, attempts from again`,
);

const toValues = ({ state, output, error }: LedgerSettlement) => ({
  state,
  output: output === undefined ? null : JSON.stringify(output),
  error: error ?? null,
});

/**
 * Settles an attempt. INVARIANT E4: only the last one, by its token. Settling the same again is no news but true: the reply
 * to the first time may have been lost.
 */
export const settleEffect = async (
  connection: Connection,
  target: { readonly namespace: string; readonly key: string; readonly token: string },
  ending: { readonly settlement: LedgerSettlement; readonly task: TaskRef; readonly entry: AuditEntry },
): Promise<LedgerSettled> => {
  const { settlement, task, entry } = ending;
  const values = { ...target, ...task, ...toValues(settlement), entries: [entryText(entry)] };
  const { rows } = await withLife({ connection, namespace: target.namespace }, task, async () => ({
    rows: await connection.run(SETTLE, values),
  }));
  const [row] = rows;
  if (row?.['is_settled'] !== true) return { isSettled: false };
  return { isSettled: true, anchor: { seq: Number(row['seq']), hash: row['hash'] as Digest } };
};

/** Prolongs the lease of an attempt that nobody has judged; 0 milliseconds end it. */
export const renewLease = async (
  connection: Connection,
  target: { readonly namespace: string; readonly key: string; readonly token: string },
  leaseMs: number,
): Promise<boolean> => (await connection.run(RENEW, { ...target, leaseMs })).length > 0;

/** Settles a row that no attempt will settle. INVARIANT E4: not before the lease has ended. */
export const resolveEffect = async (
  connection: Connection,
  target: { readonly namespace: string; readonly key: string },
  settlement: LedgerSettlement,
): Promise<boolean> =>
  (await connection.run(RESOLVE, { ...target, ...toValues(settlement) }))[0]?.['is_settled'] === true;

/** Begins another attempt. Compares tokens, so that of many who try at the same moment one succeeds. */
export const restartEffect = async (
  connection: Connection,
  namespace: string,
  again: { readonly row: LedgerRow; readonly leaseMs: number; readonly audit: AuditEntry },
): Promise<{ token: string; attempts: number } | undefined> => {
  const { task, key, token } = again.row;
  const found = await connection.tryRun(RESTART, {
    namespace,
    ...task,
    key,
    token,
    leaseMs: again.leaseMs,
    entries: [entryText(again.audit)],
  });
  // A failed effect gave up its semantic key, and another one holds it by now.
  if ('violated' in found) return undefined;
  const [row] = found.rows;
  return row === undefined ? undefined : { token: String(row['token']), attempts: Number(row['attempts']) };
};
