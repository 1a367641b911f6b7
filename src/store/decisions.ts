import { type SQL, sql } from 'drizzle-orm';
import type { DecisionFilter, DecisionRow, DecisionStats, DeskLog } from '../gateway/desk-ports.ts';
import { type Connection, type Row, type Statement, statement } from './connection.ts';
import { refused } from './failures.ts';
import { decisions } from './tables/desk.ts';
import { lives } from './tables/tasks.ts';
import { isoMoment } from './trail.ts';

const EQUAL = { rule: sql`d.rule`, tool: sql`d.tool`, agent: sql`d.agent` } as const;
const FIELDS = ['rule', 'tool', 'agent'] as const satisfies readonly (keyof DecisionFilter)[];

/** Groups that are told: nobody reads more, and names of tools are not ours to bound. */
const MAX_GROUPS = 1_000;

const DECIDED = sql`d.outcome in ('approved', 'edited', 'denied', 'answered')`;

const counted = (outcome: DecisionRow['outcome']): SQL =>
  sql`count(*) filter (where d.outcome = ${sql.raw(`'${outcome}'`)}) as ${sql.raw(outcome)}`;

/** With only those conditions that are asked for: each shape is a statement that finds its rows by the index that fits. */
const conditions = (filter: DecisionFilter): SQL => sql`d.namespace = ${sql.placeholder('namespace')}
  and d.decided_at >= ${sql.placeholder('since')}::timestamptz
  ${sql.join(FIELDS.flatMap((field) => (filter[field] === undefined ? [] : [sql` and ${EQUAL[field]} = ${sql.placeholder(field)}`])))}`;

const statsQuery = (by: 'rule' | 'tool', filter: DecisionFilter): SQL => sql`
  select ${EQUAL[by]} as "of", count(*) as asked, ${counted('approved')}, ${counted('edited')}, ${counted('denied')},
    ${counted('answered')}, ${counted('expired')}, ${counted('withdrawn')},
    percentile_cont(0.5) within group (order by extract(epoch from d.decided_at - d.asked_at) * 1000)
      filter (where ${DECIDED}) as median
  from ${decisions} d where ${conditions(filter)}
  group by 1 order by asked desc, 1 limit ${sql.raw(String(MAX_GROUPS))}`;

const pageQuery = (filter: DecisionFilter): SQL => sql`
  select d.id::text as place, (extract(epoch from d.decided_at) * 1000)::bigint::text as ms, l.task_id, l.epoch,
    d.decision_id, d.kind, d.call_id, d.tool, d.agent, d.rule, d.policies, d.codes, d.risk, d.confidence,
    ${isoMoment(sql`d.asked_at`)} as asked_at, ${isoMoment(sql`d.decided_at`)} as decided_at, d.outcome, d."by", d.verified
  from ${decisions} d join ${lives} l on l.id = d.life_id
  where ${conditions(filter)}
    and (d.decided_at, d.id) < (${sql.placeholder('beforeAt')}::timestamptz, ${sql.placeholder('beforeId')}::bigint)
  order by d.decided_at desc, d.id desc limit ${sql.placeholder('limit')}::integer`;

/** A statement for each shape of filter that was asked for: at most 24. */
const prepared = new Map<string, Statement>();

const prepare = (what: 'page' | 'rule' | 'tool', filter: DecisionFilter): Statement => {
  const name = ['decisions', what, ...FIELDS.filter((field) => filter[field] !== undefined)].join('_');
  const known = prepared.get(name) ?? statement(name, what === 'page' ? pageQuery(filter) : statsQuery(what, filter));
  prepared.set(name, known);
  return known;
};

const valuesOf = (namespace: string, { since = '-infinity', rule, tool, agent }: DecisionFilter) => ({
  namespace,
  since,
  rule,
  tool,
  agent,
});

const toStats = (row: Row): DecisionStats => ({
  of: String(row['of']),
  asked: Number(row['asked']),
  approved: Number(row['approved']),
  edited: Number(row['edited']),
  denied: Number(row['denied']),
  answered: Number(row['answered']),
  expired: Number(row['expired']),
  withdrawn: Number(row['withdrawn']),
  medianMs: row['median'] === null ? null : Math.round(Number(row['median'])),
});

/** Counts by rule or by tool, the most frequent first. */
export const readStats = async (
  connection: Connection,
  namespace: string,
  { by, filter }: { readonly by: 'rule' | 'tool'; readonly filter: DecisionFilter },
): Promise<readonly DecisionStats[]> =>
  (await connection.run(prepare(by, filter), valuesOf(namespace, filter))).map(toStats);

const toDecision = (row: Row): DecisionRow => ({
  taskId: String(row['task_id']),
  epoch: String(row['epoch']),
  id: String(row['decision_id']),
  kind: String(row['kind']),
  callId: String(row['call_id']),
  tool: String(row['tool']),
  agent: String(row['agent']),
  rule: String(row['rule']),
  policies: JSON.parse(String(row['policies'])) as string[],
  codes: JSON.parse(String(row['codes'])) as string[],
  risk: row['risk'] as string | null,
  confidence: row['confidence'] as number | null,
  askedAt: String(row['asked_at']),
  decidedAt: String(row['decided_at']),
  outcome: row['outcome'] as DecisionRow['outcome'],
  by: row['by'] as string | null,
  verified: row['verified'] === true,
});

/** Where a page ended: the time and the number of its last row, so that rows which come meanwhile shift nothing. */
const writeToken = (row: Row): string =>
  Buffer.from(`${String(row['ms'])}.${String(row['place'])}`).toString('base64url');

const FIRST = { beforeAt: 'infinity', beforeId: '0' };

const readToken = (token: string): typeof FIRST => {
  const [, ms, id] = /^(-?\d{1,15})\.(\d{1,18})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (ms === undefined || id === undefined) throw refused('this is not the token of a next page');
  return { beforeAt: new Date(Number(ms)).toISOString(), beforeId: id };
};

/** Decisions, newest first, a page at a time. @throws ApplicationFailure `Store.Refused` for a token that is none */
export const readDecisions = async (
  connection: Connection,
  namespace: string,
  { filter, page }: { readonly filter: DecisionFilter; readonly page: Parameters<DeskLog['decisions']>[1] },
): ReturnType<DeskLog['decisions']> => {
  const before = page.next === undefined ? FIRST : readToken(page.next);
  // One more than is shown tells whether there is another page.
  const values = { ...valuesOf(namespace, filter), ...before, limit: page.limit + 1 };
  const rows = await connection.run(prepare('page', filter), values);
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    decisions: shown.map(toDecision),
    next: rows.length > page.limit && last !== undefined ? writeToken(last) : null,
  };
};
