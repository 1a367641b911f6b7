import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import { findBundle, type WorkflowBundle } from './bundle.ts';
import { Closing } from './closing.ts';
import { type Config, ConfigError, readEnvironment, readSecret, resolveStore, resolveTemporal } from './config.ts';
import { durationMs } from './domain/schemas/duration.ts';
import { createGateway } from './gateway/pipeline.ts';
import type { ControlStore, PolicyEngine } from './gateway/ports.ts';
import { type Notifications, startNotifications } from './notify/notifications.ts';
import { createPolicyEngine } from './policy/engine.ts';
import { createDeciders } from './signers/deciders.ts';
import { openStore } from './store/index.ts';
import { BUILT_IN_TOOLS, readArtifact } from './tools/built-in/index.ts';
import type { Agent, FoundTools } from './tools/define-agent.ts';
import { createMcpServers, type McpServers } from './tools/mcp/mcp-servers.ts';
import type { Tool, ToolLog } from './tools/tool.ts';
import { buildAgents, buildDirectory, buildModels, namespaceFacts, secretsOf } from './worker-parts.ts';

/** What `createWorker` takes. */
export type CreateWorkerOptions = {
  readonly config: Config;
  /** Host and port of Temporal; by default as Temporal's environment configuration says. */
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
  /** `postgres://…` of the control store; by default as configuration, environment or the running `holdfast dev` say. */
  readonly store?: string;
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

/** What a worker is made of beside Temporal's part; closed in the opposite order. */
type Parts = {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly connection: NativeConnection;
  readonly store: ControlStore;
  readonly storeUrl: string;
  readonly servers: McpServers;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly policy: PolicyEngine;
  readonly notifications: Notifications;
};

const buildStore = async (options: CreateWorkerOptions, names: { namespace: string; taskQueue: string }) => {
  const { config, log = silent } = options;
  const { url, source } = resolveStore(config, options.store);
  const retention = config.store?.retention;
  try {
    const store = await openStore({
      url,
      ...names,
      log: (message) => log.info(message),
      ...(retention === undefined ? {} : { retentionDays: durationMs(retention) / 86_400_000 }),
    });
    return { url, store };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`the control store (from: ${source}) cannot be used: ${why}`, { cause: error });
  }
};

/** All tools that a policy may speak of, each once. */
const toolsOf = (agents: ReadonlyMap<string, Agent>): readonly Tool[] => [
  ...new Map([...agents.values()].flatMap(({ tools }) => [...tools])).values(),
];

const findTools = (servers: McpServers, store: ControlStore): FoundTools => {
  const builtIn = Object.values(BUILT_IN_TOOLS);
  let from: readonly Tool[] | undefined;
  let all: readonly Tool[] = builtIn;
  return {
    always: [readArtifact(store.artifacts)],
    tools: () => {
      const now = servers.tools();
      if (now !== from) all = [...builtIn, ...now];
      from = now;
      return all;
    },
  };
};

const buildParts = async (options: CreateWorkerOptions, closing: Closing): Promise<Parts> => {
  const { config, log = silent } = options;
  const { connection, namespace } = await connect(options);
  if (options.connection === undefined) closing.add(connection, (each) => each.close());
  const taskQueue = options.taskQueue ?? readEnvironment().HOLDFAST_TASK_QUEUE;
  const { store, url } = await buildStore(options, { namespace, taskQueue });
  closing.add(store, (each) => each.close());
  const servers = await createMcpServers({
    servers: config.mcpServers ?? {},
    pins: store.pins,
    log,
    secrets: readSecret,
    folder: config.folder,
    reserved: Object.keys(BUILT_IN_TOOLS),
  });
  closing.add(servers, (each) => each.close());
  const isComplete = servers.surfaces().every(({ state }) => state.kind === 'up');
  const agents = buildAgents(config, findTools(servers, store), isComplete);
  const policy = await createPolicyEngine({
    tools: () => toolsOf(agents),
    files: { patterns: config.policies ?? [], baseDir: config.folder ?? '.' },
    epochs: store.policyEpochs,
    log,
  });
  closing.add(policy, (each) => each.close());
  const notifications = startNotifications({
    webhooks: config.webhooks ?? [],
    store,
    namespace,
    secrets: readSecret,
    known: secretsOf(config, url),
    log,
  });
  closing.add(notifications, (each) => each.stop());
  return { namespace, taskQueue, connection, store, storeUrl: url, servers, agents, policy, notifications };
};

const buildActivities = ({ config, log = silent }: CreateWorkerOptions, parts: Parts) => {
  const { namespace, connection, store, storeUrl, agents, policy, notifications } = parts;
  const heartbeat = config.worker?.heartbeatTimeout ?? readEnvironment().HOLDFAST_HEARTBEAT_TIMEOUT;
  const heartbeatTimeoutMs = durationMs(heartbeat);
  const secrets = secretsOf(config, storeUrl);
  const deciders = createDeciders(config, { namespace, log });
  const gateway = createGateway({
    agents,
    store,
    policy,
    authorizer: config.authorizer,
    secrets,
    // INVARIANT E4: the time after which a silent worker counts as dead, for Temporal and for the ledger.
    leaseMs: heartbeatTimeoutMs,
    log,
    approvalRules: deciders.approvalRules,
  });
  return createActivities({
    agents: buildDirectory(agents, buildModels(config)),
    gateway,
    namespace: namespaceFacts(connection, namespace, log),
    tasks: store.tasks,
    checkRules: policy.checkRules,
    heartbeatTimeoutMs,
    ...deciders,
    deskLog: notifications.deskLog,
    endpoints: notifications.endpoints,
    messages: notifications.messages,
  });
};

/** Options that a worker of the main queue and those of the tools' own queues share. */
const commonOptions = (options: CreateWorkerOptions, parts: Parts): WorkerOptions => {
  const { maxConcurrentActivities } = options.config.worker ?? {};
  return {
    connection: parts.connection,
    namespace: parts.namespace,
    taskQueue: parts.taskQueue,
    activities: buildActivities(options, parts),
    // INVARIANT H2: details that must survive a kill leave at once, not after most of the heartbeat timeout.
    maxHeartbeatThrottleInterval: '200ms',
    shutdownGraceTime: '10s',
    ...(maxConcurrentActivities === undefined ? {} : { maxConcurrentActivityTaskExecutions: maxConcurrentActivities }),
  };
};

const createWorkers = async (options: CreateWorkerOptions, parts: Parts): Promise<[Worker, ...Worker[]]> => {
  const { stickyTimeout, maxCachedWorkflows } = options.config.worker ?? {};
  const common = commonOptions(options, parts);
  const main = await Worker.create({
    ...common,
    workflowBundle: options.workflowBundle ?? (await findBundle()),
    stickyQueueScheduleToStartTimeout: durationMs(stickyTimeout ?? readEnvironment().HOLDFAST_STICKY_TIMEOUT),
    ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
    ...options.temporal,
  });
  // Bulkheads: tools with a task queue of their own cannot take the places of the others.
  const queues = new Set(toolsOf(parts.agents).flatMap(({ taskQueue }) => taskQueue ?? []));
  queues.delete(parts.taskQueue);
  const others = [...queues].map((taskQueue) => Worker.create({ ...common, taskQueue }));
  return [main, ...(await Promise.all(others))];
};

/**
 * Builds a worker for a configuration: the only place where models, tools, store, policies and gateway are made.
 * @throws ConfigError when server or store cannot be reached, a named secret is missing, or a policy does not hold
 */
export const createWorker = async (options: CreateWorkerOptions): Promise<HoldfastWorker> => {
  const closing = new Closing();
  try {
    const parts = await buildParts(options, closing);
    const workers = await createWorkers(options, parts);
    const [main] = workers;
    return {
      run: async () => {
        try {
          await Promise.all(workers.map((worker) => worker.run()));
        } finally {
          await closing.run();
        }
      },
      shutdown: () => {
        for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      },
      state: () => main.getState(),
    };
  } catch (error) {
    await closing.run();
    throw error;
  }
};

if (import.meta.main) {
  const { runWorkerProcess } = await import('./worker-process.ts');
  await runWorkerProcess({});
}
