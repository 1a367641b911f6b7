import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import { bundleWorkflows } from '../../src/bundle.ts';
import { AgentClient, type TaskHandle } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { type Script, startScriptedModel } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { createWorker } from '../../src/worker.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { makeTools, World } from '../workflows/tools.ts';

// Records one history for every path through a task. Run it when a new path appears:
//   node test/replay/record.ts [NAME …]
// Old files are not recorded anew: they are what running tasks of earlier versions look like.

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

type Scenario = {
  readonly script: Script;
  readonly spec?: Record<string, unknown>;
  readonly act?: (task: TaskHandle, client: AgentClient) => Promise<void>;
};

const call = (tool: string, args: Record<string, unknown>) => ({ tool, args });
const done = { text: 'done' };

const pending = async (task: TaskHandle, count = 1) => {
  for (;;) {
    const state = await task.status();
    if (state.pending.length === count) return state.pending;
    await sleep(25);
  }
};

const workflow = (task: TaskHandle, client: AgentClient) => client.temporal.workflow.getHandle(task.taskId);

const SCENARIOS: Record<string, Scenario> = {
  'reads-and-effects': {
    script: [
      { calls: [call('look', { what: 'a' }), call('note', { text: 'n' }), call('look', { what: 'b' })] },
      { calls: [call('look', { what: 'c' })] },
      done,
    ],
  },
  'many-reads': { script: [{ calls: Array.from({ length: 12 }, (_, n) => call('look', { what: `w${n}` })) }, done] },
  approved: {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task, client) => {
      await pending(task);
      await workflow(task, client).signal('approve');
    },
  },
  'approved-by-name': {
    script: [{ calls: [call('pay', { amount: 1 }), call('pay', { amount: 2 })] }, done],
    act: async (task, client) => {
      const [first, second] = await pending(task, 2);
      await workflow(task, client).signal('approve');
      await workflow(task, client).signal(`approve ${first?.id.replace('-', ' ')}`, { by: 'ben' });
      await workflow(task, client).executeUpdate(`deny ${second?.id.replace('-', ' ')}`, { args: [{ reason: 'no' }] });
    },
  },
  edited: {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task) => {
      await pending(task);
      await task.approve({ args: { amount: -1 } }).catch(() => undefined);
      await task.approve({ args: { amount: 2 }, by: 'ben' });
    },
  },
  'asked-a-person': {
    script: [{ calls: [call('ask_human', { question: 'Which?' })] }, done],
    act: async (task) => {
      await pending(task);
      await task.answer({ text: 'blue' });
    },
  },
  'paused-and-resumed': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task) => {
      await pending(task);
      await task.pause('lunch');
      await task.approve();
      await sleep(300);
      await task.resume('be brief');
    },
  },
  'unknown-effect': {
    script: [{ calls: [call('lost', {})] }, done],
    act: async (task) => {
      await pending(task);
      await task.approve({ note: 'seen' });
    },
  },
  cancelled: {
    script: [{ fault: 'hang' }],
    act: async (task) => {
      await sleep(500);
      await task.cancel();
    },
  },
  'cancelled-while-waiting': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task) => {
      await pending(task);
      await task.cancel();
    },
  },
  'limit-steps': { script: () => ({ calls: [call('look', { what: 'x' })] }), spec: { limits: { steps: 2 } } },
  'limit-duration': { script: [{ fault: 'hang' }], spec: { limits: { duration: '1s' } } },
  'model-retried': { script: [{ ...done, fault: { status: 429, headers: { 'retry-after-ms': '50' } }, times: 2 }] },
  'model-refused': { script: [{ fault: { status: 401 } }] },
  'invalid-proposals': { script: () => ({}) },
  'output-repaired': {
    script: [{ text: 'red' }, { text: '{"colour":"red"}' }],
    spec: { output: { type: 'object', required: ['colour'] } },
  },
  'unknown-agent': { script: [done], spec: { agent: 'nobody' } },
  'malformed-signals': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task, client) => {
      await pending(task);
      for (const input of ['yes', { callId: 'x' }, 7]) await workflow(task, client).signal('approve', input);
      await workflow(task, client).signal('nonsense');
      await client.temporal.workflowService.signalWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: task.taskId },
        signalName: 'approve',
        input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{') }] },
      });
      await task.approve();
    },
  },
  'continued-as-new': {
    script: ({ step }) =>
      step > 12 ? done : { calls: [call(step === 10 ? 'note' : 'look', { what: 'x', text: 'n' })] },
  },
};

const folder = fileURLToPath(new URL('../histories/', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Stack traces name where the project lies; a history must not. */
const clean = (json: string): string => json.replaceAll(root, '');

const wanted = process.argv.slice(2);
const server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '60' });
const bundle = join(tmpdir(), `holdfast-record-${process.pid}.js`);
writeFileSync(bundle, (await bundleWorkflows()).code);
const connection = await Connection.connect({ address: server.address });

for (const [name, { script, spec, act }] of Object.entries(SCENARIOS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const model = await startScriptedModel({ script });
  const world = new World();
  const { note, look, pay } = makeTools(world);
  const lost = withApproval(
    {
      ...pay,
      name: 'lost',
      effect: 'write',
      input: z.object({}),
      execute: () => Promise.reject(new Error('socket hang up')),
    } as never,
    {
      requireConfirmation: () => false,
    },
  );
  const config = defineConfig({
    models: { default: { model: 'scripted', baseURL: model.url } },
    agents: [defineAgent({ name: 'clerk', instructions: 'Work.', tools: [note, look, pay, lost] })],
    worker: { heartbeatTimeout: '2s', stickyTimeout: '1s' },
  });
  const worker = await createWorker({
    config,
    address: server.address,
    namespace: 'default',
    taskQueue: 'record',
    workflowBundle: { codePath: bundle },
    temporal: { identity: 'recorder' },
  });
  const running = worker.run();
  const client = new AgentClient(new Client({ connection, identity: 'recorder' }), 'record');
  const task = await client.start(
    { agent: 'clerk', goal: 'work', principal: { id: 'ana', tenant: 'acme' }, ...spec },
    { taskId: name },
  );
  await act?.(task, client);
  const outcome = await task.result();
  const first = (await client.temporal.workflow.getHandle(name).describe()).raw.workflowExecutionInfo?.firstRunId ?? '';
  const runs = first === outcome.runId ? [first] : [first, outcome.runId];
  for (const [index, runId] of runs.entries()) {
    const history = await client.temporal.workflow.getHandle(name, runId).fetchHistory();
    writeFileSync(
      join(folder, `${name}${index === 0 ? '' : `-${index + 1}`}.json`),
      `${clean(historyToJSON(history))}\n`,
    );
  }
  process.stdout.write(`${name}: ${outcome.status}${outcome.reason === undefined ? '' : ` (${outcome.reason})`}\n`);
  worker.shutdown();
  await running;
  await model.close();
}
await connection.close();
await server.stop();
process.exit(0);
