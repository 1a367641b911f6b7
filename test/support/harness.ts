import { randomUUID } from 'node:crypto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { inject, onTestFinished } from 'vitest';
import { AgentClient, type TaskHandle } from '../../src/client.ts';
import { type Config, defineConfig } from '../../src/config.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { type Script, type ScriptedModel, startScriptedModel } from '../../src/testing/index.ts';
import type { Agent } from '../../src/tools/define-agent.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

/** The two ways every suite runs: with a warm cache, and replaying from the first event at every step. */
export const MODES = [
  { name: 'cached', maxCachedWorkflows: 100 },
  { name: 'replayed', maxCachedWorkflows: 0 },
] as const;

export type HarnessOptions = {
  readonly agents: readonly Agent[];
  readonly script: Script;
  readonly maxCachedWorkflows?: number;
  readonly model?: Partial<Config['models'][string]>;
  readonly heartbeatTimeout?: string;
  readonly namespace?: string;
  /** Options of Temporal's worker. */
  readonly temporal?: Parameters<typeof createWorker>[0]['temporal'];
  /** Another server than the shared one. */
  readonly address?: string;
};

export type Harness = {
  readonly client: AgentClient;
  readonly model: ScriptedModel;
  readonly taskQueue: string;
  readonly startWorker: () => Promise<{ readonly stop: () => Promise<void> }>;
  /** Ends the worker that runs from the beginning, gracefully. */
  readonly stopWorker: () => Promise<void>;
  readonly newTaskId: () => string;
};

const runWorker = async (worker: HoldfastWorker) => {
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
};

/** A worker, a scripted model and a client on a task queue of their own; all of it ends with the test. */
export const startHarness = async (options: HarnessOptions): Promise<Harness> => {
  const address = options.address ?? inject('temporal').address;
  const taskQueue = `test-${randomUUID()}`;
  const model = await startScriptedModel({ script: options.script });
  const config = defineConfig({
    models: { default: { model: 'scripted', baseURL: model.url, ...options.model } },
    agents: [...options.agents],
    worker: {
      heartbeatTimeout: options.heartbeatTimeout ?? '2s',
      stickyTimeout: '1s',
      maxCachedWorkflows: options.maxCachedWorkflows ?? 100,
    },
  });
  const client = await AgentClient.connect({
    address,
    taskQueue,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
  });
  const workers: { stop: () => Promise<void> }[] = [];
  const startWorker = async () => {
    const worker = await createWorker({
      config,
      address,
      namespace: options.namespace ?? 'default',
      taskQueue,
      workflowBundle: { codePath: inject('bundle') },
      ...(options.temporal === undefined ? {} : { temporal: options.temporal }),
    });
    const running = await runWorker(worker);
    workers.push(running);
    return {
      stop: async () => {
        workers.splice(workers.indexOf(running), 1);
        await running.stop();
      },
    };
  };
  const { stop: stopWorker } = await startWorker();
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await client.close();
    await model.close();
  });
  return { client, model, taskQueue, startWorker, stopWorker, newTaskId: () => `t-${randomUUID()}` };
};

/** Waits until something holds; for conditions that only the server knows. */
export const until = async <T>(
  read: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 30_000,
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

export const ana = { id: 'ana' };
