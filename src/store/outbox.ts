import { sql } from 'drizzle-orm';
import { digestText } from '../domain/digest.ts';
import { cutText } from '../domain/json.ts';
import type { Delivery, Outbox, OutboxMessage, OutboxState } from '../gateway/desk-ports.ts';
import { type Connection, type Query, type Row, statement } from './connection.ts';
import type { Scope } from './scope.ts';
import { outbox } from './tables/desk.ts';
import { isoMoment } from './trail.ts';

const ofScope = sql`namespace = ${sql.placeholder('namespace')} and task_queue = ${sql.placeholder('taskQueue')}`;
const inMs = (name: string) => sql`clock_timestamp() + ${sql.placeholder(name)}::float8 * interval '1 millisecond'`;

const INSERT = statement(
  'outbox_insert',
  sql`insert into ${outbox} (id, namespace, task_queue, endpoint, body)
    select m.id, ${sql.placeholder('namespace')}, ${sql.placeholder('taskQueue')}, m.endpoint, m.body
    from unnest(${sql.placeholder('ids')}::text[], ${sql.placeholder('endpoints')}::text[], ${sql.placeholder('bodies')}::text[])
      m (id, endpoint, body)
    on conflict do nothing`,
);

/** Rows that another worker is about to take are passed over. The lease is nothing but the time of the next attempt. */
const CLAIM = statement(
  'outbox_claim',
  sql`with due as materialized (
      select id from ${outbox}
      where ${ofScope} and endpoint = ${sql.placeholder('endpoint')} and given_up_at is null
        and next_at <= clock_timestamp()
      order by next_at limit ${sql.placeholder('limit')}::integer for update skip locked
    )
    update ${outbox} o
    set attempts = o.attempts + 1, next_at = ${inMs('leaseMs')}, lease_until = ${inMs('leaseMs')}
    from due where o.id = due.id
    returning o.id, o.endpoint, o.body, o.attempts - 1 as attempts,
      extract(epoch from clock_timestamp() - o.created_at) * 1000 as age`,
);

const DELIVERED = statement('outbox_delivered', sql`delete from ${outbox} where id = ${sql.placeholder('id')}`);

const FAILED = statement(
  'outbox_failed',
  sql`update ${outbox} set error = ${sql.placeholder('error')}, lease_until = null,
      next_at = ${inMs('retryAfterMs')},
      given_up_at = case when ${sql.placeholder('isGivenUp')}::boolean then clock_timestamp() end
    where id = ${sql.placeholder('id')} and attempts = ${sql.placeholder('attempts')}::integer and given_up_at is null`,
);

/** Not those that are being sent: they would be sent twice. */
const HURRY = statement(
  'outbox_hurry',
  sql`update ${outbox} set next_at = clock_timestamp()
    where ${ofScope} and endpoint = ${sql.placeholder('endpoint')} and given_up_at is null
      and next_at > clock_timestamp() and lease_until is null`,
);

const STATE = statement(
  'outbox_state',
  sql`select endpoint, count(*) filter (where given_up_at is null) as waiting, count(given_up_at) as given_up,
      ${isoMoment(sql`min(created_at) filter (where given_up_at is null)`)} as oldest,
      (array_agg(error order by next_at desc) filter (where error is not null))[1] as error
    from ${outbox} where ${ofScope} group by endpoint order by endpoint`,
);

/** Three days until it is given up, and thirty to look at it. Messages to an endpoint that nobody has any more go too. */
const KEPT_DAYS = 33;
const BATCH = 1_000;

const PRUNE = statement(
  'outbox_prune',
  sql`delete from ${outbox} where id in (
      select id from ${outbox} where namespace = ${sql.placeholder('namespace')}
        and created_at < clock_timestamp() - ${sql.raw(`interval '${KEPT_DAYS} days'`)}
      limit ${sql.raw(String(BATCH))} for update skip locked)
    returning 1 as one`,
);

/** Deletes what nobody will send any more. */
export const pruneOutbox = async (connection: Pick<Connection, 'run'>, namespace: string): Promise<void> => {
  while ((await connection.run(PRUNE, { namespace })).length === BATCH);
};

/** A message, and what it is about: the same event gives the same id, however often it is reported. */
type Queued = OutboxMessage & { readonly of: readonly string[] };

const messageId = (scope: Scope, { of, endpoint }: Queued): string =>
  `msg_${digestText(JSON.stringify([scope.namespace, scope.taskQueue, endpoint, ...of]))
    .replace('sha256:', '')
    .slice(0, 32)}`;

/** Queues messages, within the transaction that records what they tell of. */
export const insertMessages = async (query: Query, scope: Scope, messages: readonly Queued[]): Promise<void> => {
  if (messages.length === 0) return;
  await query(INSERT, {
    ...scope,
    ids: messages.map((message) => messageId(scope, message)),
    endpoints: messages.map(({ endpoint }) => endpoint),
    bodies: messages.map(({ body }) => body),
  });
};

const toDelivery = (row: Row): Delivery => ({
  id: String(row['id']),
  endpoint: String(row['endpoint']),
  body: String(row['body']),
  attempts: Number(row['attempts']),
  ageMs: Number(row['age']),
});

const toState = (row: Row): OutboxState => ({
  endpoint: String(row['endpoint']),
  waiting: Number(row['waiting']),
  givenUp: Number(row['given_up']),
  oldest: row['oldest'] as string | null,
  error: row['error'] as string | null,
});

/** The messages of a task queue that are on their way. */
export const createOutbox = (connection: Pick<Connection, 'run'>, scope: Scope): Outbox => ({
  claim: async (endpoint, { limit, leaseMs }) =>
    (await connection.run(CLAIM, { ...scope, endpoint, limit, leaseMs })).map(toDelivery),
  delivered: async (id) => {
    await connection.run(DELIVERED, { id });
  },
  failed: async ({ id, attempts }, error, retryAfterMs) => {
    await connection.run(FAILED, {
      id,
      // As the claim left it: another number is another worker's attempt.
      attempts: attempts + 1,
      error: cutText(error, 500),
      retryAfterMs: retryAfterMs ?? 0,
      isGivenUp: retryAfterMs === null,
    });
  },
  hurry: async (endpoint) => {
    await connection.run(HURRY, { ...scope, endpoint });
  },
  state: async () => (await connection.run(STATE, scope)).map(toState),
});
