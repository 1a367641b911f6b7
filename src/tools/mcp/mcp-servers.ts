import { ConfigError } from '../../config-error.ts';
import { type McpServerConfig, McpServerName } from '../../domain/schemas/mcp-server.ts';
import type { SurfacePins } from '../../gateway/ports.ts';
import { modelFacingName } from '../define-agent.ts';
import type { Tool, ToolLog } from '../tool.ts';
import { type ReadSecret, type Target, targetOf } from './connect.ts';
import { McpServer, type ServerSurface } from './server.ts';
import { memoryPins } from './surface.ts';

/** What `createMcpServers` takes. */
export type McpServersOptions = {
  readonly servers: Readonly<Record<string, McpServerConfig>>;
  /** Where surfaces are pinned; without a store for as long as this process lives. */
  readonly pins: SurfacePins | undefined;
  readonly log: ToolLog;
  /** Reads the environment variables that the configuration names, and PATH and HOME for child processes. */
  readonly secrets?: ReadSecret;
  /** Where child processes run; a server's own `cwd` starts there. By default the working folder. */
  readonly folder?: string | undefined;
  /** Names of the host's own and of built-in tools: no server's tool may look like one of them to a model. */
  readonly reserved?: readonly string[];
  /** How long to wait for servers to come up, milliseconds; 10 s by default. Those that need longer come up later. */
  readonly startTimeoutMs?: number;
  /** How long one attempt to connect may take, milliseconds; a minute by default: the first start may fetch the program. */
  readonly connectTimeoutMs?: number;
  /** Before a call, a list of tools older than this is asked for again, milliseconds; 30 s by default. */
  readonly recheckMs?: number;
};

/** The tools of all configured servers. */
export type McpServers = {
  /** As they are now; the same array as long as nothing changes. Names are `SERVER.TOOL`. */
  readonly tools: () => readonly Tool[];
  /** Told after every change of `tools()`. @returns stops telling */
  readonly onChange: (listener: () => void) => () => void;
  /** Every server with its state, and every tool it lists, those that cannot be used included. */
  readonly surfaces: () => readonly ServerSurface[];
  /** Ends all connections and child processes. */
  readonly close: () => Promise<void>;
};

const START_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 60_000;
const RECHECK_MS = 30_000;

const noSecrets: ReadSecret = (env, usedFor) => {
  throw new TypeError(`${usedFor}: the environment variable ${env} cannot be read here`);
};

/** Tools of all servers, without those that look like another one to a model. Configured order decides, not who came first. */
const combine = (servers: readonly McpServer[], reserved: readonly string[]): readonly Tool[] => {
  const faces = new Map(reserved.map((name) => [modelFacingName(name), name]));
  return servers.flatMap((server) =>
    server.tools().filter(({ name }) => {
      const face = modelFacingName(name);
      const other = faces.get(face);
      faces.set(face, other ?? name);
      if (other === undefined) return true;
      server.warn(`MCP tool ${name} is refused: to a model it looks like ${other} (${face}); rename the server`);
      return false;
    }),
  );
};

const readTargets = ({ servers, log, secrets = noSecrets, folder = '.' }: McpServersOptions): readonly Target[] => {
  for (const name of Object.keys(servers)) {
    const { success, error } = McpServerName.safeParse(name);
    if (!success) throw new TypeError(`mcpServers.${name}: ${error.issues[0]?.message ?? 'does not fit'}`);
  }
  // Before anything is started: a secret that is missing must not leave processes behind.
  return Object.entries(servers).map(([name, config]) => targetOf({ name, config, folder, log }, secrets));
};

/** What is said of a server that is up and cannot be so: found at the start, and not by the first person who is shown nothing. */
const refuseMistakes = async (servers: readonly McpServer[], close: () => Promise<void>): Promise<void> => {
  const mistakes = servers.flatMap((server) => server.mistakes());
  if (mistakes.length === 0) return;
  await close();
  throw new ConfigError(mistakes.join('\n'));
};

/**
 * Connects to all servers at the same time and keeps them connected. One that is down stops nothing: it is logged, and its
 * tools appear when it comes up.
 * @throws TypeError for a server name that does not fit; ConfigError for a `before` that the servers' tools do not allow; what `secrets` throws for a variable that is not set
 */
export const createMcpServers = async (options: McpServersOptions): Promise<McpServers> => {
  const { pins = memoryPins(), log, reserved = [] } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, recheckMs = RECHECK_MS } = options;
  const listeners = new Set<() => void>();
  let current: readonly Tool[] | undefined;
  const onChange = (): void => {
    current = undefined;
    for (const listener of listeners) listener();
  };
  const servers = readTargets(options).map(
    (target) => new McpServer({ target, pins, log, connectTimeoutMs, recheckMs, onChange }),
  );
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, options.startTimeoutMs ?? START_TIMEOUT_MS);
  await Promise.race([Promise.all(servers.map(({ connection }) => connection.tried)), late]);
  clearTimeout(timer);
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(({ connection }) => connection.close()));
  };
  await refuseMistakes(servers, close);
  return {
    tools: () => (current ??= combine(servers, reserved)),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    surfaces: () => servers.map((server) => server.surface()),
    close,
  };
};
