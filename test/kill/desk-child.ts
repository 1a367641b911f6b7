import { flushCompileCache } from 'node:module';
import { DefaultLogger, Runtime, type WorkerOptions } from '@temporalio/worker';
import type { ReportInput } from '../../src/activities/messages.ts';
import { type ConfigInput, defineConfig } from '../../src/config.ts';
import { createWorker } from '../../src/worker.ts';
import { makeDeskAgent } from './desk-agent.ts';
import { stopAt } from './stops.ts';

/** What a worker process is told. */
export type ChildOptions = {
  readonly dir: string;
  readonly address: string;
  readonly taskQueue: string;
  readonly store: string;
  readonly bundle: string;
  readonly model: string;
  readonly maxCachedWorkflows: number;
  readonly webhook: string;
  readonly signers: NonNullable<NonNullable<ConfigInput['approvals']>['signers']>;
  /** What it does of a worker's work. */
  readonly part: 'all' | 'workflows' | 'activities';
};

Runtime.install({ logger: new DefaultLogger('ERROR') });
const given = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const { dir, address, taskQueue, store, bundle, model, maxCachedWorkflows, webhook, signers, part } = given;

const ofTool = (tool: string) => ({ kinds: ['approval' as const], tools: [tool] });
const config = defineConfig({
  models: { default: { model: 'scripted', baseURL: model } },
  agents: [makeDeskAgent(dir)],
  approvals: {
    rules: [
      { name: 'wires', when: ofTool('wire'), verified: true },
      { name: 'vault', when: ofTool('vault'), roles: ['treasurer'], quorum: 2, separate: true },
      { name: 'brief', when: ofTool('brief'), expire: { after: '10s', then: 'deny' } },
      { name: 'signed-brief', when: ofTool('signed-brief'), verified: true, expire: { after: '10s', then: 'deny' } },
      { name: 'pausing', when: ofTool('pausing'), expire: { after: '10s', then: 'pause' } },
    ],
    signers,
  },
  webhooks: [
    {
      name: 'ops',
      url: webhook,
      secret: { env: 'DESK_SECRET' },
      events: ['asked', 'voted', 'decided', 'expired'],
      timeout: '20s',
    },
  ],
  worker: { heartbeatTimeout: '2s', stickyTimeout: '1s', maxCachedWorkflows },
});

const stopAfterReport = (): NonNullable<NonNullable<WorkerOptions['interceptors']>['activity']>[number] => () => ({
  inbound: {
    execute: async (input, next) => {
      const result = await next(input);
      const [{ events = [], context } = {}] = input.args as Partial<ReportInput>[];
      if (events.some(({ type }) => type === 'decided')) await stopAt(dir, `after-report ${context?.taskId}`);
      return result;
    },
  },
});

const PARTS: Record<ChildOptions['part'], object> = {
  all: {},
  workflows: { enableNonLocalActivities: false },
  activities: { workflowBundle: undefined },
};

const worker = await createWorker({
  config,
  address,
  taskQueue,
  store,
  workflowBundle: { codePath: bundle },
  temporal: {
    ...PARTS[part],
    interceptors: { activity: [stopAfterReport()] },
  },
});
// Whoever is killed keeps nothing at its end.
flushCompileCache();
await worker.run();
