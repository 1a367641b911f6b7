import type { Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { toLimits } from './activities/admit.ts';
import { createActivities } from './activities/index.ts';
import { workflowSlots } from './activities/model-slots.ts';
import type { AgentDirectory, Model, NamespaceFacts } from './activities/ports.ts';
import { findBundle, type WorkflowBundle } from './bundle.ts';
import { type Config, ConfigError, type ModelConfig, readEnvironment, readSecret, resolveTemporal } from './config.ts';
import { durationMs } from './domain/schemas/duration.ts';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from './domain/task.ts';
import { outputSchemaOf } from './gateway/faces.ts';
import { createGateway } from './gateway/pipeline.ts';
import { findAgent } from './gateway/setup.ts';
import { createOpenAiModel } from './models/openai.ts';
import { type Agent, defineAgent } from './tools/define-agent.ts';
import type { ToolLog } from './tools/tool.ts';

/** What `createWorker` takes. */
export type CreateWorkerOptions = {
  readonly config: Config;
  /** Host and port of Temporal; by default as Temporal's environment configuration says. */
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
  /** A connection of the host's own; it stays open when the worker ends. */
  readonly connection?: NativeConnection;
  /** The workflow bundle, when it is not the one of this package. */
  readonly workflowBundle?: WorkflowBundle;
  /** Options of Temporal's worker that win over Holdfast's. */
  readonly temporal?: Partial<WorkerOptions>;
  readonly log?: ToolLog;
};

/** A worker, ready to run. */
export type HoldfastWorker = {
  /** Polls until `shutdown`, then lets running activities finish. @throws when the worker fails for good */
  readonly run: () => Promise<void>;
  readonly shutdown: () => void;
  readonly state: () => string;
};

const silent: ToolLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const buildModel = (name: string, config: ModelConfig): Model =>
  createOpenAiModel({
    name,
    model: config.model,
    baseURL: config.baseURL ?? 'https://api.openai.com/v1',
    api: config.api,
    timeoutMs: durationMs(config.timeout),
    slots: workflowSlots,
    ...(config.apiKey === undefined ? {} : { apiKey: readSecret(config.apiKey.env, `models.${name}.apiKey`) }),
    ...(config.contextWindow === undefined ? {} : { contextWindow: config.contextWindow }),
    ...(config.price === undefined ? {} : { price: config.price }),
    ...(config.maxConcurrent === undefined ? {} : { maxConcurrent: config.maxConcurrent }),
  });

/** Agents by name; those in plain data become the same as defined ones. */
const buildAgents = ({ agents }: Config): ReadonlyMap<string, Agent> => {
  if (Array.isArray(agents)) return new Map(agents.map((agent) => [agent.name, agent]));
  return new Map(
    Object.entries(agents).map(([name, { tools: _, model, limits, instructions, output }]) => {
      const definition = {
        name,
        instructions,
        ...(model === undefined ? {} : { model }),
        ...(limits === undefined ? {} : { limits }),
      };
      return [name, { ...defineAgent(definition), ...(output === undefined ? {} : { outputSchema: output }) }];
    }),
  );
};

const buildDirectory = (agents: ReadonlyMap<string, Agent>, models: ReadonlyMap<string, Model>): AgentDirectory => ({
  find: (name) => {
    const agent = findAgent(agents, name);
    const model = models.get(agent.model);
    if (model === undefined) throw new ConfigError(`agent ${name}: there is no model ${agent.model}`);
    const output = outputSchemaOf(agent);
    return { name, model, limits: toLimits(agent.limits), ...(output === undefined ? {} : { output }) };
  },
});

/** How long an answer about search attributes holds: they are added once, by hand. */
const FACTS_MS = 30_000;

/** Asks the namespace which search attributes it has; none where that may not be asked, and the task runs without. */
const namespaceFacts = (connection: NativeConnection | Connection, namespace: string, log: ToolLog): NamespaceFacts => {
  let known: { readonly untilMs: number; readonly names: readonly SearchAttributeName[] } | undefined;
  return {
    searchAttributes: async () => {
      if (known !== undefined && known.untilMs > Date.now()) return known.names;
      const names = (Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[]).toSorted();
      try {
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
        known = { untilMs: Date.now() + FACTS_MS, names: names.filter((name) => name in customAttributes) };
      } catch (error) {
        log.warn('search attributes could not be listed; tasks run without them', { error: String(error) });
        return [];
      }
      const missing = names.filter((name) => !known?.names.includes(name));
      if (missing.length > 0)
        log.warn('search attributes are missing; `holdfast doctor` says how to add them', { missing });
      return known.names;
    },
  };
};

const connect = async ({ address, namespace, connection }: CreateWorkerOptions) => {
  const target = resolveTemporal({ address, namespace });
  if (connection !== undefined) return { connection, namespace: target.namespace };
  try {
    return {
      connection: await NativeConnection.connect({ ...target.connection, address: target.address }),
      namespace: target.namespace,
    };
  } catch (error) {
    throw new ConfigError(
      `Temporal at ${target.address} cannot be reached (address from: ${target.source}). Start one with \`holdfast dev\`, or set TEMPORAL_ADDRESS or --address.`,
      { cause: error },
    );
  }
};

/**
 * Builds a worker for a configuration: the only place where models, gateway and connection are made.
 * @throws ConfigError when the server cannot be reached or a named secret is missing
 */
export const createWorker = async (options: CreateWorkerOptions): Promise<HoldfastWorker> => {
  const { config, log = silent } = options;
  const environment = readEnvironment();
  const agents = buildAgents(config);
  const models = new Map(Object.entries(config.models).map(([name, each]) => [name, buildModel(name, each)]));
  const { connection, namespace } = await connect(options);
  const settings = config.worker ?? {};
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: options.taskQueue ?? environment.HOLDFAST_TASK_QUEUE,
    workflowBundle: options.workflowBundle ?? (await findBundle()),
    activities: createActivities({
      agents: buildDirectory(agents, models),
      gateway: createGateway(agents, log),
      namespace: namespaceFacts(connection, namespace, log),
      heartbeatTimeoutMs: durationMs(settings.heartbeatTimeout ?? environment.HOLDFAST_HEARTBEAT_TIMEOUT),
    }),
    // INVARIANT H2: details that must survive a kill leave at once, not after most of the heartbeat timeout.
    maxHeartbeatThrottleInterval: '200ms',
    stickyQueueScheduleToStartTimeout: durationMs(settings.stickyTimeout ?? environment.HOLDFAST_STICKY_TIMEOUT),
    shutdownGraceTime: '10s',
    ...(settings.maxConcurrentActivities === undefined
      ? {}
      : { maxConcurrentActivityTaskExecutions: settings.maxConcurrentActivities }),
    ...(settings.maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows: settings.maxCachedWorkflows }),
    ...options.temporal,
  });
  return {
    run: async () => {
      try {
        await worker.run();
      } finally {
        if (options.connection === undefined) await connection.close();
      }
    },
    shutdown: () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    },
    state: () => worker.getState(),
  };
};

if (import.meta.main) {
  const { runWorkerProcess } = await import('./worker-process.ts');
  await runWorkerProcess({});
}
