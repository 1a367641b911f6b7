import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createMcpHandler, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { makeScriptedServer } from './scripted-server.ts';

export type HttpServer = {
  readonly url: string;
  readonly port: number;
  readonly headers: IncomingHttpHeaders[];
  /** Answers whose head has been sent. */
  readonly begun: () => number;
  /** Forgets all sessions, as a restart does. */
  readonly forget: () => void;
  /** Breaks all connections under running calls. */
  readonly breakConnections: () => void;
  readonly close: () => Promise<void>;
};

const send = async (response: Response, to: ServerResponse): Promise<void> => {
  to.writeHead(response.status, Object.fromEntries(response.headers));
  // A stream of events is open before its first one.
  to.flushHeaders();
  if (response.body === null) to.end();
  else
    Readable.fromWeb(response.body as never)
      .on('error', () => to.destroy())
      .pipe(to);
};

/** The scripted server over Streamable HTTP, with sessions. */
export const startHttpServer = async (
  { file, events }: { file: string; events: string },
  port = 0,
): Promise<HttpServer> => {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const headers: IncomingHttpHeaders[] = [];
  const open = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await makeScriptedServer(file, events).connect(transport);
    return transport;
  };
  let begun = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    headers.push(request.headers);
    const body = Buffer.concat(await request.toArray()).toString();
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string' && !sessions.has(id)) {
      response.writeHead(404).end('no such session');
      return;
    }
    const transport = (typeof id === 'string' ? sessions.get(id) : undefined) ?? (await open());
    const given = new Request(`http://127.0.0.1${request.url}`, {
      method: request.method ?? 'GET',
      headers: request.headers as Record<string, string>,
      ...(body === '' ? {} : { body }),
    });
    await send(await transport.handleRequest(given), response);
    begun += 1;
  };
  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const { port: bound } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    headers,
    begun: () => begun,
    forget: () => sessions.clear(),
    breakConnections: () => http.closeAllConnections(),
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
};

/** The scripted server over Streamable HTTP as the protocol of 2026-07-28 has it, without sessions, and nothing else. */
export const startModernHttpServer = async ({ file, events }: { file: string; events: string }) => {
  const handler = createMcpHandler(() => makeScriptedServer(file, events), { legacy: 'reject' });
  const http = createServer((request, response) => {
    const answer = async () => {
      const body = Buffer.concat(await request.toArray()).toString();
      const given = new Request(`http://127.0.0.1${request.url}`, {
        method: request.method ?? 'GET',
        headers: request.headers as Record<string, string>,
        ...(body === '' ? {} : { body }),
      });
      await send(await handler.fetch(given), response);
    };
    answer().catch(() => response.destroy());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    close: async () => {
      await handler.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
};
