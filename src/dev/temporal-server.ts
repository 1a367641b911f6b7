import { chmod, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GroupLeader, startGroupLeader } from './group-leader.ts';
import { claimPort, findFreePort, findHiddenEndpoint, isListening, LOOPBACK, type PortUse } from './ports.ts';
import type { ProcessMark } from './process-mark.ts';
import { explainServerFailure, isPortTaken } from './server-failure.ts';
import { type ServerLayout, serverArguments } from './server-flags.ts';
import { prepareNamespace } from './temporal-connection.ts';
import { startUiGuard, type UiGuard } from './ui-guard.ts';

/** What to run and where; port 0 means any free one. */
export type TemporalServerOptions = {
  /** The Temporal CLI. */
  readonly binary: string;
  /** The folder of the database, which must exist; null keeps everything in memory. */
  readonly dataDir: string | null;
  readonly namespace: string;
  readonly port: number;
  readonly uiPort: number;
  readonly signal?: AbortSignal | undefined;
  /** Gets what the server writes to stderr while it is wanted. */
  readonly log: (line: string) => void;
  /** Called as soon as the server's process exists, long before it is ready. */
  readonly onSpawn?: (mark: ProcessMark) => Promise<void>;
};

/** A development server that answers. */
export type TemporalServer = {
  readonly address: string;
  readonly ui: string;
  readonly pid: number;
  /** Resolves with how it ended, and its last words, when it ends. */
  readonly exited: Promise<string>;
  /** Ends it: SIGTERM, SIGKILL after 5 s. Idempotent. */
  stop(): Promise<void>;
};

const STOP_GRACE_MS = 5_000;
const READY_MS = 20_000;
const POLL_MS = 20;
const MAX_STARTS = 3;

const temporalPort = (port: number): PortUse => ({ port, what: 'Temporal', flag: '--port' });

const chooseLayout = async (options: TemporalServerOptions): Promise<ServerLayout> => ({
  database: options.dataDir === null ? null : join(options.dataDir, 'temporal.db'),
  namespace: options.namespace,
  port: await claimPort(temporalPort(options.port)),
  httpPort: await findFreePort(),
  ui: await findHiddenEndpoint(),
});

// A first start that was killed between creating and filling the file leaves it empty, and the server does not fill it.
const removeEmptyDatabase = async (database: string | null): Promise<void> => {
  if (database === null) return;
  const found = await stat(database).catch(() => null);
  if (found?.isFile() === true && found.size === 0) await rm(database);
};

const waitForPort = async (port: number, signal: AbortSignal): Promise<void> => {
  while (!(await isListening({ host: LOOPBACK, port }))) await sleep(POLL_MS, undefined, { signal });
};

const waitUntilReady = async (server: GroupLeader, layout: ServerLayout, signal?: AbortSignal): Promise<void> => {
  const timeout = AbortSignal.timeout(READY_MS);
  const died = new AbortController();
  void server.exited.then(() => died.abort());
  const stop = AbortSignal.any([timeout, died.signal, ...(signal === undefined ? [] : [signal])]);
  try {
    await waitForPort(layout.port, stop);
    await prepareNamespace({ address: `${LOOPBACK}:${layout.port}`, namespace: layout.namespace, signal: stop });
  } catch (error) {
    signal?.throwIfAborted();
    if (died.signal.aborted) throw new Error(await server.exited, { cause: error });
    throw new Error(`was not ready after ${READY_MS / 1000} s`, { cause: error });
  }
};

const warnIfHttpApiIsOpen = async ({ httpPort }: ServerLayout, log: (line: string) => void): Promise<void> => {
  const answer = await fetch(`http://${LOOPBACK}:${httpPort}/api/v1/namespaces`).catch(() => null);
  await answer?.body?.cancel();
  if (answer === null || answer.status === 403) return;
  log('warning: this version of the Temporal CLI leaves its HTTP API open to web pages; use 1.5.1');
};

const launch = async (options: TemporalServerOptions, layout: ServerLayout): Promise<GroupLeader> => {
  const { binary, dataDir, log, onSpawn, signal } = options;
  const server = await startGroupLeader({
    command: binary,
    args: serverArguments(layout),
    // On stdout it greets, with the address of the UI that the guard hides.
    log: (line, stream) => {
      if (stream === 'stderr') log(line);
    },
  });
  try {
    await onSpawn?.(server.mark);
    await waitUntilReady(server, layout, signal);
    if (layout.database !== null) await chmod(layout.database, 0o600);
    return server;
  } catch (error) {
    await server.stop(STOP_GRACE_MS);
    signal?.throwIfAborted();
    throw explainServerFailure({
      what: error instanceof Error ? error.message : String(error),
      output: server.tail(),
      dataDir,
    });
  }
};

const serve = (server: GroupLeader, guard: UiGuard, address: string): TemporalServer => {
  const stop = async (): Promise<void> => {
    await Promise.all([guard.close(), server.stop(STOP_GRACE_MS)]);
  };
  let stopping: Promise<void> | undefined;
  return {
    address,
    ui: guard.url,
    pid: server.mark.pid,
    exited: server.exited.then((how) => `${how}. ${server.tail()}`.trim()),
    stop: async () => await (stopping ??= stop()),
  };
};

const start = async (options: TemporalServerOptions): Promise<TemporalServer> => {
  const layout = await chooseLayout(options);
  const guard = await startUiGuard(layout.ui, { port: options.uiPort, what: 'the Temporal UI', flag: '--ui-port' });
  try {
    await removeEmptyDatabase(layout.database);
    const server = await launch(options, layout);
    await warnIfHttpApiIsOpen(layout, options.log);
    return serve(server, guard, `${LOOPBACK}:${layout.port}`);
  } catch (error) {
    await guard.close();
    throw error;
  }
};

/**
 * Starts a development server and resolves when its namespace answers and has the search attributes.
 * @throws StackError when a port is in use, the data folder cannot be used, or the server does not come up; the signal's
 * reason when aborted. Nothing keeps running then.
 */
export const startTemporalServer = async (options: TemporalServerOptions): Promise<TemporalServer> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      // The ports that we chose were free a moment ago; another process can have taken one since.
      if (attempt === MAX_STARTS || !(error instanceof Error && isPortTaken(error.message))) throw error;
    }
  }
};
