import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { markProcess } from '../../src/dev/process-mark.ts';
import { type Stack, type StackOptions, startStack } from '../../src/dev/stack.ts';

export const SLOW = { timeout: 60_000 };

export const makeFolder = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-dev-'));
  onTestFinished(async () => await rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
};

export const makeStack = async (options: Partial<StackOptions> = {}): Promise<Stack> => {
  const dataDir = options.dataDir ?? (await makeFolder());
  const stack = await startStack({ port: 0, uiPort: 0, storePort: 0, ...options, dataDir });
  onTestFinished(async () => await stack.stop());
  return stack;
};

export const waitFor = async (isMet: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> => {
  const deadline = Date.now() + limitMs;
  while (!(await isMet())) {
    if (Date.now() > deadline) throw new Error(`not met within ${limitMs} ms: ${isMet.toString()}`);
    await sleep(20);
  }
};

export const isAlive = async (pid: number): Promise<boolean> => (await markProcess(pid)) !== null;

export const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  await promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
