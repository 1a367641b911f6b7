import { DefaultLogger, Runtime } from '@temporalio/worker';
import { defineConfig } from '../../src/config.ts';
import { createWorker } from '../../src/worker.ts';
import { makeChaosAgent } from './agent.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
// A worker as a process of its own, for faults that end or freeze it.
const [world = '', address = '', taskQueue = '', store = '', codePath = '', baseURL = ''] = process.argv.slice(2);
const config = defineConfig({
  models: { default: { model: 'scripted', baseURL } },
  agents: [makeChaosAgent(world)],
  worker: { heartbeatTimeout: '2s', stickyTimeout: '1s' },
});
const worker = await createWorker({ config, address, taskQueue, store, workflowBundle: { codePath } });
process.stdout.write('ready\n');
await worker.run();
