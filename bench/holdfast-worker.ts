import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import type * as Api from '../src/index.ts';
import type * as WorkerApi from '../src/worker.ts';
import { HANG_MS, INSTRUCTIONS, toolOutput } from './plan.ts';
import { createReducedWorker } from './reduced-worker.ts';
import { endWithParent, readOptions, tell } from './support/child.ts';

// Holdfast's side: the worker as a host program runs it, from sources or from the build.
endWithParent();
const options = readOptions();
const prometheus =
  options.metrics === undefined
    ? {}
    : { telemetryOptions: { metrics: { prometheus: { bindAddress: options.metrics } } } };
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [], ...prometheus });
const room = options.built ? '../dist' : '../src';
const ending = options.built ? 'js' : 'ts';
const { defineAgent, defineConfig, defineTool, withApproval } = (await import(`${room}/index.${ending}`)) as typeof Api;
const { createWorker } = (await import(`${room}/worker.${ending}`)) as typeof WorkerApi;

const input = z.object({ bytes: z.int(), step: z.int(), hang: z.boolean().optional() });

/** Same work for all; where a file is given, every run is noted there with its key, as a system outside would see it. */
const makeTool = (name: string, effect: 'read' | 'write') =>
  defineTool({
    name,
    description: 'Works for the benchmark',
    effect,
    ...(effect === 'write' ? { idempotent: true } : {}),
    input,
    execute: async ({ bytes, hang }, { idempotencyKey, attempt, signal }) => {
      if (options.runsFile !== undefined) appendFileSync(options.runsFile, `${idempotencyKey}\n`);
      if (hang === true && attempt === 1) {
        tell({ kind: 'hanging' });
        await sleep(HANG_MS, undefined, { signal });
      }
      return toolOutput(bytes);
    },
  });

const tools = [
  makeTool('read', 'read'),
  makeTool('write', 'write'),
  withApproval(makeTool('park', 'write'), { requireConfirmation: true }),
];
const limits = { steps: 100_000, toolCalls: 100_000, tokens: 1_000_000_000 };
const agent = defineAgent({ name: 'bench', instructions: INSTRUCTIONS, tools, limits });
const config = defineConfig({
  models: { default: { model: 'scripted', baseURL: options.modelUrl, api: 'chat' } },
  agents: [agent],
  worker: {
    ...(options.heartbeatTimeout === undefined ? {} : { heartbeatTimeout: options.heartbeatTimeout }),
    ...(options.stickyTimeout === undefined ? {} : { stickyTimeout: options.stickyTimeout }),
    ...(options.maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows: options.maxCachedWorkflows }),
  },
});
const worker =
  options.reduced === true
    ? await createReducedWorker(agent, config, options)
    : await createWorker({
        config,
        address: options.address,
        namespace: 'default',
        taskQueue: options.taskQueue,
        store: options.store,
        workflowBundle: { codePath: options.bundle },
      });
const running = worker.run();
tell({ kind: 'ready' });
await running;
