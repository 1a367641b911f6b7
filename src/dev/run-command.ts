import { spawn } from 'node:child_process';
import { killOnExit } from './end-with-us.ts';
import { signalGroup } from './process-mark.ts';

/** How a command is run; it gets its own process group, and the signal and the time limit end all of that group. */
export type CommandOptions = {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Whom it runs as; default: as this process. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
};

const MAX_OUTPUT_CHARS = 64_000;

/**
 * Runs a command and gives what it wrote (both streams, the last 64 000 characters).
 * @throws Error when it cannot start, fails, takes longer than `timeoutMs`; the signal's reason when aborted
 */
export const runCommand = async (command: string, options: CommandOptions): Promise<string> => {
  options.signal?.throwIfAborted();
  const limits = options.timeoutMs === undefined ? [] : [AbortSignal.timeout(options.timeoutMs)];
  const stop = AbortSignal.any([...limits, ...(options.signal === undefined ? [] : [options.signal])]);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, options.args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
    ...options.user,
  });
  const release = child.pid === undefined ? () => undefined : killOnExit(child.pid);
  const end = (): void => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  };
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT_CHARS);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  stop.addEventListener('abort', end, { once: true });
  child.once('error', reject);
  child.once('close', (code, signal) => {
    if (code === 0) resolve(output);
    else reject(new Error(`it ended with ${signal ?? `exit code ${code}`}: ${output.trim().slice(-600)}`));
  });
  try {
    return await promise;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (stop.aborted) throw new Error(`it took longer than ${options.timeoutMs} ms`, { cause: error });
    throw error;
  } finally {
    release();
    stop.removeEventListener('abort', end);
  }
};
