import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type GroupLeader, startGroupLeader } from './group-leader.ts';
import { claimPort, LOOPBACK, type PortUse } from './ports.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { type Cluster, openCluster, STORE_NAME } from './postgres-cluster.ts';
import { explainPostgresFailure, isStillHeld, isStorePortTaken } from './postgres-failure.ts';
import { clearPidFile, makeTemporaryFolder } from './postgres-leftovers.ts';
import { findPostgresUser, type PostgresUser } from './postgres-user.ts';
import type { ProcessMark } from './process-mark.ts';
import { reasonOf } from './stack-error.ts';

/** Where a PostgreSQL keeps its data and listens. */
export type PostgresOptions = {
  /** A folder that this process owns: its data goes to `postgres` in it. Null: a folder of its own, removed at the end. */
  readonly dataDir: string | null;
  /** On the loopback interface; 0 any free one. */
  readonly port: number;
  /** Settings of PostgreSQL that win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Gets what goes wrong in the server while it is wanted. */
  readonly log: (line: string) => void;
  /** Called as soon as the server's process exists, long before it is ready. */
  readonly onSpawn?: (mark: ProcessMark) => Promise<void>;
};

/** A PostgreSQL that answers and has the control store's database. */
export type PostgresServer = {
  /** Holds the password. */
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  /** Resolves with how it ended, and its last words, when it ends. */
  readonly exited: Promise<string>;
  /** Ends it, connections included: a fast shutdown, SIGKILL after 10 s. Idempotent. */
  stop(): Promise<void>;
};

const STOP_GRACE_MS = 10_000;
const READY_MS = 60_000;
const POLL_MS = 10;
const HELD_MS = 200;
const MAX_STARTS = 20;

const storePort = (port: number): PortUse => ({ port, what: 'the control store', flag: '--store-port' });

/** What a start works on. */
type Launch = {
  readonly options: PostgresOptions;
  readonly cluster: Cluster;
  readonly binaries: PostgresBinaries;
  readonly user: PostgresUser;
  readonly env: NodeJS.ProcessEnv;
};

// Nothing of the terminal's environment: PGPORT, PGOPTIONS and the locale would change what the server does.
const environment = ({ libraryPath }: PostgresBinaries): NodeJS.ProcessEnv => ({
  LC_ALL: 'C',
  TZ: 'UTC',
  PATH: '/usr/local/bin:/usr/bin:/bin',
  ...(libraryPath === null ? {} : { LD_LIBRARY_PATH: libraryPath, DYLD_LIBRARY_PATH: libraryPath }),
});

// What a crash would lose is thrown away at the end anyway.
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

const serverArguments = ({ options, cluster }: Launch, port: number): string[] => {
  const settings = {
    listen_addresses: LOOPBACK,
    // Only the password opens this server, so there is one door.
    unix_socket_directories: '',
    max_connections: '200',
    log_min_messages: 'log',
    log_line_prefix: '',
    log_checkpoints: 'off',
    ...(options.dataDir === null ? NOT_DURABLE : {}),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return ['-D', cluster.data, '-p', String(port), ...flags];
};

const urlOf = ({ password }: Cluster, port: number, database: string): string =>
  `postgres://${STORE_NAME}:${encodeURIComponent(password)}@${LOOPBACK}:${port}/${database}`;

const ensureDatabase = async (client: Client): Promise<void> => {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [STORE_NAME]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${STORE_NAME}`);
};

const tryToConnect = async (url: string): Promise<Client | undefined> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A connection that breaks later has nobody who waits for it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return undefined;
  }
};

const waitUntilReady = async (server: GroupLeader, url: string, signal?: AbortSignal): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    signal?.throwIfAborted();
    if (server.hasExited()) throw new Error(await server.exited);
    if (Date.now() > deadline) throw new Error(`was not ready after ${READY_MS / 1000} s`);
    const client = await tryToConnect(url);
    if (client === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    try {
      await ensureDatabase(client);
      return;
    } finally {
      await client.end();
    }
  }
};

const WORTH_SAYING = /^(WARNING|FATAL|PANIC): |was terminated by signal/;
const EXPECTED = /the database system is (starting up|shutting down|not yet accepting)/;

const launch = async (given: Launch, port: number): Promise<GroupLeader> => {
  const { options, cluster, binaries, user, env } = given;
  const server = await startGroupLeader({
    ...user.wrap(binaries.postgres, serverArguments(given, port)),
    env,
    // The order for a fast shutdown; SIGTERM would wait until every client has left.
    stopSignal: 'SIGINT',
    log: (line) => {
      if (WORTH_SAYING.test(line) && !EXPECTED.test(line)) options.log(line);
    },
  });
  try {
    await options.onSpawn?.(server.mark);
    await waitUntilReady(server, urlOf(cluster, port, 'postgres'), options.signal);
    return server;
  } catch (error) {
    await server.stop(STOP_GRACE_MS);
    options.signal?.throwIfAborted();
    const folder = options.dataDir === null ? null : cluster.folder;
    throw explainPostgresFailure({ what: reasonOf(error), output: server.tail(), folder });
  }
};

const isWorthAnother = (error: unknown, port: number): boolean =>
  error instanceof Error && (isStillHeld(error.message) || (port === 0 && isStorePortTaken(error.message)));

const start = async (given: Launch): Promise<{ readonly server: GroupLeader; readonly port: number }> => {
  const { options, cluster } = given;
  for (let attempt = 1; ; attempt += 1) {
    const port = await claimPort(storePort(options.port));
    await clearPidFile(cluster.data);
    try {
      return { server: await launch(given, port), port };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (attempt === MAX_STARTS || !isWorthAnother(error, options.port)) throw error;
      await sleep(HELD_MS);
    }
  }
};

const keep = async (): Promise<void> => undefined;

/**
 * Starts the control store's PostgreSQL and resolves when its database answers.
 * @throws StackError when the port is in use, the data folder cannot be used, or it does not come up; the signal's reason
 * when aborted. Nothing keeps running then.
 */
export const startPostgres = async (options: PostgresOptions): Promise<PostgresServer> => {
  options.signal?.throwIfAborted();
  const given = options.dataDir;
  const { dir, remove } = given === null ? await makeTemporaryFolder() : { dir: given, remove: keep };
  try {
    const folder = join(dir, 'postgres');
    const [binaries, user] = await Promise.all([findPostgresBinaries(join(dir, 'lib')), findPostgresUser(folder)]);
    const env = environment(binaries);
    const cluster = await openCluster({ folder, binaries, user, env, signal: options.signal });
    const { server, port } = await start({ options, cluster, binaries, user, env });
    const stop = async (): Promise<void> => {
      await server.stop(STOP_GRACE_MS);
      await remove();
    };
    let stopping: Promise<void> | undefined;
    return {
      url: urlOf(cluster, port, STORE_NAME),
      pid: server.mark.pid,
      port,
      exited: server.exited.then((how) => `${how}. ${server.tail()}`.trim()),
      stop: async () => await (stopping ??= stop()),
    };
  } catch (error) {
    await remove();
    throw error;
  }
};
