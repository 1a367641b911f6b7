import type { TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';

/** The two ways every suite runs: with a warm cache, and replaying from the first event at every step. */
export const MODES = [
  { name: 'cached', maxCachedWorkflows: 100 },
  { name: 'replayed', maxCachedWorkflows: 0 },
] as const;

/** Waits until something holds; for conditions that only the server knows. */
export const until = async <T>(
  read: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 60_000,
): Promise<T> => {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
};

/** Waits until a task has this many pending decisions. */
export const untilPending = (task: TaskHandle, count = 1): Promise<readonly PendingDecision[]> =>
  until(async () => {
    const { pending } = await task.status();
    return pending.length === count ? pending : undefined;
  }, `${count} decisions are pending`);
