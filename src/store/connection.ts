import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { refused, toStoreFailure, violatedConstraint } from './failures.ts';
import { packText, unpackText } from './safe-text.ts';

/** A statement that PostgreSQL parses once a connection. Values come by name. */
export type Statement = { readonly name: string; readonly text: string; readonly params: readonly unknown[] };

/** Values of a statement's placeholders; texts may hold anything. */
export type Values = Readonly<Record<string, unknown>>;

/** A row, texts as they were before they were stored. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs a statement in a transaction. */
export type Query = (statement: Statement, values: Values) => Promise<readonly Row[]>;

/**
 * The way to the database. Everything that goes wrong on it is `Store.Unavailable` (retryable) or `Store.Refused`, with a
 * message that holds neither the URL nor values.
 */
export type Connection = {
  /** For queries that are not hot; wrap them in `attempt`. */
  readonly db: NodePgDatabase;
  readonly pool: pg.Pool;
  readonly attempt: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** One statement, one round trip, a transaction of its own. */
  readonly run: Query;
  /** As `run`; a unique constraint that refuses the rows is a result. */
  readonly tryRun: (
    statement: Statement,
    values: Values,
  ) => Promise<{ readonly rows: readonly Row[] } | { readonly violated: string }>;
  readonly transaction: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
};

const dialect = new PgDialect();

/** Builds a statement from Drizzle's SQL with `sql.placeholder`s. `name` is unique in the process. */
export const statement = (name: string, query: SQL): Statement => {
  const { sql: text, params } = dialect.sqlToQuery(query);
  return { name: `holdfast_${name}`, text, params };
};

const clean = (value: unknown): unknown => {
  if (typeof value === 'string') return packText(value);
  return Array.isArray(value) ? value.map(clean) : value;
};
const restore = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? unpackText(value) : value]),
  );

const toQuery = ({ name, text, params }: Statement, values: Values): pg.QueryConfig => ({
  name,
  text,
  values: fillPlaceholders([...params], { ...values }).map(clean),
});

const queryOn =
  (client: pg.Pool | pg.PoolClient): Query =>
  async (statement, values) =>
    (await client.query<Row>(toQuery(statement, values))).rows.map(restore);

const inTransaction = async <Result>(pool: pg.Pool, work: (query: Query) => Promise<Result>): Promise<Result> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(queryOn(client));
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that cannot even roll back goes; the server rolls back by itself.
    await client.query('rollback').catch((error: Error) => (broken = error));
    throw error;
  } finally {
    client.release(broken);
  }
};

/** How connections are made. */
export type ConnectOptions = {
  /** 10 by default. */
  readonly maxConnections?: number | undefined;
  /** How long a query may take, 15 s by default: a store that hangs is a store that is away. */
  readonly queryTimeoutMs?: number | undefined;
};

const createPool = (url: string, { maxConnections = 10, queryTimeoutMs = 15_000 }: ConnectOptions): pg.Pool => {
  try {
    const pool = new pg.Pool({
      connectionString: url,
      max: maxConnections,
      application_name: 'holdfast',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: queryTimeoutMs,
      // The server gives up before the client does, so that nothing is done behind its back.
      statement_timeout: Math.ceil(queryTimeoutMs * 0.8),
      idle_in_transaction_session_timeout: 30_000,
    });
    // Without listeners a connection that breaks while no query runs on it, idle or within a transaction, would end the
    // process. The next query on it fails, or the pool makes another.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  } catch {
    // The driver's error repeats the URL.
    throw refused('store.url is not a PostgreSQL URL (postgres://user:password@host:5432/database)');
  }
};

/** Opens a pool of connections; the first is made when it is needed. @throws ApplicationFailure `Store.Refused` for a bad URL */
export const connect = (url: string, options: ConnectOptions = {}): Connection => {
  const pool = createPool(url, options);
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw toStoreFailure(error);
    }
  };
  let closing: Promise<void> | undefined;
  return {
    db: drizzle(pool),
    pool,
    attempt,
    run: (statement, values) => attempt(() => queryOn(pool)(statement, values)),
    tryRun: (statement, values) =>
      attempt(async () => {
        try {
          return { rows: await queryOn(pool)(statement, values) };
        } catch (error) {
          const violated = violatedConstraint(error);
          if (violated === undefined) throw error;
          return { violated };
        }
      }),
    transaction: (work) => attempt(() => inTransaction(pool, work)),
    close: () => (closing ??= pool.end()),
  };
};
