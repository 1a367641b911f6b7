import { loadConfig, readEnvironment, readSecret, resolveStore, resolveTemporal } from '../config.ts';
import type { SurfacePins } from '../gateway/ports.ts';
import { openStore } from '../store/index.ts';
import { createMcpServers } from '../tools/mcp/mcp-servers.ts';
import type { ServerSurface } from '../tools/mcp/server.ts';
import { lookAtPins } from '../tools/mcp/surface.ts';
import type { Globals } from './command.ts';
import { configFile } from './data-config.ts';
import { UsageError } from './failure.ts';
import { note, notePaint } from './terminal.ts';
import { clean } from './text.ts';

/** Running servers and the pins of the store, for as long as a command needs them. */
type McpSession = {
  readonly pins: SurfacePins;
  readonly look: () => Promise<readonly (ServerSurface & { readonly isPinned: boolean })[]>;
};

const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message: string) => note(`${notePaint.yellow('warning:')} ${clean(message)}`),
  error: (message: string) => note(`${notePaint.red('error:')} ${clean(message)}`),
};

const readServers = async (globals: Globals, only: string | undefined) => {
  const file = configFile(globals);
  if (file === undefined) throw new UsageError('there is no configuration here.', 'Name it: --config FILE');
  const config = await loadConfig(file);
  const all = config.mcpServers ?? {};
  if (only === undefined) return { config, servers: all };
  const server = Object.hasOwn(all, only) ? all[only] : undefined;
  if (server !== undefined) return { config, servers: { [only]: server } };
  const there = Object.keys(all).length === 0 ? 'it has none' : `it has ${Object.keys(all).join(', ')}`;
  throw new UsageError(`the configuration has no MCP server ${only}; ${there}.`, 'holdfast mcp list');
};

/**
 * Starts the servers of the configuration, or one of them, beside the store that the workers use.
 * @throws ConfigError, UsageError when there is none; ApplicationFailure `Store.*`
 */
export const withMcpServers = async <T>(
  { globals, only }: { readonly globals: Globals; readonly only?: string },
  use: (session: McpSession) => Promise<T>,
): Promise<T> => {
  const { config, servers } = await readServers(globals, only);
  const store = await openStore({
    url: resolveStore(config).url,
    namespace: resolveTemporal(globals).namespace,
    taskQueue: readEnvironment().HOLDFAST_TASK_QUEUE,
  });
  try {
    const { pins } = store;
    const running = await createMcpServers({
      servers,
      pins: lookAtPins(pins),
      log,
      secrets: readSecret,
      folder: config.folder,
    });
    const isPinned = async (identity: string) => Object.keys(await pins.pin(identity, {})).length > 0;
    const look = async () =>
      await Promise.all(running.surfaces().map(async (each) => ({ ...each, isPinned: await isPinned(each.identity) })));
    try {
      return await use({ pins, look });
    } finally {
      await running.close();
    }
  } finally {
    await store.close();
  }
};
