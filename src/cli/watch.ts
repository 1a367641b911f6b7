import type { AgentClient } from '../client.ts';
import { countPollers } from './connect.ts';
import { EXIT } from './exit-code.ts';

/** Ctrl-C ends the watching, not the task; a second one ends this process at once. */
export const interruptible = async <T>(use: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await use(interrupt.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
};

/** What to say when nothing happens: null while a worker is there. */
export const quietHint = async (client: AgentClient, taskQueue: string): Promise<string | null> => {
  const isServed = (await countPollers(client, taskQueue)) > 0;
  return isServed
    ? null
    : `no worker polls the task queue ${taskQueue}: start one with \`holdfast worker\` or \`holdfast dev\``;
};
