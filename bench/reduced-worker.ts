import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../src/activities/index.ts';
import type { Config } from '../src/config.ts';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from '../src/domain/task.ts';
import type { Agent } from '../src/tools/define-agent.ts';
import { buildDirectory, buildModels } from '../src/worker-parts.ts';
import { reducedGateway } from './reduced-gateway.ts';
import type { WorkerOptions } from './support/child.ts';

const HEARTBEAT_MS = 30_000;

/** Holdfast's worker with everything but the gateway: the other side of the gateway's own cost. */
export const createReducedWorker = async (agent: Agent, config: Config, options: WorkerOptions): Promise<Worker> => {
  const agents = new Map([[agent.name, agent]]);
  return Worker.create({
    connection: await NativeConnection.connect({ address: options.address }),
    namespace: 'default',
    taskQueue: options.taskQueue,
    workflowBundle: { codePath: options.bundle },
    activities: createActivities({
      agents: buildDirectory(agents, buildModels(config)),
      gateway: reducedGateway(agent),
      namespace: { searchAttributes: async () => Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[] },
      tasks: { register: async () => ({ epoch: 'e1' }) },
      checkRules: () => undefined,
      heartbeatTimeoutMs: HEARTBEAT_MS,
      approvalRules: [],
      verifier: () => Promise.resolve({ ok: false, refusal: 'no signers are configured' }),
      principals: (claimed) => Promise.resolve(claimed),
      deskLog: {
        record: () => Promise.resolve(undefined),
        stats: () => Promise.resolve([]),
        decisions: () => Promise.resolve({ decisions: [], next: null }),
      },
      endpoints: [],
      messages: () => [],
    }),
    maxHeartbeatThrottleInterval: '200ms',
    stickyQueueScheduleToStartTimeout: '10s',
    shutdownGraceTime: '10s',
  });
};
