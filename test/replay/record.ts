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
import { type ConfigInput, defineConfig } from '../../src/config.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { compensationId } from '../../src/domain/task.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { signDecision } from '../../src/signers/sign.ts';
import { type Script, startScriptedModel } from '../../src/testing/index.ts';
import { readUndoable, startCompensation } from '../../src/timeline/compensation.ts';
import { runChain } from '../../src/timeline/history.ts';
import { plan } from '../../src/tools/built-in/plan.ts';
import { wait } from '../../src/tools/built-in/wait.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { createWorker } from '../../src/worker.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { createDatabase, startStoreServer } from '../support/store-server.ts';
import { makeTools, World } from '../workflows/tools.ts';

// Records one history for every path through a task. Run it when a new path appears:
//   node test/replay/record.ts [NAME …]
// Old files are not recorded anew: they are what running tasks of earlier versions look like.

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

type Scenario = {
  readonly script: Script;
  readonly spec?: Record<string, unknown>;
  readonly act?: (task: TaskHandle, client: AgentClient) => Promise<void>;
  readonly approvals?: ConfigInput['approvals'];
  /** Of the workflow whose history is kept; by default the task. */
  readonly idOf?: (taskId: string) => string;
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

/** The next question about undoing; the one before it may still be seen. */
const compensationPending = async (task: TaskHandle) => {
  for (;;) {
    const [only] = (await task.status()).pending;
    if (only?.callId.startsWith('s')) return;
    await sleep(25);
  }
};

/** The next question, after another one. */
const pendingAfter = async (task: TaskHandle, before: PendingDecision | undefined) => {
  for (;;) {
    const { pending: now } = await task.status();
    if (now.length === 1 && now[0]?.id !== before?.id) return now[0];
    await sleep(25);
  }
};

const [ben, eva] = await Promise.all([createKeyPair('ben'), createKeyPair('eva')]);
const signer = (issuer: string, { publicKey }: typeof ben) => ({
  issuer,
  publicKey: publicKey as { kty: 'OKP' },
  roles: ['treasurer'],
});
const signers = [signer('ben', ben), signer('eva', eva)];

const approveSigned = async (task: TaskHandle, issuer: 'ben' | 'eva') => {
  const [asked] = await pending(task);
  if (asked === undefined) return;
  const { privateKey: key } = { ben, eva }[issuer];
  const token = await signDecision({ pending: asked, decision: 'approve', namespace: 'default', issuer, key });
  await task.approve({ callId: asked.id, token });
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
  'unknown-settled': {
    script: [{ calls: [call('lost', {})] }, done],
    act: async (task) => {
      await pending(task);
      await task.approve({ note: 'seen', args: { paid: 1 } });
    },
  },
  compensated: {
    script: [{ calls: [call('book', { seat: 'a' }), call('book', { seat: 'b' })] }, { fault: { status: 401 } }],
  },
  'compensated-after-cancel': {
    script: [{ calls: [call('book', { seat: 'a' }), call('pay', { amount: 1 })] }],
    act: async (task) => {
      await pending(task);
      await task.cancel();
    },
  },
  'compensation-asked': {
    script: [{ calls: [call('book', { seat: 'a' }), call('book', { seat: 'broken' })] }, { fault: { status: 401 } }],
    spec: { onFailure: 'ask' },
    act: async (task) => {
      await pending(task);
      await task.approve();
      await compensationPending(task);
      await task.deny({ reason: 'leave it' });
    },
  },
  'compensation-unknown': {
    script: [{ calls: [call('book', { seat: 'lost' }), call('book', { seat: 'b' })] }],
    act: async (task) => {
      await pending(task);
      await task.cancel();
      await sleep(500);
      await pending(task);
      await task.approve({ args: { booking: 'found' } });
    },
  },
  'waited-and-planned': {
    script: [
      { calls: [call('look', { what: 'a' }), call('plan', { steps: [{ title: 'wait', status: 'doing' }] })] },
      { calls: [call('wait', { duration: '1s' })] },
      done,
    ],
  },
  'narrowed-grants': {
    script: [
      { format: 'minimal_grants', json: { grants: [{ tool: 'note', args: {} }] } },
      { calls: [call('note', { text: 'n' })] },
      done,
    ],
    spec: { grants: 'minimal' },
  },
  denied: {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    act: async (task) => {
      await pending(task);
      await task.deny({ reason: 'no' });
    },
  },
  'compensate-task': {
    script: [{ calls: [call('book', { seat: 'a' }), call('book', { seat: 'broken' })] }, { fault: 'hang' }],
    act: async (task, client) => {
      await sleep(1_500);
      await workflow(task, client).terminate('by mistake');
      const undoable = await readUndoable(client.temporal, task.taskId);
      const undoing = client.handle(await startCompensation(client.temporal, undoable, undoable.undo));
      await pending(undoing);
      await undoing.approve({ note: 'by hand' });
    },
    idOf: compensationId,
  },
  'compensated-in-a-new-run': {
    script: ({ step }) => (step > 9 ? { fault: { status: 401 } } : { calls: [call('book', { seat: `s${step}` })] }),
  },
  'approved-by-quorum': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    approvals: { rules: [{ name: 'two', roles: ['treasurer'], quorum: 2, separate: true }], signers },
    act: async (task) => {
      await pending(task);
      await task.approve({ by: 'ben' }).catch(() => undefined);
      await approveSigned(task, 'ben');
      await approveSigned(task, 'eva');
    },
  },
  expired: {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    approvals: { rules: [{ name: 'short', expire: { after: '1s', then: 'deny' } }] },
  },
  'expired-to-pause': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    approvals: { rules: [{ name: 'short', expire: { after: '1s', then: 'pause' } }] },
    act: async (task) => {
      await pending(task);
      while ((await task.status()).status !== 'paused') await sleep(25);
      await task.approve({ by: 'ben' });
      await task.resume();
    },
  },
  'escalated-and-reminded': {
    script: [{ calls: [call('pay', { amount: 1 })] }, done],
    approvals: {
      rules: [
        {
          name: 'slow',
          roles: ['clerk'],
          remind: '1s',
          escalate: [{ after: '2s', roles: ['treasurer'] }],
          expire: { after: '10m', then: 'deny' },
        },
      ],
      signers,
    },
    act: async (task) => {
      await pending(task);
      while ((await task.status()).pending[0]?.who?.roles.length !== 2) await sleep(25);
      await approveSigned(task, 'ben');
    },
  },
  'continued-as-new-while-pending': {
    script: [{ calls: [call('pay', { amount: 1 }), call('look', { what: 'a' }), call('pay', { amount: 2 })] }, done],
    approvals: { rules: [{ name: 'slow', remind: '1s', expire: { after: '10m', then: 'deny' } }] },
    act: async (task, client) => {
      const [first, second] = await pending(task, 2);
      await workflow(task, client).signal(`approve ${second?.id.replace('-', ' ')}`, { by: 'eva' });
      const { runId } = await task.status();
      while ((await task.status()).runId === runId) await workflow(task, client).signal('approve', 'yes');
      await workflow(task, client).executeUpdate(`approve ${first?.id.replace('-', ' ')}`, { args: [{ by: 'ben' }] });
    },
  },
  'standing-approval': {
    script: [
      { calls: [call('pay', { amount: 1 })] },
      { calls: [call('pay', { amount: 2 })] },
      { calls: [call('ask_human', { question: 'Which?' })] },
      { calls: [call('pay', { amount: 3 })] },
      done,
    ],
    approvals: { rules: [{ name: 'often', scopes: ['once', 'values', 'tool'] }] },
    act: async (task, client) => {
      const [first] = await pending(task);
      await task.approve({ callId: first?.id ?? '', scope: 'tool', by: 'ben' });
      const question = await pendingAfter(task, first);
      await workflow(task, client).signal('revoke', { id: first?.id, by: 'eva' });
      await task.answer({ questionId: question?.id ?? '', text: 'blue' });
      const last = await pendingAfter(task, question);
      await task.deny({ callId: last?.id ?? '', reason: 'no more' });
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
const storeServer = await startStoreServer(process.env['HOLDFAST_TEST_STORE']);

for (const [name, { script, spec, act, idOf, approvals }] of Object.entries(SCENARIOS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const model = await startScriptedModel({ script });
  const world = new World();
  const { note, look, pay } = makeTools(world);
  const lost = defineTool({
    name: 'lost',
    description: 'Pay over a bad line',
    effect: 'write',
    input: z.object({}),
    execute: () => Promise.reject(new Error('socket hang up')),
  });
  const book = defineTool({
    name: 'book',
    description: 'Book a seat',
    effect: 'write',
    input: z.object({ seat: z.string() }),
    execute: ({ seat }) => {
      if (seat === 'lost') throw new Error('socket hang up');
      return { booking: `b-${seat}` };
    },
    compensate: ({ seat }) => {
      if (seat === 'broken') throw new Error('no such booking');
    },
  });
  const store = await createDatabase(storeServer.url);
  const config = defineConfig({
    models: { default: { model: 'scripted', baseURL: model.url } },
    agents: [
      defineAgent({
        name: 'clerk',
        instructions: 'Work.',
        tools: [note, look, pay, lost, book, wait, plan],
      }),
    ],
    worker: { heartbeatTimeout: '2s', stickyTimeout: '1s' },
    ...(approvals === undefined ? {} : { approvals }),
  });
  const worker = await createWorker({
    config,
    address: server.address,
    namespace: 'default',
    taskQueue: 'record',
    store: store.url,
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
  const taskId = idOf?.(name) ?? name;
  const outcome = await client.handle(taskId).result();
  for (const [index, runId] of (await runChain(client.temporal, taskId)).entries()) {
    const history = await client.temporal.workflow.getHandle(taskId, runId).fetchHistory();
    writeFileSync(
      join(folder, `${name}${index === 0 ? '' : `-${index + 1}`}.json`),
      `${clean(historyToJSON(history))}\n`,
    );
  }
  process.stdout.write(`${name}: ${outcome.status}${outcome.reason === undefined ? '' : ` (${outcome.reason})`}\n`);
  worker.shutdown();
  await running;
  await model.close();
  await store.drop();
}
await connection.close();
await storeServer.stop();
await server.stop();
process.exit(0);
