import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { Duration } from './domain/schemas/duration.ts';
import { LimitsSpec } from './domain/schemas/task-spec.ts';
import { TASK_QUEUE } from './domain/task.ts';
import type { Agent } from './tools/define-agent.ts';

/** A configuration that cannot be used; the message names file, path and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const ApiKey = z.strictObject(
  { env: z.string().min(1) },
  'name the variable that holds the key: { "env": "OPENAI_API_KEY" }',
);

const ModelConfig = z.strictObject({
  model: z.string().min(1),
  baseURL: z.url({ protocol: /^https?$/ }).optional(),
  apiKey: ApiKey.optional(),
  api: z.enum(['responses', 'chat']).default('responses'),
  contextWindow: z.int().positive().optional(),
  price: z.strictObject({ inputPer1M: z.number().min(0), outputPer1M: z.number().min(0) }).optional(),
  timeout: Duration.default('120s').describe('For one request'),
  maxConcurrent: z.int().min(1).optional().describe('Requests at the same time, over all workers'),
});
/** A configured model. */
export type ModelConfig = z.infer<typeof ModelConfig>;

const PlainAgent = z.strictObject({
  instructions: z.string().trim().min(1),
  model: z.string().min(1).optional(),
  tools: z
    .array(z.string())
    .max(0, 'agents in plain configuration cannot have tools yet; define the agent in a holdfast.config.ts')
    .optional(),
  limits: LimitsSpec.optional(),
  output: z.record(z.string(), z.json()).optional(),
});
/** An agent written as plain data. */
export type PlainAgent = z.infer<typeof PlainAgent>;

const DefinedAgent = z.custom<Agent>(
  (value) => typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'agent',
  'expected what defineAgent returned',
);

const WorkerConfig = z.strictObject({
  heartbeatTimeout: Duration.optional().describe('After how long a silent worker counts as dead'),
  stickyTimeout: Duration.optional().describe('How long work waits for the worker that has a task in memory'),
  maxConcurrentActivities: z.int().min(1).optional(),
  maxCachedWorkflows: z.int().min(0).optional(),
});

const notYet = (what: string) => z.undefined(`${what} are not supported yet`).optional();

/** Schema of a configuration, of a file or given to `defineConfig`. */
export const Config = z.strictObject({
  models: z
    .record(z.string(), ModelConfig)
    .refine((models) => Object.keys(models).length > 0, 'at least one model is needed'),
  agents: z.union([z.array(DefinedAgent), z.record(z.string(), PlainAgent)]),
  worker: WorkerConfig.optional(),
  mcpServers: notYet('MCP servers'),
  policies: notYet('policy files'),
  store: notYet('control stores'),
});
/** A validated configuration. */
export type Config = z.infer<typeof Config>;

/** A configuration as it is written. */
export type ConfigInput = z.input<typeof Config>;

const describe = (error: z.ZodError): string =>
  error.issues
    .slice(0, 20)
    .map(({ path, message }) => `  ${path.length > 0 ? path.map(String).join('.') : '(top level)'}: ${message}`)
    .join('\n');

/** Validates a configuration. @throws ConfigError naming the path of every wrong value */
const parseConfig = (value: unknown, source: string): Config => {
  const parsed = Config.safeParse(value);
  if (!parsed.success) throw new ConfigError(`${source} is not a valid configuration:\n${describe(parsed.error)}`);
  const { models, agents } = parsed.data;
  const named = Array.isArray(agents)
    ? agents.map(({ name, model }, index) => ({ path: `agents.${index}`, name, model }))
    : Object.entries(agents).map(([name, { model }]) => ({ path: `agents.${name}`, name, model: model ?? 'default' }));
  for (const [index, { path, name, model }] of named.entries()) {
    if (!(model in models)) {
      throw new ConfigError(
        `${source}: ${path}.model: there is no model ${JSON.stringify(model)}; models: ${Object.keys(models).join(', ')}`,
      );
    }
    if (named.findIndex((each) => each.name === name) !== index)
      throw new ConfigError(`${source}: ${path}: the name ${name} stands twice`);
  }
  return parsed.data;
};

/**
 * Types and validates a configuration where it is written.
 * @throws ConfigError
 */
export const defineConfig = (config: ConfigInput): Config => parseConfig(config, 'defineConfig');

const NAMES = ['ts', 'mts', 'js', 'json', 'yaml', 'yml'].map((ending) => `holdfast.config.${ending}`);

/** The nearest configuration file: in this folder or one above it, else in the user's own. */
export const findConfigFile = (from = process.cwd()): string | undefined => {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const found = NAMES.map((name) => join(folder, name)).find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (dirname(folder) === folder) break;
  }
  const own = join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'holdfast');
  return NAMES.map((name) => join(own, name)).find((file) => existsSync(file));
};

const readData = (file: string): unknown => {
  const text = readFileSync(file, 'utf8');
  return extname(file) === '.json' ? JSON.parse(text) : parseYaml(text);
};

/**
 * Loads a configuration file. Files of code are run: only a command that runs agents may call this.
 * @throws ConfigError naming the file, and the path of every wrong value
 */
export const loadConfig = async (file: string): Promise<Config> => {
  const path = resolve(file);
  if (!existsSync(path) || !statSync(path).isFile()) throw new ConfigError(`there is no configuration file ${path}`);
  const isCode = ['.ts', '.mts', '.js'].includes(extname(path));
  let value: unknown;
  try {
    value = isCode ? ((await import(pathToFileURL(path).href)) as { default?: unknown }).default : readData(path);
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (value === undefined)
    throw new ConfigError(`${path} has no default export; write: export default defineConfig({ … })`);
  return parseConfig(value, path);
};

/** The value of an environment variable that a configuration names. @throws ConfigError when it is not set */
export const readSecret = (env: string, usedFor: string): string => {
  const value = process.env[env];
  if (value === undefined || value === '')
    throw new ConfigError(`${usedFor}: the environment variable ${env} is not set`);
  return value;
};

/** How to reach a Temporal server, and where that was said. */
export type TemporalTarget = {
  readonly address: string;
  readonly namespace: string;
  readonly source: 'option' | 'environment' | 'dev' | 'default';
  /** TLS, API key and headers, as the SDK takes them. */
  readonly connection: Omit<NonNullable<ReturnType<typeof loadClientConnectConfig>['connectionOptions']>, 'address'>;
};

const DevFile = z.object({
  pid: z.int(),
  temporal: z.object({ address: z.string() }),
  namespace: z.string(),
  ui: z.string().nullable(),
});
/** What a running `holdfast dev` says of itself. */
export type DevFile = z.infer<typeof DevFile>;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** The running `holdfast dev` of a folder, if there is one. */
export const readDevFile = (cwd = process.cwd()): DevFile | undefined => {
  try {
    const parsed = DevFile.safeParse(JSON.parse(readFileSync(join(cwd, '.holdfast', 'dev.json'), 'utf8')));
    return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

/** Finds the server: what the caller says, Temporal's own environment configuration, the `dev` of this folder, the default. */
export const resolveTemporal = (
  given: { readonly address?: string | undefined; readonly namespace?: string | undefined } = {},
): TemporalTarget => {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const { address, ...connection } = connectionOptions ?? {};
  const dev = readDevFile();
  const found = [
    { source: 'option', address: given.address, namespace },
    { source: 'environment', address, namespace },
    { source: 'dev', address: dev?.temporal.address, namespace: namespace ?? dev?.namespace },
    { source: 'default', address: 'localhost:7233', namespace },
  ] as const;
  const first = found.find((each) => each.address !== undefined) ?? found[3];
  return {
    address: first.address ?? found[3].address,
    namespace: given.namespace ?? first.namespace ?? 'default',
    source: first.source,
    connection,
  };
};

const Environment = z.object({
  HOLDFAST_TASK_QUEUE: z.string().min(1).default(TASK_QUEUE),
  HOLDFAST_HEARTBEAT_TIMEOUT: Duration.default('30s'),
  HOLDFAST_STICKY_TIMEOUT: Duration.default('10s'),
  HOLDFAST_LOG: z.enum(['json', 'pretty']).default(process.stderr.isTTY ? 'pretty' : 'json'),
  HOLDFAST_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  HOLDFAST_HEALTH: z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'expected HOST:PORT')
    .optional(),
});
/** What the environment says about a worker process. */
export type Environment = z.infer<typeof Environment>;

/** Reads the `HOLDFAST_*` variables. @throws ConfigError naming the variable that is wrong */
export const readEnvironment = (): Environment => {
  const parsed = Environment.safeParse(process.env);
  if (!parsed.success) throw new ConfigError(`the environment is not valid:\n${describe(parsed.error)}`);
  return parsed.data;
};
