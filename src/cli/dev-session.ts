import { extname, join } from 'node:path';
import { findStore, resolveTemporal } from '../config.ts';
import { devFolderPath } from '../dev/dev-folder.ts';
import { withoutPassword } from '../dev/inspect-store.ts';
import { type Stack, startStack } from '../dev/stack.ts';
import type { StackError } from '../dev/stack-error.ts';
import { type SupervisedWorker, superviseWorker } from '../dev/worker-process.ts';
import type { Globals } from './command.ts';
import { configFile, readDataConfig } from './data-config.ts';
import { EXIT } from './exit-code.ts';
import { nextLine } from './next-line.ts';
import { note, notePaint, printJson } from './terminal.ts';
import { clean } from './text.ts';

/** The options of `holdfast dev`. */
export type DevOptions = {
  readonly data?: string;
  readonly ephemeral?: boolean;
  readonly port?: number;
  readonly uiPort?: number;
  readonly storePort?: number;
  readonly worker: boolean;
};

/** What a worker prints when it polls. */
const WORKER_READY = /^worker ready: /;

const commandFile = join(import.meta.dirname, `main${extname(import.meta.filename)}`);

/** A killed worker is noticed within seconds: on one's own machine that matters more than traffic. */
const workerEnvironment = (store: string): NodeJS.ProcessEnv => ({
  HOLDFAST_HEARTBEAT_TIMEOUT: '2s',
  HOLDFAST_STICKY_TIMEOUT: '1s',
  HOLDFAST_LOG: 'pretty',
  ...process.env,
  HOLDFAST_STORE_URL: store,
});

/** Aborts at the first Ctrl-C; the second one does not wait for anything. */
const abortOnSignals = (): { readonly signal: AbortSignal; readonly release: () => void } => {
  const stopping = new AbortController();
  const onSignal = (): void => {
    // What was started is killed when this process exits.
    if (stopping.signal.aborted) process.exit(EXIT.interrupted);
    note('stopping');
    stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return {
    signal: stopping.signal,
    release: () => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
    },
  };
};

/** What `dev` was told, and what stops it. */
type Session = {
  readonly options: DevOptions;
  readonly globals: Globals;
  readonly signal: AbortSignal;
  /** Resolves when it is told to stop, rejects when a server ends by itself. */
  readonly stopped: Promise<void>;
  readonly onServerExit: (error: StackError) => void;
};

/** The store that is configured, as far as it can be told without running a configuration of code. */
const configuredStore = async (globals: Globals): Promise<string | undefined> => {
  const config = await readDataConfig(globals);
  const found = findStore(config.kind === 'data' ? config.config : {});
  return found === undefined || found.source === 'dev' ? undefined : found.url;
};

const startLocal = async ({ options, globals, signal, onServerExit }: Session): Promise<Stack> => {
  const { address, namespace, source, connection } = resolveTemporal(globals);
  const isConfigured = source === 'option' || source === 'environment';
  return await startStack({
    dataDir: devFolderPath(process.cwd(), options.data),
    namespace,
    store: await configuredStore(globals),
    signal,
    onServerExit,
    onProgress: (line) => note(notePaint.dim(clean(line))),
    ...(isConfigured ? { address, connection } : {}),
    ...(options.ephemeral === undefined ? {} : { ephemeral: options.ephemeral }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.uiPort === undefined ? {} : { uiPort: options.uiPort }),
    ...(options.storePort === undefined ? {} : { storePort: options.storePort }),
  });
};

/** A worker that fails again as before says so in one line, not in all of them. */
class WorkerOutput {
  #before: ReadonlySet<string> = new Set();
  #now = new Set<string>();

  line(line: string): void {
    const words = line.replace(/^\[[\d:.]+\] /, '');
    this.#now.add(words);
    if (!this.#before.has(words)) note(`${notePaint.dim('worker')} ${line.replace(/^worker /, '')}`);
  }

  ended(reason: string, restartInMs: number): void {
    const isSame = this.#before.size > 0 && [...this.#now].every((words) => this.#before.has(words));
    note(
      `${notePaint.red('worker')} ${reason}${isSame ? ', as before' : ''}; it is started again in ${restartInMs / 1000} s`,
    );
    // Readiness is news every time.
    this.#before = new Set([...this.#now].filter((words) => !WORKER_READY.test(words)));
    this.#now = new Set();
  }
}

const startWorker = (stack: Stack, config: string, onReady: () => void): SupervisedWorker => {
  const output = new WorkerOutput();
  return superviseWorker({
    command: [
      process.execPath,
      commandFile,
      'worker',
      '--config',
      config,
      '--address',
      stack.temporal,
      '--namespace',
      stack.namespace,
    ],
    env: workerEnvironment(stack.store),
    onStart: (pid) => void stack.recordChild(pid).catch(() => undefined),
    onExit: ({ reason, restartInMs }) => output.ended(reason, restartInMs),
    log: (line) => {
      output.line(line);
      if (WORKER_READY.test(line)) onReady();
    },
  });
};

const sayReady = (stack: Stack, { options, globals: { json } }: Session, isServed: boolean): void => {
  const { temporal, namespace, ui, store } = stack;
  if (json) printJson({ ready: true, temporal, namespace, ui, store });
  note(`\n${notePaint.green('ready')}  Temporal ${temporal}, namespace ${namespace}`);
  if (ui !== null) note(`       UI       ${ui}`);
  note(`       store    ${withoutPassword(store)}`);
  note(`next:  ${nextLine(stack, { data: options.data, cwd: process.cwd(), isServed })}`);
  note(notePaint.dim('Ctrl-C stops all of it'));
};

const missingConfig = (): void => {
  note('no holdfast.config.* here or above, so no worker is started; `holdfast init` makes a project');
};

const serve = async (stack: Stack, session: Session): Promise<void> => {
  const { options, globals, stopped } = session;
  const config = options.worker ? configFile(globals) : undefined;
  if (options.worker && config === undefined) missingConfig();
  if (config === undefined) {
    sayReady(stack, session, false);
    await stopped;
    return;
  }
  const ready = Promise.withResolvers<void>();
  const worker = startWorker(stack, config, ready.resolve);
  try {
    void ready.promise.then(() => sayReady(stack, session, true));
    await stopped;
  } finally {
    await worker.stop();
  }
};

/**
 * Runs the local stack until a signal comes, and stops all that it started.
 * @throws StackError when it cannot be started, or a server of it ends by itself
 */
export const runDev = async (options: DevOptions, globals: Globals): Promise<void> => {
  const { signal, release } = abortOnSignals();
  const { promise: stopped, resolve, reject } = Promise.withResolvers<void>();
  // A failure may come before anybody waits for it.
  stopped.catch(() => undefined);
  signal.addEventListener('abort', () => resolve(), { once: true });
  const session: Session = { options, globals, signal, stopped, onServerExit: reject };
  try {
    const stack = await startLocal(session);
    try {
      await serve(stack, session);
    } finally {
      await stack.stop();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    release();
  }
};
