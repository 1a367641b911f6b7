import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { startPostgres } from '../../src/dev/postgres.ts';
import { migrate } from '../../src/store/migrate.ts';

/** Runs statements on a server and closes the connection. */
const runSql = async (url: string, ...statements: readonly string[]): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

/** The URL of another database of the same server. */
const inDatabase = (url: string, database: string): string => {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
};

/** Beside the database of a URL: one that is migrated, to be copied. */
const templateOf = (url: string): string => `${new URL(url).pathname.slice(1)}_template`;

/** A new database beside the one of a URL: empty, or migrated. */
export const createDatabase = async (
  url: string,
  { isMigrated = false } = {},
): Promise<{ url: string; drop: () => Promise<void> }> => {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runSql(url, `CREATE DATABASE ${name} TEMPLATE ${isMigrated ? templateOf(url) : 'template0'}`);
  return {
    url: inDatabase(url, name),
    drop: async () => await runSql(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
};

const createTemplate = async (url: string): Promise<void> => {
  await runSql(url, `CREATE DATABASE ${templateOf(url)} TEMPLATE template0`);
  await migrate({ url: inDatabase(url, templateOf(url)), apply: true });
};

/** One PostgreSQL for all tests, or databases on the server that `HOLDFAST_TEST_STORE` names. */
export const startStoreServer = async (
  given: string | undefined,
): Promise<{ url: string; stop: () => Promise<void> }> => {
  if (given === undefined) {
    const settings = { max_connections: '300' };
    const server = await startPostgres({ dataDir: null, port: 0, settings, log: () => undefined });
    await createTemplate(server.url);
    return server;
  }
  const { url, drop } = await createDatabase(given);
  await createTemplate(url);
  return {
    url,
    stop: async () => {
      await runSql(given, `DROP DATABASE IF EXISTS ${templateOf(url)} WITH (FORCE)`);
      await drop();
    },
  };
};
