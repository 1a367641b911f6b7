import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, lstat, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { withStoreConnection } from '../../src/dev/inspect-store.ts';
import { boundPort } from '../../src/dev/ports.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../src/dev/postgres.ts';
import { findPostgresBinaries } from '../../src/dev/postgres-binaries.ts';
import { runCommand } from '../../src/dev/run-command.ts';
import { StackError } from '../../src/dev/stack-error.ts';
import { failureOf, isAlive, makeFolder, SLOW, waitFor } from './support.ts';

const isRoot = process.getuid?.() === 0;

const start = async (options: Partial<PostgresOptions> = {}): Promise<PostgresServer> => {
  const dataDir = options.dataDir === undefined ? await makeFolder() : options.dataDir;
  const server = await startPostgres({ port: 0, log: () => undefined, ...options, dataDir });
  onTestFinished(async () => await server.stop());
  return server;
};

const query = async (url: string, text: string): Promise<unknown[]> =>
  await withStoreConnection(url, async (client) => (await client.query(text)).rows);

const changed = (url: string, change: (parts: URL) => void): string => {
  const parts = new URL(url);
  change(parts);
  return parts.href;
};

const pidFile = (dataDir: string): string => join(dataDir, 'postgres', 'data', 'postmaster.pid');
const pidOf = async (dataDir: string): Promise<number> =>
  Number((await readFile(pidFile(dataDir), 'utf8')).split('\n')[0]);

describe('a PostgreSQL', SLOW, () => {
  it('has the database of the store, in UTF8, on the loopback interface alone', async () => {
    const { url, port } = await start();

    const [row] = await query(
      url,
      "SELECT current_database() AS name, current_setting('server_encoding') AS encoding, current_setting('listen_addresses') AS at, current_setting('unix_socket_directories') AS sockets, current_setting('fsync') AS fsync",
    );

    expect(row).toEqual({ name: 'holdfast', encoding: 'UTF8', at: '127.0.0.1', sockets: '', fsync: 'on' });
    expect(new URL(url).port).toBe(String(port));
  });

  it.each([
    { name: 'a wrong password', change: (parts: URL) => (parts.password = 'wrong') },
    { name: 'no password', change: (parts: URL) => (parts.password = '') },
    { name: 'another user', change: (parts: URL) => (parts.username = 'postgres') },
  ])('INVARIANT U3: refuses $name', async ({ change }) => {
    const { url } = await start({ dataDir: null });

    const error = await failureOf(query(changed(url, change), 'SELECT 1'));

    expect(error.message).toMatch(/password/);
  });

  it('INVARIANT U3: keeps password and data in files that only their owner can read, and does not run as root', async () => {
    const dataDir = await makeFolder();
    const { url, pid } = await start({ dataDir });
    const folder = join(dataDir, 'postgres');

    const modes = await Promise.all(
      ['', 'password', 'data'].map(async (name) => (await stat(join(folder, name))).mode),
    );
    const rules = (await readFile(join(folder, 'data', 'pg_hba.conf'), 'utf8')).match(/^[a-z].*$/gm) ?? [];

    expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o600, 0o700]);
    expect(await readFile(join(folder, 'password'), 'utf8')).toBe(decodeURIComponent(new URL(url).password));
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) expect(rule).toMatch(/scram-sha-256$/);
    expect((await stat(`/proc/${pid}`)).uid === 0).toBe(false);
  });

  it.runIf(isRoot)(
    'runs for root in a folder that is closed to everybody else, and keeps one right of root’s',
    async () => {
      const closed = await makeFolder();
      const dataDir = join(closed, 'project', '.holdfast');
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      const { url, pid } = await start({ dataDir });

      const status = await readFile(`/proc/${pid}/status`, 'utf8');

      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      // Bit 1 is CAP_DAC_OVERRIDE.
      expect(Number.parseInt(/^CapEff:\s+(\w+)$/m.exec(status)?.[1] ?? '', 16) & ~2).toBe(0);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    },
  );

  it('keeps its data and its password over a restart, and then starts within two seconds', async () => {
    const dataDir = await makeFolder();
    const first = await start({ dataDir });
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();

    const since = Date.now();
    const second = await start({ dataDir });
    const tookMs = Date.now() - since;

    expect(
      await query(
        changed(first.url, (parts) => (parts.port = String(second.port))),
        'TABLE kept',
      ),
    ).toEqual([{ n: 7 }]);
    expect(tookMs).toBeLessThan(2_000);
  });

  it('ends although clients are connected, twice if asked, and leaves no process', async () => {
    const dataDir = await makeFolder();
    const server = await start({ dataDir });
    const client = new Client({ connectionString: server.url });
    const broken = Promise.withResolvers<Error>();
    client.on('error', broken.resolve);
    await client.connect();
    await client.query('BEGIN; CREATE TABLE half_done (n int)');

    await Promise.all([server.stop(), server.stop()]);

    expect(await isAlive(server.pid)).toBe(false);
    expect(await server.exited).toMatch(/^ended with exit code 0/);
    expect((await broken.promise).message).toMatch(/terminat/);
    expect(await readdir(join(dataDir, 'postgres', 'data'))).not.toContain('postmaster.pid');
  });

  it('says how it ended, and its last words', async () => {
    const server = await start({ dataDir: null });

    process.kill(server.pid, 'SIGQUIT');

    expect(await server.exited).toMatch(/received immediate shutdown request/);
  });

  it('that is ephemeral leaves nothing in the temporary folder', async () => {
    const mine = async () =>
      (await readdir(tmpdir())).filter((name) => name.startsWith(`holdfast-store-${process.pid}-`));
    const before = await mine();
    const server = await start({ dataDir: null });
    const during = await mine();

    await server.stop();

    expect(during).toHaveLength(before.length + 1);
    expect(await mine()).toEqual(before);
  });

  it('that is ephemeral removes what one of a killed process left', async () => {
    const ended = spawn('true');
    await once(ended, 'exit');
    const left = join(tmpdir(), `holdfast-store-${ended.pid}-abc`);
    await mkdir(join(left, 'postgres'), { recursive: true });

    await start({ dataDir: null });

    await expect(stat(left)).rejects.toThrow('ENOENT');
  });
});

describe('what a killed run left', SLOW, () => {
  const startProcess = async (dataDir: string): Promise<{ child: ChildProcess; url: string }> => {
    const script = join(import.meta.dirname, 'postgres-process.ts');
    const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return { child, url };
  };

  it('is ended by the next start, and what was committed is there', async () => {
    const dataDir = await makeFolder();
    const { child, url } = await startProcess(dataDir);
    await query(url, 'CREATE TABLE kept AS SELECT 7 AS n');
    const orphan = await pidOf(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const wasAlive = await isAlive(orphan);

    const server = await start({ dataDir });

    expect(wasAlive).toBe(true);
    expect(await isAlive(orphan)).toBe(false);
    expect(await query(server.url, 'TABLE kept')).toEqual([{ n: 7 }]);
  });

  it('may be a pid file after a power cut, whose number a stranger has by now', async () => {
    const dataDir = await makeFolder();
    const first = await start({ dataDir });
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    const file = await readFile(pidFile(dataDir), 'utf8');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const stranger = spawn('sleep', ['60']);
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await writeFile(pidFile(dataDir), file.replace(/^\d+/, String(stranger.pid)));

    const second = await start({ dataDir });

    expect(await query(second.url, 'TABLE kept')).toEqual([{ n: 7 }]);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  it('may be a server that was killed a moment ago: the start waits for its children', async () => {
    const dataDir = await makeFolder();
    const first = await start({ dataDir });
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    process.kill(first.pid, 'SIGKILL');

    const second = await start({ dataDir });

    expect(await query(second.url, 'TABLE kept')).toEqual([{ n: 7 }]);
  });

  it('may be a cluster that is half made: it is made anew', async () => {
    const dataDir = await makeFolder();
    const unfinished = join(dataDir, 'postgres', 'data-1.new');
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');

    await start({ dataDir });

    expect((await readdir(join(dataDir, 'postgres'))).toSorted()).toEqual(['data', 'password']);
  });
});

describe('a PostgreSQL that cannot start', SLOW, () => {
  it('names the port in use, who has it, and --store-port', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    onTestFinished(() => void occupant.close());
    const port = boundPort(occupant);

    const error = await failureOf(start({ port }));

    expect(error).toBeInstanceOf(StackError);
    expect(error.message).toContain(`Port ${port}, wanted for the control store, is in use by process ${process.pid}`);
    expect(error.message).toContain('--store-port');
  });

  it('names a folder of another major version, both versions, and what to do', async () => {
    const dataDir = await makeFolder();
    await (await start({ dataDir })).stop();
    await writeFile(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '14\n');

    const error = await failureOf(start({ dataDir }));

    expect(error.message).toContain(`${join(dataDir, 'postgres')} holds a control store of PostgreSQL 14`);
    expect(error.message).toMatch(/brings PostgreSQL \d+\..*--data.*HOLDFAST_STORE_URL/s);
  });

  it('names a lost password file', async () => {
    const dataDir = await makeFolder();
    await (await start({ dataDir })).stop();
    await rm(join(dataDir, 'postgres', 'password'));

    const error = await failureOf(start({ dataDir }));

    expect(error.message).toContain('has lost its file "password"');
  });

  it('names a damaged folder, what to do, and its last words', async () => {
    const dataDir = await makeFolder();
    await (await start({ dataDir })).stop();
    await rm(join(dataDir, 'postgres', 'data', 'global', 'pg_control'));

    const error = await failureOf(start({ dataDir }));

    expect(error.message).toContain(`the folder ${join(dataDir, 'postgres')} is damaged`);
    expect(error.message).toContain('--ephemeral');
    expect(error.message).toContain('pg_control');
  });

  it('leaves nothing running when it is cancelled', async () => {
    const control = new AbortController();
    const reason = new Error('changed my mind');
    const pids: number[] = [];
    const onSpawn = async ({ pid }: { pid: number }) => {
      pids.push(pid);
      control.abort(reason);
    };

    const error = await failureOf(start({ dataDir: null, signal: control.signal, onSpawn }));

    expect(error).toBe(reason);
    await waitFor(async () => !(await isAlive(pids[0] ?? 0)));
  });
});

describe('the programs of the package', SLOW, () => {
  it.runIf(process.platform === 'linux')(
    'get the links between libraries that an install script would have made',
    async () => {
      const { postgres } = await findPostgresBinaries('/nowhere');
      const installed = dirname(dirname(dirname(postgres)));
      const folder = await makeFolder();
      const filter = async (path: string) => !(await lstat(path)).isSymbolicLink() && !path.endsWith('/share');
      await cp(installed, folder, { recursive: true, filter });
      const version = async () =>
        await runCommand(join(folder, 'native', 'bin', 'postgres'), { args: ['--version'], env: {} });
      const before = await failureOf(version());

      const found = await Promise.all([
        findPostgresBinaries('/nowhere', folder),
        findPostgresBinaries('/nowhere', folder),
      ]);

      expect(before.message).toContain('error while loading shared libraries');
      expect(await version()).toContain(`(PostgreSQL) ${found[0].major}.`);
      expect(found.map(({ libraryPath }) => libraryPath)).toEqual([null, null]);
    },
  );
});
