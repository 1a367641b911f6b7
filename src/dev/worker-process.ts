import { setTimeout as sleep } from 'node:timers/promises';
import { type GroupLeader, startGroupLeader } from './group-leader.ts';
import { signalGroup } from './process-mark.ts';
import { reasonOf } from './stack-error.ts';

/** A worker that died by itself, or did not start; it is started again after `restartInMs`. */
export type WorkerExit = { readonly reason: string; readonly restartInMs: number };

/** The worker's command, and whom to tell. */
export type WorkerOptions = {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called after every start. */
  readonly onStart?: (pid: number) => void;
  readonly onExit?: (exit: WorkerExit) => void;
  /** Gets every line of output. */
  readonly log: (line: string) => void;
};

/** A worker that is kept running. */
export type SupervisedWorker = {
  /** Null while none runs. */
  readonly pid: number | null;
  /** Stops it gracefully and starts it anew at once; resolves when the old one is gone. */
  restart(): Promise<void>;
  /** Signals it; it counts as having died by itself. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, SIGKILL after 10 s; it is not started again. Idempotent. */
  stop(): Promise<void>;
};

const STOP_GRACE_MS = 10_000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
const STEADY_AFTER_MS = 30_000;

class Supervisor implements SupervisedWorker {
  readonly #options: WorkerOptions;
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #worker: GroupLeader | null = null;
  #isRestarting = false;
  #backoffMs = FIRST_BACKOFF_MS;
  readonly #finished: Promise<void>;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#finished = this.#run();
  }

  get pid(): number | null {
    return this.#worker?.mark.pid ?? null;
  }

  async restart(): Promise<void> {
    this.#isRestarting = true;
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#wake.abort();
    await this.#worker?.stop(STOP_GRACE_MS);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#worker !== null) signalGroup(this.#worker.mark.pid, signal);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#worker?.stop(STOP_GRACE_MS);
    await this.#finished;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const startedAt = Date.now();
      const reason = await this.#runOnce();
      if (this.#stopped.signal.aborted) return;
      if (this.#isRestarting) this.#isRestarting = false;
      else await this.#backOff(reason, Date.now() - startedAt);
    }
  }

  async #runOnce(): Promise<string> {
    const [command, ...args] = this.#options.command;
    const { env, log, onStart } = this.#options;
    try {
      const worker = await startGroupLeader({ command, args, env, log });
      this.#worker = worker;
      // `stop` or `restart` may have come while it was being started, and then found nothing to stop.
      if (this.#stopped.signal.aborted || this.#isRestarting) await worker.stop(STOP_GRACE_MS);
      else onStart?.(worker.mark.pid);
      return await worker.exited;
    } catch (error) {
      return reasonOf(error);
    } finally {
      this.#worker = null;
    }
  }

  async #backOff(reason: string, ranMs: number): Promise<void> {
    if (ranMs > STEADY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const restartInMs = this.#backoffMs;
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
    this.#wake = new AbortController();
    const wake = AbortSignal.any([this.#wake.signal, this.#stopped.signal]);
    this.#options.onExit?.({ reason, restartInMs });
    await sleep(restartInMs, undefined, { signal: wake }).catch(() => undefined);
    this.#isRestarting = false;
  }
}

/**
 * Keeps a worker running in a process group of its own: one that dies by itself is started again after 0.2 s, then after
 * twice as long each time, up to 10 s; 30 s of running make it start over. It ends with this process, SIGKILL apart.
 */
export const superviseWorker = (options: WorkerOptions): SupervisedWorker => new Supervisor(options);
