import { appendFileSync, readFileSync } from 'node:fs';
import { Server } from '@modelcontextprotocol/server';

/** A tool of the scripted server: what it lists, and what a call does. */
export type ScriptedTool = {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly annotations?: Record<string, unknown>;
  /** The result, or something that happens instead. */
  readonly does?: 'echo' | 'crash' | 'hang' | 'wait' | 'env' | 'notify' | 'ask-for-more' | { readonly result: unknown };
};

export type ScriptedServer = {
  readonly tools: readonly ScriptedTool[];
  readonly pageSize?: number;
  /** Every page names the same next one. */
  readonly sameCursor?: boolean;
  /** There is always another page. */
  readonly endless?: boolean;
};

const ANY_OBJECT = { type: 'object' };

const read = (file: string): ScriptedServer => JSON.parse(readFileSync(file, 'utf8'));

const page = (script: ScriptedServer, cursor: string | undefined) => {
  const all = script.tools.map(({ does: _, ...tool }) => ({ inputSchema: ANY_OBJECT, ...tool }));
  if (script.sameCursor === true) return { tools: cursor === undefined ? all : [], nextCursor: 'again' };
  const from = Number(cursor ?? 0);
  const next = from + (script.pageSize ?? 100);
  if (script.endless === true) return { tools: [], nextCursor: String(next) };
  return { tools: all.slice(from, next), ...(next < all.length ? { nextCursor: String(next) } : {}) };
};

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

type Doing = { readonly server: Server; readonly args: unknown };

/** What a call comes to, by the name of what it does. */
const DEEDS: Record<Exclude<ScriptedTool['does'], object | undefined>, (doing: Doing) => Promise<unknown>> = {
  echo: async ({ args }) => text(JSON.stringify(args)),
  env: async () => text(JSON.stringify(process.env)),
  crash: async () => process.exit(7),
  hang: async () => await new Promise(() => setInterval(() => undefined, 1_000)),
  wait: async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return text('waited');
  },
  notify: async ({ server }) => {
    await server.sendToolListChanged();
    return text('told');
  },
  'ask-for-more': async ({ server }) => {
    const asked = await Promise.allSettled([
      server.createMessage({ messages: [], maxTokens: 1 }),
      server.listRoots(),
      server.elicitInput({ message: '?', requestedSchema: { type: 'object', properties: {} } }),
    ]);
    return text(asked.map(({ status }) => status).join(' '));
  },
};

/** An MCP server that does what a file says: the file is read again for every request. Calls are written to `events`. */
export const makeScriptedServer = (file: string, events: string): Server => {
  const server = new Server({ name: 'scripted', version: '1' }, { capabilities: { tools: { listChanged: true } } });
  const note = (line: string) => appendFileSync(events, `${line}\n`);
  server.setRequestHandler('tools/list', ({ params }) => page(read(file), params?.cursor) as never);
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    const tool = read(file).tools.find(({ name }) => name === params.name);
    note(`call ${params.name} ${JSON.stringify(params.arguments ?? {})}`);
    ctx.mcpReq.signal.addEventListener('abort', () => note(`cancelled ${params.name}`));
    const does = tool?.does ?? 'echo';
    const args = params.arguments ?? {};
    return (typeof does === 'object' ? does.result : await DEEDS[does]({ server, args })) as never;
  });
  return server;
};
