import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { devFolderPath, readRunningDev } from '../../src/dev/dev-folder.ts';
import { inspectStore } from '../../src/dev/inspect-store.ts';
import { boundPort } from '../../src/dev/ports.ts';
import { missingSearchAttributes } from '../../src/dev/search-attributes.ts';
import { StackError } from '../../src/dev/stack-error.ts';
import { failureOf, isAlive, makeFolder, makeStack, SLOW, waitFor } from './support.ts';

const connectTo = async (address: string): Promise<Connection> => {
  const connection = await Connection.connect({ address });
  onTestFinished(async () => await connection.close());
  return connection;
};

const startProcess = async (dataDir: string): Promise<{ child: ChildProcess; store: string }> => {
  const script = join(import.meta.dirname, 'stack-process.ts');
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { store } = JSON.parse(line) as { store: string };
  return { child, store };
};

const occupyPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return boundPort(server);
};

const temporalPidOf = async (dir: string): Promise<number> => {
  const pid = (await readRunningDev(dir))?.temporal.pid;
  if (pid === undefined || pid === null) throw new Error(`no server is recorded in ${dir}`);
  return pid;
};

const storePidOf = async (dir: string): Promise<number> =>
  Number((await readFile(join(dir, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);

describe('a running stack', SLOW, () => {
  it('answers, has the search attributes, and starts a workflow at once', async () => {
    const stack = await makeStack({ ephemeral: true, namespace: 'crew' });
    const connection = await connectTo(stack.temporal);

    const missing = await missingSearchAttributes(connection, 'crew');
    const handle = await new Client({ connection, namespace: 'crew' }).workflow.start('none', {
      workflowId: 'w',
      taskQueue: 'q',
      searchAttributes: { HoldfastStatus: ['running'] },
    });

    expect(missing).toEqual([]);
    expect((await handle.describe()).searchAttributes).toMatchObject({ HoldfastStatus: ['running'] });
    expect((await fetch(`${stack.ui}/api/v1/settings`)).status).toBe(200);
  });

  it('fires timers within milliseconds', async () => {
    const stack = await makeStack({ ephemeral: true });
    const connection = await NativeConnection.connect({ address: stack.temporal });
    const workflowsPath = join(import.meta.dirname, 'workflow.ts');
    const activities = { now: async () => Date.now() };
    const worker = await Worker.create({ connection, taskQueue: 'q', workflowsPath, activities });
    const { workflow } = new Client({ connection: await connectTo(stack.temporal) });

    const tookMs = await worker.runUntil(workflow.execute('timed', { workflowId: 'w', taskQueue: 'q' }));
    await connection.close();

    expect(tookMs).toBeLessThan(800);
  });

  it('keeps its tasks in the data folder, readable by its owner alone', async () => {
    const dataDir = join(await makeFolder(), 'data');
    const first = await makeStack({ dataDir });
    const { workflow } = new Client({ connection: await connectTo(first.temporal) });
    await workflow.start('none', { workflowId: 'kept', taskQueue: 'q' });
    const modes = await Promise.all(
      ['', 'dev.json', 'temporal.db'].map(async (name) => await stat(join(dataDir, name))),
    );
    await first.stop();

    const second = await makeStack({ dataDir });
    const found = await new Client({ connection: await connectTo(second.temporal) }).workflow
      .getHandle('kept')
      .describe();

    expect(found.status.name).toBe('RUNNING');
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600, 0o600]);
  });

  it('is found through its folder until it stops, and leaves no process', async () => {
    const dataDir = await makeFolder();
    const stack = await makeStack({ dataDir });
    const running = await readRunningDev(dataDir);
    const pids = [await temporalPidOf(dataDir), await storePidOf(dataDir)];

    await Promise.all([stack.stop(), stack.stop()]);

    expect(running).toMatchObject({ pid: process.pid, ui: stack.ui, namespace: 'default', store: stack.store });
    expect(running?.temporal.address).toBe(stack.temporal);
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
    expect(await readdir(dataDir)).toEqual(['postgres', 'temporal.db']);
  });

  it.each([
    { what: 'The Temporal server', pidOf: temporalPidOf },
    { what: 'The control store (PostgreSQL)', pidOf: storePidOf },
  ])('says when it ends by itself: $what', async ({ what, pidOf }) => {
    const dataDir = await makeFolder();
    const exits: StackError[] = [];
    await makeStack({ dataDir, onServerExit: (error) => exits.push(error) });

    process.kill(await pidOf(dataDir), 'SIGKILL');
    await waitFor(() => exits.length > 0);

    expect(exits[0]?.message).toContain(`${what} at 127.0.0.1:`);
    expect(exits[0]?.message).toContain('was ended by SIGKILL');
  });

  it('stops when its signal aborts', async () => {
    const dataDir = await makeFolder();
    const control = new AbortController();
    await makeStack({ dataDir, signal: control.signal });
    const pid = await temporalPidOf(dataDir);

    control.abort();
    await waitFor(async () => (await readRunningDev(dataDir)) === null);

    expect(await isAlive(pid)).toBe(false);
  });

  it('leaves nothing behind when the start is cancelled', async () => {
    const dataDir = await makeFolder();
    const control = new AbortController();
    const reason = new Error('changed my mind');
    const onProgress = (line: string): void => {
      if (line.startsWith('starting Temporal')) setTimeout(() => control.abort(reason), 60);
    };

    const error = await failureOf(makeStack({ dataDir, signal: control.signal, onProgress }));

    expect(error).toBe(reason);
    expect(await readdir(dataDir)).not.toContain('dev.lock');
  });
});

describe('a stack that cannot start', SLOW, () => {
  it.each([
    { option: 'port', flag: '--port' },
    { option: 'uiPort', flag: '--ui-port' },
    { option: 'storePort', flag: '--store-port' },
  ])('names the port in use, who has it, and $flag', async ({ option, flag }) => {
    const port = await occupyPort();

    const error = await failureOf(makeStack({ [option]: port }));

    expect(error).toBeInstanceOf(StackError);
    expect(error.message).toContain(`Port ${port}`);
    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.message).toContain(flag);
  });

  it('names the first dev of the folder, its UI, and how to stop it', async () => {
    const dataDir = await makeFolder();
    const first = await makeStack({ dataDir });

    const error = await failureOf(makeStack({ dataDir }));

    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.message).toContain(first.ui);
    expect(error.message).toContain(`kill ${process.pid}`);
  });

  it('lets one of several simultaneous starts win', async () => {
    const dataDir = await makeFolder();
    await writeFile(join(dataDir, 'dev.lock'), JSON.stringify({ pid: 99_999_999, started: '1', children: [] }));

    const results = await Promise.allSettled(
      Array.from({ length: 6 }, async () => await makeStack({ dataDir, ephemeral: true })),
    );

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('names a data folder with a damaged database and what to do', async () => {
    const dataDir = await makeFolder();
    await writeFile(join(dataDir, 'temporal.db'), 'this is no database, and long enough to have a header'.repeat(100));

    const error = await failureOf(makeStack({ dataDir }));

    expect(error.message).toContain(`the data folder ${dataDir} holds a database that is damaged`);
    expect(error.message).toContain('--ephemeral');
    expect(error.message).toContain('file is not a database');
  });

  it('names a data folder that cannot be made', async () => {
    const file = join(await makeFolder(), 'file');
    await writeFile(file, '');

    const error = await failureOf(makeStack({ dataDir: join(file, 'data') }));

    expect(error.message).toMatch(/data folder .* cannot be made: .*--data/);
  });

  it('names a configured Temporal that does not answer', async () => {
    const error = await failureOf(makeStack({ address: '127.0.0.1:1' }));

    expect(error.message).toContain('The configured Temporal at 127.0.0.1:1, namespace default, does not answer');
  });
});

describe('what a killed run left', SLOW, () => {
  it('does not count as running, and its servers are ended by the next start', async () => {
    const dataDir = await makeFolder();
    const { child } = await startProcess(dataDir);
    const orphans = [await temporalPidOf(dataDir), await storePidOf(dataDir)];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = { running: await readRunningDev(dataDir), areAlive: await Promise.all(orphans.map(isAlive)) };

    const lines: string[] = [];
    const stack = await makeStack({ dataDir, onProgress: (line) => lines.push(line) });

    expect(left).toEqual({ running: null, areAlive: [true, true] });
    expect(await Promise.all(orphans.map(isAlive))).toEqual([false, false]);
    for (const orphan of orphans) expect(lines).toContain(`ending process ${orphan}, left from a run that was killed`);
    expect((await readRunningDev(dataDir))?.temporal.address).toBe(stack.temporal);
  });

  it('leaves a process alone that only has the same id', async () => {
    const dataDir = await makeFolder();
    const stranger = spawn('sleep', ['60'], { detached: true });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    const children = [{ pid: stranger.pid, started: 'another time' }];
    await writeFile(
      join(dataDir, 'dev.lock'),
      JSON.stringify({ pid: stranger.pid, started: 'another time', children }),
    );

    await makeStack({ dataDir, ephemeral: true });

    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is nothing after %s', async (signal) => {
    const dataDir = await makeFolder();
    const { child } = await startProcess(dataDir);
    const pids = [await temporalPidOf(dataDir), await storePidOf(dataDir)];

    child.kill(signal);
    await once(child, 'exit');

    expect(child.signalCode).toBe(signal);
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
    expect(await readdir(dataDir)).not.toContain('dev.json');
  });

  it('may be an empty database: that one is made anew', async () => {
    const dataDir = await makeFolder();
    await writeFile(join(dataDir, 'temporal.db'), '');

    await makeStack({ dataDir });

    expect((await readFile(join(dataDir, 'temporal.db'))).length).toBeGreaterThan(0);
  });
});

describe('a configured Temporal', SLOW, () => {
  it('is used and outlives the stack', async () => {
    const server = await makeStack({ ephemeral: true });
    const dataDir = await makeFolder();

    const stack = await makeStack({ dataDir, address: server.temporal });
    const state = await readRunningDev(dataDir);
    await stack.stop();

    expect(stack).toMatchObject({ temporal: server.temporal, ui: null, missingSearchAttributes: [] });
    expect(state?.temporal).toEqual({ pid: null, address: server.temporal });
    await expect(connectTo(server.temporal)).resolves.toBeDefined();
  });
});

describe('a configured control store', SLOW, () => {
  it('is used and outlives the stack', async () => {
    const dataDir = await makeFolder();
    const store = inject('store');

    const stack = await makeStack({ dataDir, ephemeral: true, store });
    const state = await readRunningDev(dataDir);
    await stack.stop();

    expect([stack.store, state?.store]).toEqual([store, store]);
    expect(await readdir(dataDir)).toEqual([]);
    expect((await inspectStore(store)).version.major).toBeGreaterThanOrEqual(15);
  });

  it('is named, without its password, when it does not answer, and nothing keeps running', async () => {
    const dataDir = await makeFolder();

    const error = await failureOf(makeStack({ dataDir, store: 'postgres://ana:secret@127.0.0.1:1/tasks' }));

    expect(error.message).toContain(
      'The configured control store at postgres://ana@127.0.0.1:1/tasks does not answer: connect ECONNREFUSED',
    );
    expect(error.message).not.toContain('secret');
    expect(await readdir(dataDir)).not.toContain('dev.lock');
  });
});

describe('the data folder', () => {
  it('is .holdfast of the working directory, never of a folder above', async () => {
    const dir = await makeFolder();
    await mkdir(join(dir, '.holdfast'));

    expect(devFolderPath(join(dir, 'sub'))).toBe(join(dir, 'sub', '.holdfast'));
    expect(devFolderPath(dir, '/elsewhere')).toBe('/elsewhere');
  });
});
