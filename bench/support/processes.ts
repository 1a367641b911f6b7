import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from './child.ts';

/** A process of the bench. */
export type Child = {
  readonly pid: number;
  /** Milliseconds since 1970 when it was started. */
  readonly startedAt: number;
  /** Resolves with its first such report. */
  readonly next: (kind: Report['kind']) => Promise<Report>;
  readonly onReport: (listener: (report: Report) => void) => void;
  readonly send: (message: string) => void;
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>;
};

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a module of the bench as a process; it ends with this one. */
export const startChild = (module: string, argument: unknown, execArgv: readonly string[] = []): Child => {
  const startedAt = performance.timeOrigin + performance.now();
  const path = fileURLToPath(new URL(`../${module}`, import.meta.url));
  const child = fork(path, [JSON.stringify(argument)], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const reports = new EventEmitter();
  running.add(child);
  child.on('message', (report: Report) => reports.emit('report', report));
  const gone = once(child, 'exit');
  child.once('exit', () => {
    running.delete(child);
    reports.emit('gone');
  });
  const next = (kind: Report['kind']): Promise<Report> =>
    new Promise((resolve, reject) => {
      reports.on('report', (report: Report) => report.kind === kind && resolve(report));
      reports.once('gone', () => reject(new Error(`${module} ended before it was ${kind}`)));
    });
  return {
    pid: child.pid ?? 0,
    startedAt,
    next,
    onReport: (listener) => reports.on('report', listener),
    send: (message) => child.send(message),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
};

/** Milliseconds on Linux: `CLK_TCK` is 100 everywhere. */
const TICK_MS = 10;

/** CPU time of a process so far, user and system, all its threads; NaN where there is no `/proc`. */
export const cpuMs = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
};

/** Resident memory of a process in bytes; NaN where there is no `/proc`. */
export const residentBytes = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  } catch {
    return Number.NaN;
  }
};
