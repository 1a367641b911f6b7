import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireFileLock, type FileLock } from './file-lock.ts';
import { reportElapsed } from './progress.ts';
import { runCommand } from './run-command.ts';
import { codeOf } from './stack-error.ts';
import { type CliSearch, readCliVersion, TEMPORAL_CLI_FILE, TEMPORAL_CLI_VERSION } from './temporal-cli.ts';

const MODULE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`;
const POLL_MS = 250;

const requireGo = async ({ env, signal }: CliSearch): Promise<void> => {
  try {
    await runCommand('go', { args: ['version'], env, signal, timeoutMs: 30_000 });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Error('no `go` on PATH', { cause: error });
    throw error;
  }
};

const waitForLock = async (search: CliSearch, path: string): Promise<FileLock> => {
  let done: (() => void) | undefined;
  try {
    for (;;) {
      search.signal?.throwIfAborted();
      const result = await acquireFileLock(path);
      if (result.status === 'acquired') return result.lock;
      const builder = result.holder === null ? 'another process' : `process ${result.holder.pid}`;
      done ??= reportElapsed(
        search.onProgress,
        (seconds) => `${builder} builds the Temporal CLI; waiting: ${seconds} s`,
      );
      await sleep(POLL_MS, undefined, { signal: search.signal });
    }
  } finally {
    done?.();
  }
};

const install = async (search: CliSearch, target: string): Promise<void> => {
  const folder = await mkdtemp(join(dirname(target), 'build-'));
  const done = reportElapsed(
    search.onProgress,
    (seconds) => `building the Temporal CLI ${TEMPORAL_CLI_VERSION} with Go: ${seconds} s`,
  );
  search.onProgress(`building the Temporal CLI ${TEMPORAL_CLI_VERSION} with Go (about 3 minutes, once)`);
  try {
    const env = { ...search.env, GOBIN: folder };
    await runCommand('go', { args: ['install', MODULE], env, cwd: folder, signal: search.signal });
    const binary = join(folder, TEMPORAL_CLI_FILE);
    await readCliVersion(binary, search);
    await rename(binary, target);
  } finally {
    done();
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * Builds the CLI from its Go module to `target`; the file appears there whole or not at all. Of two processes that want
 * it at once, one builds and the other waits for it.
 * @throws Error with the reason; the signal's reason when aborted, and then nothing of the build keeps running
 */
export const buildCli = async (search: CliSearch, target: string): Promise<string> => {
  await requireGo(search);
  await mkdir(dirname(target), { recursive: true });
  const lock = await waitForLock(search, `${dirname(target)}.lock`);
  try {
    const builtMeanwhile = await readCliVersion(target, search).catch(() => null);
    if (builtMeanwhile === null) await install(search, target);
    return target;
  } finally {
    await lock.release();
  }
};
