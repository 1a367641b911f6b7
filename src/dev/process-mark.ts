import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/**
 * One process for certain: process ids are used again, the start time tells the old owner from the new one.
 * `started` is null where the system does not tell it (Windows).
 */
export const ProcessMark = z.object({
  pid: z.int().positive(),
  started: z.string().nullable(),
  /** What asks it to end; default SIGTERM. */
  stopSignal: z.enum(['SIGTERM', 'SIGINT']).optional(),
});
export type ProcessMark = z.infer<typeof ProcessMark>;

const fromProc = async (pid: number): Promise<ProcessMark | null> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // The second field is the program's name and may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isZombie = fields[0] === 'Z' || fields[0] === 'X';
  return isZombie ? null : { pid, started: fields[19] ?? null };
};

const fromPs = async (pid: number): Promise<ProcessMark | null> => {
  const listed = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => null);
  const [state = '', ...started] = (listed?.stdout ?? '').trim().split(/\s+/);
  return state === '' || state.startsWith('Z') ? null : { pid, started: started.join(' ') };
};

const fromSignal = (pid: number): ProcessMark | null => {
  try {
    process.kill(pid, 0);
    return { pid, started: null };
  } catch {
    return null;
  }
};

/** The mark of a running process, null when none has that id. A zombie does not count as running. */
export const markProcess = async (pid: number): Promise<ProcessMark | null> => {
  if (process.platform === 'linux') return await fromProc(pid);
  if (process.platform === 'win32') return fromSignal(pid);
  return await fromPs(pid);
};

/** Whether the marked process still runs. Where the system tells no start times, any process with that id counts. */
export const isRunning = async (mark: ProcessMark): Promise<boolean> => {
  const now = await markProcess(mark.pid);
  return now !== null && (mark.started === null || now.started === null || now.started === mark.started);
};

/** Signals a process and its group (every child of ours leads one); does nothing when it is gone. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // Gone already, or it leads no group: then the process itself is tried.
    }
  }
};

/** Kills what is left of a group whose leader ended; a leader that still runs is killed too. */
export const sweepGroup = (pid: number): void => {
  if (process.platform === 'win32') return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
};

/** Ends a marked process and its group: its stop signal, and SIGKILL when it still runs after `graceMs`. */
export const endProcess = async (mark: ProcessMark, graceMs: number): Promise<void> => {
  signalGroup(mark.pid, mark.stopSignal ?? 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (await isRunning(mark)) {
    if (Date.now() > deadline) signalGroup(mark.pid, 'SIGKILL');
    await sleep(25);
  }
  sweepGroup(mark.pid);
};
