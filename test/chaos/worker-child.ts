import { DefaultLogger, Runtime } from '@temporalio/worker';
import { type ConfigInput, defineConfig } from '../../src/config.ts';
import { createWorker } from '../../src/worker.ts';
import { makeChaosAgents } from './agent.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
// A worker as a process of its own, for faults that end or freeze it.
const [world = '', address = '', taskQueue = '', store = '', codePath = '', baseURL = '', signers = '[]'] =
  process.argv.slice(2);
type Approvals = NonNullable<ConfigInput['approvals']>;
const config = defineConfig({
  models: { default: { model: 'scripted', baseURL } },
  agents: makeChaosAgents(world),
  approvals: {
    rules: [
      { name: 'signed', when: { kinds: ['approval'], agents: ['signed'] }, verified: true },
      { name: 'paired', when: { kinds: ['approval'], agents: ['paired'] }, roles: ['treasurer'], quorum: 2 },
    ],
    signers: JSON.parse(signers) as NonNullable<Approvals['signers']>,
  },
  worker: { heartbeatTimeout: '2s', stickyTimeout: '1s' },
});
const worker = await createWorker({ config, address, taskQueue, store, workflowBundle: { codePath } });
process.stdout.write('ready\n');
await worker.run();
