import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { ConfigError, describeIssues } from './config-error.ts';
import { Duration } from './domain/schemas/duration.ts';
import { TASK_QUEUE } from './domain/task.ts';

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
  store: z.string().nullable().optional(),
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

type StoreSetting = { readonly url: string | { readonly env: string } };

/** A control store, and where that was said. */
export type StoreTarget = {
  readonly url: string;
  readonly source: 'option' | 'config' | 'environment' | 'dev';
};

/** Whose `store` says where the control store is: a configuration. */
type NamesStore = { readonly store?: StoreSetting | undefined };

const configuredUrl = ({ store }: NamesStore): string | undefined => {
  const url = store?.url;
  return typeof url === 'object' ? readSecret(url.env, 'store.url') : url;
};

/**
 * Finds the control store: what the caller says, the configuration, HOLDFAST_STORE_URL, the `dev` of this folder.
 * @returns undefined when none of them names one
 * @throws ConfigError when the variable that the configuration names is not set
 */
export const findStore = (config: NamesStore = {}, given?: string): StoreTarget | undefined => {
  const found = [
    { source: 'option', url: () => given },
    { source: 'config', url: () => configuredUrl(config) },
    { source: 'environment', url: () => readEnvironment().HOLDFAST_STORE_URL },
    { source: 'dev', url: () => readDevFile()?.store ?? undefined },
  ] as const;
  for (const { source, url: read } of found) {
    const url = read();
    if (url !== undefined) return { url, source };
  }
  return undefined;
};

/** The control store, as `findStore` finds it. @throws ConfigError when there is none */
export const resolveStore = (config: NamesStore = {}, given?: string): StoreTarget => {
  const found = findStore(config, given);
  if (found !== undefined) return found;
  throw new ConfigError(
    'there is no control store, the PostgreSQL (15 or later) where effects and audit are recorded. Run `holdfast dev` in this folder, which brings one, or set HOLDFAST_STORE_URL, or store.url in the configuration.',
  );
};

const Environment = z.object({
  HOLDFAST_TASK_QUEUE: z.string().min(1).default(TASK_QUEUE),
  HOLDFAST_HEARTBEAT_TIMEOUT: Duration.default('30s'),
  HOLDFAST_STICKY_TIMEOUT: Duration.default('10s'),
  HOLDFAST_LOG: z.enum(['json', 'pretty']).default(process.stderr.isTTY ? 'pretty' : 'json'),
  HOLDFAST_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  HOLDFAST_STORE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, 'expected postgres://USER:PASSWORD@HOST:PORT/DATABASE')
    .optional(),
  HOLDFAST_HEALTH: z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'expected HOST:PORT')
    .optional(),
  HOLDFAST_KEY: z.string().min(1).optional(),
});
/** What the environment says about a worker process. */
export type Environment = z.infer<typeof Environment>;

/** Reads the `HOLDFAST_*` variables. @throws ConfigError naming the variable that is wrong */
export const readEnvironment = (): Environment => {
  const parsed = Environment.safeParse(process.env);
  if (!parsed.success) throw new ConfigError(`the environment is not valid:\n${describeIssues(parsed.error)}`);
  return parsed.data;
};
