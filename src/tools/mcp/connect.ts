import { resolve } from 'node:path';
import { Client, ProtocolError, SdkHttpError, type Transport } from '@modelcontextprotocol/client';
import type { McpServerConfig, SecretText } from '../../domain/schemas/mcp-server.ts';
import type { ToolLog } from '../tool.ts';
import { type Redact, redactor } from './errors.ts';
import { HttpTransport } from './http-transport.ts';
import { StdioTransport } from './stdio-transport.ts';
import { cleanText } from './text.ts';

/** Reads an environment variable of the worker. @throws when it is not set; `usedFor` goes into the message */
export type ReadSecret = (env: string, usedFor: string) => string;

/** What is needed to reach a server, with its secrets resolved. */
export type Target = {
  readonly name: string;
  readonly config: McpServerConfig;
  /** Environment of the child process, or headers of every request. */
  readonly values: Readonly<Record<string, string>>;
  /** Working folder of a child process. */
  readonly cwd?: string | undefined;
  readonly redact: Redact;
  readonly log: ToolLog;
};

const resolveValues = (values: Readonly<Record<string, SecretText>>, usedFor: string, read: ReadSecret) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : `${value.prefix ?? ''}${read(value.env, `${usedFor}.${key}`)}`,
    ]),
  );

/** Of the worker's own environment, what a program needs to be found and to find its files. */
const INHERITED = ['PATH', 'HOME'];

const inherited = (read: ReadSecret): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const name of INHERITED) {
    try {
      found[name] = read(name, 'mcpServers');
    } catch {
      // A worker without it has servers without it.
    }
  }
  return found;
};

/** Reads a server's secrets. @throws what `read` throws for one that is not set */
export const targetOf = (
  { name, config, folder, log }: Pick<Target, 'name' | 'config' | 'log'> & { readonly folder: string },
  read: ReadSecret,
): Target => {
  if ('command' in config) {
    const env = resolveValues(config.env, `mcpServers.${name}.env`, read);
    const values = { ...inherited(read), ...env };
    const redact = redactor(Object.values(env));
    return { name, config, values, cwd: resolve(folder, config.cwd ?? '.'), redact, log };
  }
  const headers = resolveValues(config.headers, `mcpServers.${name}.headers`, read);
  const bare = Object.values(headers).flatMap((value) => [value, ...value.split(' ').slice(1)]);
  const { username, password, search } = new URL(config.url);
  const inUrl = [username, password, search.slice(1), ...new URL(config.url).searchParams.values()];
  return { name, config, values: headers, redact: redactor([...bare, ...inUrl]), log };
};

/** Lines of one server in the log, for each minute. */
const MAX_LINES = 60;
const MINUTE_MS = 60_000;

const lineLog = ({ name, log, redact }: Target) => {
  let since = Date.now();
  let lines = 0;
  return (stream: 'stderr' | 'stdout', line: string): void => {
    if (Date.now() - since > MINUTE_MS) [since, lines] = [Date.now(), 0];
    lines += 1;
    const text = redact(cleanText(line, 500));
    if (lines === MAX_LINES) log.warn(`MCP server ${name} writes too much; the rest of this minute is left out`);
    else if (lines < MAX_LINES && stream === 'stdout')
      log.warn(`MCP server ${name} wrote what is no message`, { text });
    else if (lines < MAX_LINES) log.info(`MCP server ${name}: ${text}`);
  };
};

const openTransport = (target: Target): Transport => {
  const { config, values } = target;
  if ('url' in config) return new HttpTransport(new URL(config.url), values);
  return new StdioTransport({
    command: config.command,
    args: config.args,
    cwd: target.cwd,
    env: values,
    onLine: lineLog(target),
  });
};

/** How a connection is watched. */
export type Watch = {
  readonly onClose: () => void;
  readonly onError: (error: Error) => void;
  readonly onToolsChanged: () => void;
};

type ConnectOptions = { readonly timeoutMs: number; readonly signal: AbortSignal; readonly watch: Watch };

const openClient = async (target: Target, mode: 'legacy' | 'auto', options: ConnectOptions): Promise<Client> => {
  const { timeoutMs: timeout, signal, watch } = options;
  const client = new Client(
    { name: 'holdfast', version: '1' },
    // Nothing is offered to servers: no sampling, no elicitation, no roots; and nothing is answered on their behalf.
    { capabilities: {}, versionNegotiation: { mode }, inputRequired: { autoFulfill: false } },
  );
  Object.assign(client, { onerror: watch.onError });
  client.setNotificationHandler('notifications/tools/list_changed', () => watch.onToolsChanged());
  const transport = openTransport(target);
  try {
    await client.connect(transport, { timeout, signal });
    if (client.getProtocolEra() === 'modern' && client.getServerCapabilities()?.tools?.listChanged === true) {
      // Without it, changes are found by the look before a call.
      await client.listen({ toolsListChanged: true }, { timeout, signal }).catch(watch.onError);
    }
  } catch (error) {
    await transport.close().catch(() => undefined);
    throw error;
  }
  Object.assign(client, { onclose: watch.onClose });
  return client;
};

/** The server answered, and did not take up the handshake. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ProtocolError ||
  (error instanceof SdkHttpError && [400, 404, 405, 406, 415].includes(error.data.status));

/**
 * Connects to a server: by the handshake that all servers of today know, and where a server refuses that one, by the newer
 * one (protocol of 2026-07-28).
 */
export const connect = async (target: Target, options: ConnectOptions): Promise<Client> => {
  try {
    return await openClient(target, 'legacy', options);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return await openClient(target, 'auto', options).catch(() => {
      // The first answer says more about a server that takes neither.
      throw error;
    });
  }
};
