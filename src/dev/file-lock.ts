import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isRunning, markProcess, ProcessMark } from './process-mark.ts';
import { codeOf } from './stack-error.ts';

const LockRecord = ProcessMark.extend({ children: z.array(ProcessMark) });
type LockRecord = z.infer<typeof LockRecord>;

/** A lock that this process holds. */
export type FileLock = {
  /** Processes that a holder which died had recorded; they stay recorded until `setChildren`. */
  readonly orphans: readonly ProcessMark[];
  /** Records what must not outlive this process, for whoever finds the lock when it died. */
  setChildren(children: readonly ProcessMark[]): Promise<void>;
  release(): Promise<void>;
};

/** The lock, or who has it. */
export type LockResult =
  | { readonly status: 'acquired'; readonly lock: FileLock }
  | { readonly status: 'held'; readonly holder: ProcessMark | null };

// Between creating a lock and filling it lie microseconds; a file that is empty for longer was left by a crash.
const UNFINISHED_MS = 5_000;

const createExclusively = async (path: string, content: string): Promise<boolean> => {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

const ageMs = async (path: string): Promise<number> => {
  const found = await stat(path).catch(() => null);
  return found === null ? Number.POSITIVE_INFINITY : Date.now() - found.mtimeMs;
};

const readRecord = async (path: string): Promise<LockRecord | null> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return LockRecord.parse(JSON.parse(text));
  } catch {
    return null;
  }
};

const isHeld = async (path: string, record: LockRecord | null): Promise<boolean> =>
  record === null ? (await ageMs(path)) < UNFINISHED_MS : await isRunning(record);

const replaceRecord = async (path: string, record: LockRecord): Promise<void> => {
  const next = `${path}.${process.pid}`;
  await writeFile(next, JSON.stringify(record), { mode: 0o600 });
  await rename(next, path);
};

// Two starters may both find the same stale lock. Only one of them may replace it, and only after another look: else the
// slower one replaces the lock that the faster one has made since.
const takeOver = async (path: string, own: ProcessMark): Promise<LockRecord | null> => {
  const breaker = `${path}.break`;
  if (!(await createExclusively(breaker, String(process.pid)))) {
    if ((await ageMs(breaker)) > UNFINISHED_MS) await rm(breaker, { force: true });
    await sleep(20);
    return null;
  }
  try {
    const stale = await readRecord(path);
    if (await isHeld(path, stale)) return null;
    const record = { ...own, children: stale?.children ?? [] };
    await replaceRecord(path, record);
    return record;
  } finally {
    await rm(breaker, { force: true });
  }
};

const heldLock = (path: string, own: ProcessMark, orphans: readonly ProcessMark[]): FileLock => ({
  orphans,
  setChildren: async (children) => await replaceRecord(path, { ...own, children: [...children] }),
  release: async () => await rm(path, { force: true }),
});

/** Takes the lock unless a running process has it; the lock of a process that died is taken over. */
export const acquireFileLock = async (path: string): Promise<LockResult> => {
  const own = (await markProcess(process.pid)) ?? { pid: process.pid, started: null };
  for (;;) {
    if (await createExclusively(path, JSON.stringify({ ...own, children: [] })))
      return { status: 'acquired', lock: heldLock(path, own, []) };
    const record = await readRecord(path);
    if (await isHeld(path, record)) return { status: 'held', holder: record };
    const taken = await takeOver(path, own);
    if (taken !== null) return { status: 'acquired', lock: heldLock(path, own, taken.children) };
  }
};
