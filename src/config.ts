import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { ConfigError, describeIssues } from './config-error.ts';
import { ApprovalRules } from './domain/schemas/approvals.ts';
import { Duration } from './domain/schemas/duration.ts';
import { McpServers } from './domain/schemas/mcp-server.ts';
import { AgentReviews } from './domain/schemas/reviews.ts';
import { Principals, Signers } from './domain/schemas/signers.ts';
import { LimitsSpec } from './domain/schemas/task-spec.ts';
import { Webhooks } from './domain/schemas/webhooks.ts';
import type { Authorizer } from './gateway/ports.ts';
import type { Agent } from './tools/define-agent.ts';

export { ConfigError } from './config-error.ts';
export {
  type DevFile,
  type Environment,
  findStore,
  readDevFile,
  readEnvironment,
  readSecret,
  resolveStore,
  resolveTemporal,
  type StoreTarget,
} from './environment.ts';

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
  tools: z.array(z.string().min(1)).optional().describe('Names of tools, or patterns: files.* is all of a server'),
  limits: LimitsSpec.optional(),
  output: z.record(z.string(), z.json()).optional(),
  ...AgentReviews,
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

const DATABASE_URL = /^postgres(ql)?:\/\/./;

const STORE_URL = 'expected "postgres://…", or { "env": NAME } where the variable NAME holds it';

const StoreConfig = z.strictObject({
  url: z
    .union([z.string().regex(DATABASE_URL, STORE_URL), z.strictObject({ env: z.string().min(1) })], STORE_URL)
    .describe('The PostgreSQL (15 or later) that all workers share'),
  retention: Duration.optional().describe('How long what a task left behind is kept after its end'),
});
/** Where the control store is. */
export type StoreConfig = z.infer<typeof StoreConfig>;

const HostAuthorizer = z.custom<Authorizer>((value) => typeof value === 'function', 'expected a function');

/** Schema of a configuration, of a file or given to `defineConfig`. */
export const Config = z.strictObject({
  models: z
    .record(z.string(), ModelConfig)
    .refine((models) => Object.keys(models).length > 0, 'at least one model is needed'),
  agents: z.union([z.array(DefinedAgent), z.record(z.string(), PlainAgent)]),
  worker: WorkerConfig.optional(),
  mcpServers: McpServers.optional(),
  policies: z
    .array(z.string().min(1))
    .optional()
    .describe('Cedar files, relative to the folder; * and ** as in a shell; policies/*.cedar by default'),
  store: StoreConfig.optional(),
  approvals: z
    .strictObject({
      rules: ApprovalRules.optional(),
      signers: Signers.optional().describe('Whose signature under a decision counts'),
    })
    .optional()
    .describe('Who may decide what waits for a person, and what happens while nobody does'),
  principals: Principals.optional().describe('Who tasks may be run for, with which roles, in which tenant'),
  webhooks: Webhooks.optional().describe('Who is told of what waits for a person'),
  authorizer: HostAuthorizer.optional().describe('Asked for the rights of a principal at every call; in code only'),
  folder: z
    .string()
    .min(1)
    .optional()
    .describe('Where relative paths start; by default that of the file, for one in code the working folder'),
});
/** A validated configuration. */
export type Config = z.infer<typeof Config>;

/** A configuration as it is written. */
export type ConfigInput = z.input<typeof Config>;

/** Validates a configuration. @throws ConfigError naming the path of every wrong value */
const parseConfig = (value: unknown, source: string): Config => {
  const parsed = Config.safeParse(value);
  if (!parsed.success)
    throw new ConfigError(`${source} is not a valid configuration:\n${describeIssues(parsed.error)}`);
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

/** Where nothing is said: rules that lie there and are silently not read would be the worst kind. */
const policiesBeside = (folder: string): string[] => {
  const policies = join(folder, 'policies');
  const isThere = existsSync(policies) && readdirSync(policies).some((file) => file.endsWith('.cedar'));
  return isThere ? ['policies/*.cedar'] : [];
};

/**
 * Loads a configuration file; `folder` is absolute then. Files of code are run: only a command that runs agents may call this.
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
  const config = parseConfig(value, path);
  const folder = resolve(dirname(path), config.folder ?? '.');
  return { ...config, policies: config.policies ?? policiesBeside(folder), folder };
};
