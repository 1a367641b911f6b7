import type { ConnectionOptions } from '@temporalio/client';
import type { SearchAttributeName } from '../domain/task.ts';
import { type DevFolder, openDevFolder } from './dev-folder.ts';
import { stopOnSignals } from './end-with-us.ts';
import { checkExternalTemporal } from './external-temporal.ts';
import { markProcess } from './process-mark.ts';
import type { OnProgress } from './progress.ts';
import { StackError } from './stack-error.ts';
import { findTemporalBinary } from './temporal-binary.ts';
import { startTemporalServer } from './temporal-server.ts';

/** What the local stack consists of and where it keeps its state. */
export type StackOptions = {
  /** The folder for `dev.json` and the database; made when it is not there. */
  readonly dataDir: string;
  /** Keeps the database in memory. */
  readonly ephemeral?: boolean;
  /** Default 7233; 0 any free one. */
  readonly port?: number;
  /** Default 8233; 0 any free one. */
  readonly uiPort?: number;
  /** A configured Temporal: it is used, and no server is started. */
  readonly address?: string | undefined;
  /** What connecting to `address` needs (TLS, API key). */
  readonly connection?: Omit<ConnectionOptions, 'address'>;
  /** Default `default`. */
  readonly namespace?: string;
  /** Default: the user's cache folder. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: OnProgress;
  /** Called when the server ends although nobody stopped it. */
  readonly onServerExit?: (error: StackError) => void;
  /** Cancels the start; stops the stack once it runs. */
  readonly signal?: AbortSignal | undefined;
};

/** A local stack that is ready. */
export type Stack = {
  /** `host:port` */
  readonly temporal: string;
  readonly namespace: string;
  /** Null for a Temporal that was configured: where its UI is, nobody says. */
  readonly ui: string | null;
  readonly store: null;
  /** Only ever filled for a configured Temporal on another machine. */
  readonly missingSearchAttributes: readonly SearchAttributeName[];
  /** Records a child (the worker), so that the next start ends it should this process be killed. */
  recordChild(pid: number): Promise<void>;
  /** Ends all that was started. Idempotent. */
  stop(): Promise<void>;
};

type Settings = Required<Omit<StackOptions, 'address' | 'signal' | 'cacheDir'>> &
  Pick<StackOptions, 'address' | 'cacheDir'> & { readonly signal: AbortSignal };

type Temporal = {
  readonly address: string;
  readonly ui: string | null;
  readonly pid: number | null;
  readonly missing: readonly SearchAttributeName[];
  stop(): Promise<void>;
};

const DEFAULTS = {
  ephemeral: false,
  port: 7233,
  uiPort: 8233,
  connection: {},
  namespace: 'default',
  onProgress: () => undefined,
  onServerExit: () => undefined,
};

const useExternal = async (settings: Settings, address: string): Promise<Temporal> => {
  const { connection, namespace, onProgress, signal } = settings;
  const missing = await checkExternalTemporal({ address, connection, namespace, onProgress, signal });
  return { address, ui: null, pid: null, missing, stop: async () => undefined };
};

const startServer = async (settings: Settings, folder: DevFolder): Promise<Temporal> => {
  const { ephemeral, namespace, port, uiPort, signal, cacheDir, onProgress, onServerExit } = settings;
  const { path, version } = await findTemporalBinary({ onProgress, signal, cacheDir });
  let isStopping = false;
  onProgress(`starting Temporal (${path}, ${version})`);
  const server = await startTemporalServer({
    binary: path,
    dataDir: ephemeral ? null : folder.dir,
    namespace,
    port,
    uiPort,
    signal,
    log: (line) => {
      if (!isStopping) onProgress(`temporal: ${line}`);
    },
    onSpawn: async (mark) => await folder.recordChild(mark),
  });
  const watch = async (): Promise<void> => {
    const how = await server.exited;
    if (!isStopping) onServerExit(new StackError(`The Temporal server at ${server.address} ${how}`));
  };
  void watch();
  return {
    address: server.address,
    ui: server.ui,
    pid: server.pid,
    missing: [],
    stop: async () => {
      isStopping = true;
      await server.stop();
    },
  };
};

const recordChild = async (folder: DevFolder, pid: number): Promise<void> => {
  const mark = await markProcess(pid);
  if (mark !== null) await folder.recordChild(mark);
};

const stopper = (temporal: Temporal, folder: DevFolder): (() => Promise<void>) => {
  let stopping: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    try {
      await temporal.stop();
    } finally {
      await folder.close();
    }
  };
  return async () => await (stopping ??= run());
};

const publish = async (folder: DevFolder, temporal: Temporal, namespace: string): Promise<void> => {
  const { pid, address, ui } = temporal;
  await folder.publish({ temporal: { pid, address }, ui, namespace, store: null });
};

const launch = async (settings: Settings): Promise<Stack> => {
  const { address, namespace, onProgress, signal } = settings;
  const folder = await openDevFolder(settings.dataDir, onProgress);
  let temporal: Temporal | undefined;
  try {
    temporal = address === undefined ? await startServer(settings, folder) : await useExternal(settings, address);
    await publish(folder, temporal, namespace);
    signal.throwIfAborted();
  } catch (error) {
    await temporal?.stop();
    await folder.close();
    throw error;
  }
  return {
    temporal: temporal.address,
    namespace,
    ui: temporal.ui,
    store: null,
    missingSearchAttributes: temporal.missing,
    recordChild: async (pid) => await recordChild(folder, pid),
    stop: stopper(temporal, folder),
  };
};

/**
 * Starts the local stack, or uses the configured Temporal, and resolves when tasks can be started on it. What it started
 * ends with this process; after a SIGKILL the next start in the same folder ends it. SIGINT, SIGTERM and SIGHUP stop it
 * where the program has no handler of its own.
 * @throws StackError with what to do; the signal's reason when aborted. Nothing keeps running then.
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const cancel = new AbortController();
  const onAbort = (): void => cancel.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const launched = launch({ ...DEFAULTS, ...options, signal: cancel.signal });
  const removeHandlers = stopOnSignals(async () => {
    cancel.abort();
    await launched.then(
      async (stack) => await stack.stop(),
      () => undefined,
    );
  });
  const release = (): void => {
    removeHandlers();
    options.signal?.removeEventListener('abort', onAbort);
  };
  try {
    const stack = await launched;
    const stop = async (): Promise<void> => await stack.stop().finally(release);
    cancel.signal.addEventListener('abort', () => void stop(), { once: true });
    return { ...stack, stop };
  } catch (error) {
    release();
    throw error;
  }
};
