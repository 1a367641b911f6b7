import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { endProcess, markProcess } from './process-mark.ts';

const STOP_GRACE_MS = 10_000;
const TEMPORARY = /^holdfast-store-(\d+)-/;

/** What stores of killed processes left. */
const sweep = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(TEMPORARY.exec(name)?.[1] ?? 0);
    if (pid === 0 || (await markProcess(pid)) !== null) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
};

/** A folder that `remove` removes; the next one that is made removes it where this process was killed. */
export const makeTemporaryFolder = async (): Promise<{
  readonly dir: string;
  readonly remove: () => Promise<void>;
}> => {
  await sweep();
  const dir = await mkdtemp(join(tmpdir(), `holdfast-store-${process.pid}-`));
  // Another user may have to pass through it; what is in it is closed by itself.
  await chmod(dir, 0o711);
  return { dir, remove: async () => await rm(dir, { recursive: true, force: true, maxRetries: 5 }) };
};

const commandOf = async (pid: number): Promise<readonly string[]> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');

/**
 * Ends a server that a killed run left on this data folder, and removes the folder's pid file where that number belongs to
 * another process by now: PostgreSQL takes any process of that number for a server.
 */
export const clearPidFile = async (data: string): Promise<void> => {
  if (process.platform !== 'linux') return;
  const path = join(data, 'postmaster.pid');
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0]);
  const mark = Number.isInteger(pid) && pid > 0 ? await markProcess(pid) : null;
  if (mark === null) return;
  const [program = '', ...args] = await commandOf(pid);
  const isServer = basename(program) === 'postgres' && args.includes(data);
  if (isServer) await endProcess({ ...mark, stopSignal: 'SIGINT' }, STOP_GRACE_MS);
  else await rm(path, { force: true });
};
