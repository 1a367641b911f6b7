import { randomUUID } from 'node:crypto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { inject, onTestFinished } from 'vitest';
import { AgentClient } from '../../src/client.ts';
import { type Config, type ConfigInput, defineConfig } from '../../src/config.ts';
import { type Script, type ScriptedModel, startScriptedModel } from '../../src/testing/index.ts';
import type { Agent } from '../../src/tools/define-agent.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { migratedStore } from './store.ts';

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

export { MODES, until, untilPending } from './waiting.ts';

export type HarnessOptions = {
  readonly agents: readonly Agent[];
  readonly script: Script;
  readonly maxCachedWorkflows?: number;
  readonly model?: Partial<Config['models'][string]>;
  readonly heartbeatTimeout?: string;
  readonly namespace?: string;
  /** What else stands in the configuration. */
  readonly config?: Omit<Partial<ConfigInput>, 'models' | 'agents' | 'worker' | 'store'>;
  /** Options of Temporal's worker. */
  readonly temporal?: Parameters<typeof createWorker>[0]['temporal'];
  /** Another server than the shared one. */
  readonly address?: string;
  /** The host's answer about a principal's rights. */
  readonly authorizer?: Config['authorizer'];
  /** A control store that others use too; default: one of its own. */
  readonly store?: string;
};

export type Harness = {
  readonly client: AgentClient;
  readonly model: ScriptedModel;
  readonly taskQueue: string;
  /** The URL of its control store. */
  readonly store: string;
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
  const [model, store] = await Promise.all([
    startScriptedModel({ script: options.script }),
    options.store ?? migratedStore(),
  ]);
  const config = defineConfig({
    ...options.config,
    models: { default: { model: 'scripted', baseURL: model.url, ...options.model } },
    agents: [...options.agents],
    ...(options.authorizer === undefined ? {} : { authorizer: options.authorizer }),
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
      store,
      workflowBundle: { codePath: inject('bundle') },
      // A thread for each worker costs most of a test's time; kills and chaos run workers as they are in production.
      temporal: { debugMode: true, ...options.temporal },
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
  return { client, model, taskQueue, store, startWorker, stopWorker, newTaskId: () => `t-${randomUUID()}` };
};

export const ana = { id: 'ana' };
