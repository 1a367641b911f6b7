import { signalGroup } from './process-mark.ts';

/**
 * Kills a child's process group when this process exits, however it comes to exit (an exception included; SIGKILL
 * apart, which nothing in this process can see).
 * @returns takes the promise back, for when the child ended
 */
export const killOnExit = (pid: number): (() => void) => {
  const kill = (): void => signalGroup(pid, 'SIGKILL');
  process.once('exit', kill);
  return () => {
    process.off('exit', kill);
  };
};

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `stop` before a signal ends this process, where nobody else handles that signal. A program with its own handler
 * (the CLI, which stops the worker first) calls `stop` itself.
 * @returns removes the handlers
 */
export const stopOnSignals = (stop: () => Promise<void>): (() => void) => {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    void stop().finally(() => {
      remove();
      process.kill(process.pid, signal);
    });
  };
  const remove = (): void => {
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  };
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  return remove;
};
