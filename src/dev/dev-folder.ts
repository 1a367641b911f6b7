import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { acquireFileLock, type FileLock } from './file-lock.ts';
import { endProcess, isRunning, markProcess, ProcessMark } from './process-mark.ts';
import type { OnProgress } from './progress.ts';
import { reasonOf, StackError } from './stack-error.ts';

/** What a running `holdfast dev` offers; the content of `dev.json`. `temporal.pid` is null where it started no server. */
export const DevState = ProcessMark.extend({
  temporal: z.object({ pid: z.int().positive().nullable(), address: z.string() }),
  ui: z.string().nullable(),
  namespace: z.string(),
  startedAt: z.iso.datetime(),
  store: z.string().nullable(),
});
export type DevState = z.infer<typeof DevState>;

/** What `publish` adds to: this process and the time are filled in. */
export type Published = Omit<DevState, 'pid' | 'started' | 'startedAt'>;

/** A data folder that belongs to this process until `close`. */
export type DevFolder = {
  readonly dir: string;
  /** Records a child that must not outlive this process; the next start in this folder ends it if it did. */
  recordChild(mark: ProcessMark): Promise<void>;
  /** Writes `dev.json`: from now on other commands find this stack. */
  publish(state: Published): Promise<void>;
  close(): Promise<void>;
};

const ORPHAN_GRACE_MS = 5_000;

const stateFile = (dir: string): string => join(dir, 'dev.json');

/** The data folder: `--data`, or `.holdfast` in the working directory. Folders above it do not count. */
export const devFolderPath = (cwd: string, data?: string): string => data ?? join(cwd, '.holdfast');

/** The `holdfast dev` that runs on this data folder; null when there is none, also when one died without cleaning up. */
export const readRunningDev = async (dir: string): Promise<DevState | null> => {
  const text = await readFile(stateFile(dir), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const state = DevState.parse(JSON.parse(text));
    return (await isRunning(state)) ? state : null;
  } catch {
    return null;
  }
};

const createFolder = async (dir: string): Promise<void> => {
  try {
    const created = await mkdir(dir, { recursive: true, mode: 0o700 });
    // A database of the whole task history has no place in a repository.
    if (created !== undefined) await writeFile(join(dir, '.gitignore'), '*\n', { mode: 0o600 });
  } catch (error) {
    throw new StackError(`The data folder ${dir} cannot be made: ${reasonOf(error)}. Choose another with --data.`, {
      cause: error,
    });
  }
};

const alreadyRunning = async (dir: string, holder: ProcessMark | null): Promise<StackError> => {
  const state = await readRunningDev(dir);
  const who = holder === null ? 'another process' : `process ${holder.pid}`;
  const where =
    state === null
      ? 'it is just starting'
      : `Temporal at ${state.temporal.address}, UI at ${state.ui ?? 'an address of its own'}`;
  const stop = holder === null ? 'Stop it' : `Stop it (kill ${holder.pid})`;
  return new StackError(
    `\`holdfast dev\` runs already on ${dir}: ${who}, ${where}. ${stop}, or choose another folder with --data.`,
  );
};

const endOrphans = async (orphans: readonly ProcessMark[], onProgress: OnProgress): Promise<void> => {
  for (const orphan of orphans) {
    if (!(await isRunning(orphan))) continue;
    if (orphan.started === null) {
      onProgress(`process ${orphan.pid} may be left from a run that was killed; end it if it is`);
      continue;
    }
    onProgress(`ending process ${orphan.pid}, left from a run that was killed`);
    await endProcess(orphan, ORPHAN_GRACE_MS);
  }
};

const writeState = async (dir: string, published: Published): Promise<void> => {
  const own = (await markProcess(process.pid)) ?? { pid: process.pid, started: null };
  const state: DevState = { ...own, ...published, startedAt: new Date().toISOString() };
  const next = `${stateFile(dir)}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(next, stateFile(dir));
};

const ownFolder = (dir: string, lock: FileLock): DevFolder => {
  const children: ProcessMark[] = [];
  let isClosed = false;
  let last = Promise.resolve();
  const record = async (mark: ProcessMark): Promise<void> => {
    if (isClosed) return;
    const running = await Promise.all(children.map(async (child) => ((await isRunning(child)) ? [child] : [])));
    children.splice(0, children.length, ...running.flat(), mark);
    await lock.setChildren(children);
  };
  return {
    dir,
    recordChild: async (mark) => {
      // One after the other: two that start at the same time must not overwrite each other.
      const recorded = last.then(async () => await record(mark));
      last = recorded.catch(() => undefined);
      await recorded;
    },
    publish: async (state) => await writeState(dir, state),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await rm(stateFile(dir), { force: true });
      await lock.release();
    },
  };
};

/**
 * Makes the data folder ours and ends what a killed run left behind.
 * @throws StackError when another `holdfast dev` has it, or it cannot be written
 */
export const openDevFolder = async (dir: string, onProgress: OnProgress): Promise<DevFolder> => {
  await createFolder(dir);
  const result = await acquireFileLock(join(dir, 'dev.lock')).catch((error: unknown) => {
    throw new StackError(`The data folder ${dir} cannot be written: ${reasonOf(error)}. Choose another with --data.`, {
      cause: error,
    });
  });
  if (result.status === 'held') throw await alreadyRunning(dir, result.holder);
  await rm(stateFile(dir), { force: true });
  await endOrphans(result.lock.orphans, onProgress);
  return ownFolder(dir, result.lock);
};
