import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { readSecret } from '../../src/config.ts';
import { McpServerConfig } from '../../src/domain/schemas/mcp-server.ts';
import { createMcpServers, type McpServers, type McpServersOptions } from '../../src/tools/mcp/mcp-servers.ts';
import type { Tool, ToolContext, ToolLog } from '../../src/tools/tool.ts';
import type { ScriptedServer, ScriptedTool } from './scripted-server.ts';

export type Scripted = {
  readonly file: string;
  readonly events: string;
  /** What the server does from now on. */
  readonly become: (script: ScriptedServer) => Promise<void>;
  readonly seen: () => Promise<readonly string[]>;
};

export const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-test-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
};

/** Files of a scripted server. */
export const script = async (first: ScriptedServer | readonly ScriptedTool[]): Promise<Scripted> => {
  const folder = await makeFolder();
  const [file, events] = [join(folder, 'server.json'), join(folder, 'events')];
  const become = async (now: ScriptedServer) => await writeFile(file, JSON.stringify(now));
  await become('tools' in first ? first : { tools: first });
  await writeFile(events, '');
  return { file, events, become, seen: async () => (await readFile(events, 'utf8')).split('\n').filter(Boolean) };
};

type Settings = Partial<Record<'trusted' | 'timeout' | 'tools' | 'env' | 'headers', unknown>>;

export const stdio = ({ file, events }: Scripted, settings: Settings = {}, program = 'stdio-server.ts') =>
  McpServerConfig.parse({
    command: process.execPath,
    args: [join(import.meta.dirname, program), file, events],
    ...settings,
  });

export const http = (url: string, settings: Settings = {}) => McpServerConfig.parse({ url, ...settings });

/** A server that is a few lines of code. */
export const raw = (code: string, settings: Settings = {}) =>
  McpServerConfig.parse({ command: process.execPath, args: ['--input-type=module', '-e', code], ...settings });

export type Running = McpServers & {
  readonly lines: string[];
  readonly tool: (name: string) => Tool;
  readonly names: () => readonly string[];
  readonly call: (name: string, args?: unknown, over?: Partial<ToolContext>) => Promise<unknown>;
  readonly problems: () => Readonly<Record<string, string | undefined>>;
};

export const start = async (
  servers: McpServersOptions['servers'],
  options: Partial<McpServersOptions> = {},
): Promise<Running> => {
  const lines: string[] = [];
  const log = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (message: string, fields?: unknown) => lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    ]),
  ) as unknown as ToolLog;
  const running = await createMcpServers({ servers, pins: undefined, log, secrets: readSecret, ...options });
  onTestFinished(async () => await running.close());
  const tool = (name: string): Tool => {
    const found = running.tools().find((each) => each.name === name);
    if (found === undefined)
      throw new Error(
        `no tool ${name}; there are ${running
          .tools()
          .map(({ name }) => name)
          .join(', ')}`,
      );
    return found;
  };
  const context: ToolContext = {
    taskId: 't-1',
    callId: 's1.c1',
    principal: { id: 'ana' },
    idempotencyKey: 't-1/e1/s1.c1/abc',
    attempt: 1,
    signal: new AbortController().signal,
    heartbeat: () => undefined,
    log,
  };
  return {
    ...running,
    lines,
    tool,
    names: () => running.tools().map(({ name }) => name),
    call: async (name, args = {}, over = {}) => await tool(name).execute(args, { ...context, ...over }),
    problems: () =>
      Object.fromEntries(running.surfaces().flatMap(({ tools }) => tools.map(({ name, problem }) => [name, problem]))),
  };
};

/** Waits until something holds. */
export const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
