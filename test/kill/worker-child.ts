import { flushCompileCache } from 'node:module';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { defineConfig } from '../../src/config.ts';
import { createWorker } from '../../src/worker.ts';
import { makeAgent } from './agent.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
// A worker as a process of its own, for tests that kill it.
const [dir = '', address = '', taskQueue = '', codePath = '', baseURL = '', store = '', maxCachedWorkflows = '100'] =
  process.argv.slice(2);
const config = defineConfig({
  models: { default: { model: 'scripted', baseURL } },
  agents: [makeAgent(dir)],
  worker: { heartbeatTimeout: '2s', stickyTimeout: '1s', maxCachedWorkflows: Number(maxCachedWorkflows) },
});
const worker = await createWorker({ config, address, taskQueue, store, workflowBundle: { codePath } });
// Whoever is killed keeps nothing at its end.
flushCompileCache();
await worker.run();
