import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The command line of Holdfast, as it was built. */
export const CLI = path('../../dist/cli/main.js');
const LIFELINE = new URL('lifeline.ts', import.meta.url).href;

/** A `holdfast` command that runs beside this process. */
export type Child = {
  /** What it printed when it was ready. */
  readonly ready: string;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  readonly pid: number;
  /** SIGTERM; resolves when it is gone. */
  readonly stop: () => Promise<void>;
  /** SIGKILL: nothing of it runs any more. Resolves when it is gone. */
  readonly kill: () => Promise<void>;
};

/** What to run, and whom to tell. */
export type ChildOptions = {
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Tells the line on stdout that says: ready. */
  readonly isReady: (line: string) => boolean;
  /** Gets all that it writes. */
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
  readonly signal: AbortSignal;
};

const TAIL_LINES = 12;
const STOP_GRACE_MS = 15_000;

const follow = (
  child: ChildProcess,
  log: WriteStream,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): (() => string) => {
  const lines: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] as NodeJS.ReadableStream }).on('line', (line) => {
      log.write(`${line}\n`);
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      onLine(line, stream);
    });
  }
  return () => lines.join('\n');
};

/**
 * Starts a `holdfast` command and resolves when it says that it is ready. It ends with this process, however that ends.
 * @throws Error with its last lines when it ends before
 */
export const startChild = async ({ args, env, isReady, logFile, onLine, signal }: ChildOptions): Promise<Child> => {
  signal.throwIfAborted();
  // Its own process group: Ctrl-C in the terminal is for this process, which stops its children in order.
  const child = spawn(process.execPath, ['--import', LIFELINE, CLI, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const log = createWriteStream(logFile, { flags: 'a' });
  const ready = Promise.withResolvers<string>();
  const tail = follow(child, log, (line, stream) => {
    onLine?.(line);
    if (stream === 'stdout' && isReady(line)) ready.resolve(line);
  });
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  child.stdin?.on('error', () => undefined);
  child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
  child.once('close', (code, by) => resolve(by === null ? `ended with exit code ${code}` : `was ended by ${by}`));
  ready.promise.catch(() => undefined);
  const watch = async (): Promise<void> => {
    const how = await ended;
    log.end();
    ready.reject(new Error(`\`holdfast ${args[0]}\` ${how}. Its last lines:\n${tail()}`));
  };
  void watch();
  let stopping: Promise<void> | undefined;
  const end = async (by: NodeJS.Signals): Promise<void> => {
    child.kill(by);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    await ended;
    clearTimeout(late);
  };
  const stop = async (): Promise<void> => await (stopping ??= end('SIGTERM'));
  const onAbort = (): void => void stop();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return { ready: await ready.promise, ended, pid: child.pid ?? 0, stop, kill: async () => await end('SIGKILL') };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
