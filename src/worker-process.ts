import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import {
  ConfigError,
  type Environment,
  findConfigFile,
  loadConfig,
  readEnvironment,
  resolveTemporal,
} from './config.ts';
import type { ToolLog } from './tools/tool.ts';
import { createWorker, type HoldfastWorker } from './worker.ts';

/** What a worker process is told on its command line; the rest is environment. */
export type WorkerProcessOptions = {
  /** Default: the nearest `holdfast.config.*`. */
  readonly config?: string;
  readonly address?: string;
  readonly namespace?: string;
  /** Says that it is ready in JSON. */
  readonly json?: boolean;
};

const STDERR = 2;

const createLog = ({ HOLDFAST_LOG, HOLDFAST_LOG_LEVEL: level }: Environment): Logger =>
  HOLDFAST_LOG === 'pretty'
    ? pino(
        { level },
        pretty({
          destination: STDERR,
          sync: true,
          colorize: process.stderr.isTTY,
          ignore: 'pid,hostname',
          singleLine: true,
        }),
      )
    : pino({ level }, destination({ dest: STDERR, sync: true }));

const toToolLog = (log: Logger): ToolLog => ({
  debug: (message, fields = {}) => log.debug(fields, message),
  info: (message, fields = {}) => log.info(fields, message),
  warn: (message, fields = {}) => log.warn(fields, message),
  error: (message, fields = {}) => log.error(fields, message),
});

/** Temporal's own warnings go to the same log. It may not catch signals: this process decides when its worker stops. */
const installRuntime = (log: Logger): void => {
  const temporal = log.child({ from: 'temporal' });
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) =>
      temporal[level === 'ERROR' ? 'error' : 'warn'](meta ?? {}, message),
    ),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} } },
    shutdownSignals: [],
  });
};

const startHealth = async (endpoint: string | undefined, worker: HoldfastWorker): Promise<Server | undefined> => {
  if (endpoint === undefined) return undefined;
  const at = endpoint.lastIndexOf(':');
  const [host, port] = [endpoint.slice(0, at), Number(endpoint.slice(at + 1))];
  const server = createServer((request, response) => {
    const status = worker.state();
    const code = request.url !== '/health' ? 404 : status === 'RUNNING' ? 200 : 503;
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(code === 404 ? { error: 'GET /health' } : { status })}\n`);
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ConfigError(
      `HOLDFAST_HEALTH=${endpoint} cannot be served: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return server;
};

const FORCED_EXIT = 1;

/** The first signal lets running activities finish, the second one does not wait. */
const stopOnSignal = (worker: HoldfastWorker, log: Logger): (() => void) => {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warn({ signal }, 'ended at once');
      process.exit(FORCED_EXIT);
    }
    isStopping = true;
    log.info({ signal }, 'stopping: running activities get 10 s; a second signal ends at once');
    worker.shutdown();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
};

const sayReady = (facts: { taskQueue: string; address: string; namespace: string }, json: boolean): void => {
  const line = json
    ? JSON.stringify({ ready: true, ...facts })
    : `worker ready: polling ${facts.taskQueue} at ${facts.address}`;
  process.stdout.write(`${line}\n`);
};

/**
 * Serves the agents of a configuration until SIGINT or SIGTERM.
 * @throws ConfigError when there is no usable configuration or the server cannot be reached; what the worker fails with
 */
export const serveWorker = async (options: WorkerProcessOptions): Promise<void> => {
  const file = options.config ?? findConfigFile();
  if (file === undefined)
    throw new ConfigError(
      'there is no holdfast.config.* here or above; `holdfast init DIR` makes a project, --config FILE names a file',
    );
  const environment = readEnvironment();
  const config = await loadConfig(file);
  const log = createLog(environment);
  installRuntime(log);
  const { config: _, json = false, ...server } = options;
  const { address, namespace } = resolveTemporal(server);
  const taskQueue = environment.HOLDFAST_TASK_QUEUE;
  const worker = await createWorker({ ...server, config, log: toToolLog(log) });
  const release = stopOnSignal(worker, log);
  const health = await startHealth(environment.HOLDFAST_HEALTH, worker);
  try {
    const running = worker.run();
    sayReady({ taskQueue, address, namespace }, json);
    log.info({ taskQueue, address, namespace, config: file }, 'worker started');
    await running;
    log.info('worker stopped');
  } finally {
    release();
    health?.close();
    health?.closeAllConnections();
  }
};

/** The worker as a process of its own: failures go to stderr and the exit code. */
export const runWorkerProcess = async (options: WorkerProcessOptions): Promise<void> => {
  try {
    await serveWorker(options);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
};
