import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { killOnExit } from './end-with-us.ts';
import { endProcess, markProcess, type ProcessMark, sweepGroup } from './process-mark.ts';
import { reasonOf, StackError } from './stack-error.ts';

/** A child that leads its own process group, so that Ctrl-C in the terminal does not reach it before us. */
export type GroupLeader = {
  readonly mark: ProcessMark;
  /** Resolves with how it ended. */
  readonly exited: Promise<string>;
  readonly hasExited: () => boolean;
  /** The last lines that it wrote, both streams. */
  readonly tail: () => string;
  /** The stop signal, after `graceMs` SIGKILL; resolves when it is gone. Only the first call signals. */
  stop(graceMs: number): Promise<void>;
};

/** What to run as a group leader. */
export type GroupLeaderOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Whom it runs as; default: as this process. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What asks it to end; default SIGTERM. */
  readonly stopSignal?: ProcessMark['stopSignal'];
  readonly log: (line: string, stream: 'stdout' | 'stderr') => void;
};

const TAIL_LINES = 20;

const followOutput = (child: ChildProcess, log: GroupLeaderOptions['log']): (() => string) => {
  const lines: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    const input = child[stream];
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      log(line, stream);
    });
  }
  return () => lines.join('\n').trim();
};

/**
 * Starts a group leader. It ends with this process, SIGKILL apart.
 * @throws StackError when it cannot be started
 */
export const startGroupLeader = async (options: GroupLeaderOptions): Promise<GroupLeader> => {
  const { command, args, env, user, stopSignal, log } = options;
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    windowsHide: true,
    ...user,
  });
  const { promise: exited, resolve } = Promise.withResolvers<string>();
  let spawnError: unknown;
  let isGone = false;
  child.once('error', (error) => {
    spawnError = error;
  });
  // A descendant that outlives its leader would hold the pipes open, and `close` would never come.
  child.once('exit', () => {
    if (child.pid !== undefined) sweepGroup(child.pid);
  });
  // `close` comes after the last output, so that `tail` is complete by then.
  child.once('close', (code, signal) => {
    isGone = true;
    resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
  });
  const tail = followOutput(child, log);
  const found = child.pid === undefined ? null : ((await markProcess(child.pid)) ?? { pid: child.pid, started: null });
  const mark = found === null ? null : { ...found, stopSignal };
  if (mark === null) {
    await exited;
    throw new StackError(`${command} cannot be started: ${reasonOf(spawnError)}`, { cause: spawnError });
  }
  const release = killOnExit(mark.pid);
  void exited.then(release);
  let stopping: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    if (!isGone) await endProcess(mark, graceMs);
    await exited;
  };
  return {
    mark,
    exited,
    hasExited: () => isGone,
    tail,
    // Many programs take a second SIGTERM as an order to end at once.
    stop: async (graceMs) => await (stopping ??= stop(graceMs)),
  };
};
