import { sql } from 'drizzle-orm';
import { type Breaker, CLOSED, isClean } from '../../domain/breaker.ts';
import { type Query, type Row, statement } from '../connection.ts';
import { toolBreakers } from '../tables/limits.ts';
import { expiresAfter, NOW_MS, value } from './sql.ts';
import { FLEET } from './subject.ts';

/** A stored breaker: a principal's own one of a tool, or the fleet's. */
export type BreakerRow = { readonly tool: string; readonly subject: string; readonly breaker: Breaker };

/** What was found, and when by the database's clock; 0 where nothing was. */
export type BreakerRows = { readonly rows: readonly BreakerRow[]; readonly nowMs: number };

/** Which breakers stand before some tools for a principal. */
export type BreakerKeys = { readonly scope: string; readonly tools: readonly string[]; readonly subject: string };

const COLUMNS = sql`tool, subject, state, ${NOW_MS} as now_ms`;
const MINE = sql`scope = ${value('scope')} and tool = any(${value('tools')}::text[]) and subject in (${FLEET}, ${value('subject')})`;

const READ = statement('breaker_read', sql`select ${COLUMNS} from ${toolBreakers} where ${MINE}`);

/** Everybody locks in this order, so nobody waits in a circle. */
const LOCK = statement(
  'breaker_lock',
  sql`select ${COLUMNS} from ${toolBreakers} where ${MINE} order by tool, subject for update`,
);

const EXPIRY = expiresAfter(sql`86400000::float8`);

/** As `LOCK`, making the rows that are not there yet. */
const CREATE = statement(
  'breaker_create',
  sql`insert into ${toolBreakers} as b (scope, tool, subject, state, expires_on)
    select ${value('scope')}::text, ${value('tool')}::text, subject, ${JSON.stringify(CLOSED)}::jsonb, ${EXPIRY}
    from unnest(${value('subjects')}::text[]) with ordinality as s(subject, place) order by place
    on conflict (scope, tool, subject) do update set tool = excluded.tool
    returning ${COLUMNS}`,
);

const WRITE = statement(
  'breaker_write',
  sql`insert into ${toolBreakers} (scope, tool, subject, state, expires_on)
    select ${value('scope')}::text, tool, subject, state, ${EXPIRY}
    from jsonb_to_recordset(${value('rows')}::jsonb) as r(tool text, subject text, state jsonb)
    on conflict (scope, tool, subject) do update set state = excluded.state, expires_on = excluded.expires_on`,
);

const REMOVE = statement(
  'breaker_remove',
  sql`delete from ${toolBreakers}
    where scope = ${value('scope')} and tool = ${value('tool')} and subject = any(${value('subjects')}::text[])`,
);

const toRows = (found: readonly Row[]): BreakerRows => ({
  rows: found.map(({ tool, subject, state }) => ({
    tool: String(tool),
    subject: String(subject),
    breaker: state as Breaker,
  })),
  nowMs: Math.max(0, ...found.map((row) => Number(row['now_ms']))),
});

/** Reads without locks; a healthy tool has no row. */
export const readBreakers = async (query: Query, keys: BreakerKeys): Promise<BreakerRows> =>
  toRows(await query(READ, keys));

/** Reads for writing, in a transaction. */
export const lockBreakers = async (query: Query, keys: BreakerKeys): Promise<BreakerRows> =>
  toRows(await query(LOCK, keys));

/** As `lockBreakers` for one tool; rows that are missing are made. `subjects` begin with the fleet where it is among them. */
export const createBreakers = async (
  query: Query,
  keys: { readonly scope: string; readonly tool: string; readonly subjects: readonly string[] },
): Promise<BreakerRows> => toRows(await query(CREATE, keys));

/** Writes locked breakers back; one that has nothing to remember goes. */
export const writeBreakers = async (query: Query, scope: string, rows: readonly BreakerRow[]): Promise<void> => {
  const kept = rows.filter(({ breaker }) => !isClean(breaker));
  if (kept.length > 0) {
    const records = kept.map(({ breaker, ...key }) => ({ ...key, state: breaker }));
    await query(WRITE, { scope, rows: JSON.stringify(records) });
  }
  for (const { tool, subject } of rows.filter(({ breaker }) => isClean(breaker))) {
    await query(REMOVE, { scope, tool, subjects: [subject] });
  }
};
