import pg from 'pg';
import { refused, toStoreFailure } from './failures.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { type ServerFacts, whyUnfit } from './server-fit.ts';

/** How a database is brought to this version. */
export type MigrateOptions = {
  readonly url: string;
  /** False: only checks that somebody else has migrated. Then the role needs no right to create anything. */
  readonly apply: boolean;
  readonly log?: ((message: string) => void) | undefined;
  readonly migrations?: readonly Migration[] | undefined;
};

type Applied = ReadonlyMap<string, string>;

/** Any number that nothing else locks: the letters `hold`. */
const LOCK = 0x68_6f_6c_64;

/** Five minutes: long enough for other workers' migrations, not for ever. */
const TIMEOUT_MS = 300_000;

const checkServer = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<ServerFacts>(
    `select current_setting('server_version_num')::integer as version, current_setting('server_version') as shown,
      current_setting('server_encoding') as encoding`,
  );
  const why = rows[0] === undefined ? undefined : whyUnfit(rows[0]);
  if (why !== undefined) throw refused(why);
};

const readApplied = async (client: pg.Client): Promise<Applied> => {
  const { rows: found } = await client.query<{ there: boolean }>(
    `select to_regclass('holdfast.migrations') is not null as there`,
  );
  if (found[0]?.there !== true) return new Map();
  const { rows } = await client.query<{ tag: string; hash: string }>('select tag, hash from holdfast.migrations');
  return new Map(rows.map(({ tag, hash }) => [tag, hash]));
};

/**
 * A database may be ahead of this version while workers are replaced one by one. Migrations only add, so that is fine; one
 * that does not is named `NNNN_breaking_…`, and versions that do not know it refuse to start.
 */
const checkApplied = (applied: Applied, known: readonly Migration[], log: (message: string) => void): void => {
  const edited = known.find(({ tag, hash }) => applied.has(tag) && applied.get(tag) !== hash);
  if (edited !== undefined) {
    throw refused(
      `the database was migrated with another text of ${edited.tag}: it belongs to another build of Holdfast`,
    );
  }
  const tags = new Set(known.map(({ tag }) => tag));
  const unknown = [...applied.keys()].filter((tag) => !tags.has(tag)).sort();
  const breaking = unknown.find((tag) => /^\d+_breaking/.test(tag));
  if (breaking !== undefined) {
    throw refused(
      `the database was migrated by a newer version of Holdfast (${breaking}); deploy that version here too`,
    );
  }
  if (unknown.length > 0) {
    log(
      `the database was migrated by a newer version of Holdfast (${unknown.join(', ')}); this one works on it as well`,
    );
  }
};

const applyOne = async (client: pg.Client, { tag, hash, statements }: Migration): Promise<void> => {
  for (const text of statements) await client.query(text);
  await client.query('insert into holdfast.migrations (tag, hash) values ($1, $2)', [tag, hash]);
};

const prepareSchema = async (client: pg.Client): Promise<void> => {
  // Not `create schema if not exists`: that asks for the right to create one even where it is there.
  const { rows } = await client.query<{ there: boolean }>(`select to_regnamespace('holdfast') is not null as there`);
  if (rows[0]?.there !== true) await client.query('create schema holdfast');
  await client.query(
    'create table if not exists holdfast.migrations (tag text primary key, hash text not null, at timestamptz not null default now())',
  );
};

/** All that is missing, in one transaction: interrupted half-way, it leaves nothing. */
const applyMissing = async (
  client: pg.Client,
  known: readonly Migration[],
  log: (message: string) => void,
): Promise<void> => {
  await client.query('begin');
  // Held until the end of the transaction, or of the connection: nobody has to clean up after a worker that died.
  await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
  await prepareSchema(client);
  const applied = await readApplied(client);
  checkApplied(applied, known, log);
  for (const migration of known.filter(({ tag }) => !applied.has(tag))) {
    await applyOne(client, migration);
    log(`control store: ${migration.tag} applied`);
  }
  await client.query('commit');
};

const migrateOn = async (client: pg.Client, options: MigrateOptions): Promise<void> => {
  const log = options.log ?? (() => undefined);
  const known = options.migrations ?? readMigrations();
  await checkServer(client);
  const applied = await readApplied(client);
  const isMissing = known.some(({ tag }) => !applied.has(tag));
  if (!isMissing) {
    checkApplied(applied, known, log);
    return;
  }
  if (!options.apply) {
    throw refused(
      'the database is not migrated to this version; start one worker that may migrate, or see docs/store.md',
    );
  }
  await applyMissing(client, known, log);
};

const openClient = (url: string): pg.Client => {
  try {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'holdfast migration',
      connectionTimeoutMillis: 5_000,
      statement_timeout: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    });
    // A connection that breaks between two statements; the next statement fails.
    client.on('error', () => undefined);
    return client;
  } catch {
    throw refused('store.url is not a PostgreSQL URL (postgres://user:password@host:5432/database)');
  }
};

/**
 * Brings the database to this version, or checks that it is there. Any number of workers may call it at the same time.
 * @throws ApplicationFailure `Store.Refused` when server, database or another version of Holdfast do not fit;
 *   `Store.Unavailable` when it cannot be reached
 */
export const migrate = async (options: MigrateOptions): Promise<void> => {
  const client = openClient(options.url);
  try {
    await client.connect();
    await migrateOn(client, options);
  } catch (error) {
    throw toStoreFailure(error);
  } finally {
    await client.end().catch(() => undefined);
  }
};
