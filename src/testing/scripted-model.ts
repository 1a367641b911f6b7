import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Script } from './script.ts';
import { createAnswerer } from './scripted-answers.ts';
import { errorBody } from './scripted-body.ts';
import { sendReply } from './scripted-reply.ts';
import { formatName, type ScriptedApi } from './scripted-request.ts';

/** What `startScriptedModel` takes. */
export type ScriptedModelOptions = {
  readonly script: Script;
  /** By default any free port. */
  readonly port?: number;
  /** By default 127.0.0.1. */
  readonly host?: string;
  /** Serves this API only; by default both. */
  readonly api?: ScriptedApi;
};

/** A request that the server got. */
export type RecordedRequest = {
  readonly api: ScriptedApi;
  readonly body: unknown;
  /** Name of the structured output that it asks for. */
  readonly format?: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Without `authorization`. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** A running scripted model. */
export type ScriptedModel = {
  /** Base URL for clients, `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  /** The last 10,000 requests, newest last. */
  readonly requests: readonly RecordedRequest[];
  /** Requests that are being answered now. */
  readonly inFlight: () => number;
  /** Requests whose client left before the answer was out. */
  readonly aborted: () => number;
  /** Stops at once, open connections included. */
  readonly close: () => Promise<void>;
};

const MAX_REQUESTS = 10_000;
const PATHS: Readonly<Record<string, ScriptedApi>> = { '/v1/responses': 'responses', '/v1/chat/completions': 'chat' };

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const MODELS = JSON.stringify({
  object: 'list',
  data: [{ id: 'scripted', object: 'model', created: 0, owned_by: 'holdfast' }],
});

type Counts = { inFlight: number; aborted: number; isClosing: boolean };

/** Counts a request until its connection is done with it. The signal tells that it is; `expectBreak` that it is no abort. */
const watch = (response: ServerResponse, counts: Counts): { signal: AbortSignal; expectBreak: () => void } => {
  const controller = new AbortController();
  let isBreakExpected = false;
  counts.inFlight += 1;
  response.on('close', () => {
    counts.inFlight -= 1;
    if (!response.writableFinished && !isBreakExpected && !counts.isClosing) counts.aborted += 1;
    controller.abort();
  });
  return {
    signal: controller.signal,
    expectBreak: () => {
      isBreakExpected = true;
    },
  };
};

const record = (requests: RecordedRequest[], request: RecordedRequest): void => {
  requests.push(request);
  if (requests.length > MAX_REQUESTS) requests.shift();
};

/**
 * Starts a model server that answers by a script, over real HTTP: `/v1/responses`, `/v1/chat/completions`, `/v1/models`.
 * It refuses what a provider would refuse, so a test that passes here has sent requests in order.
 * @example
 * const model = await startScriptedModel({ script: [{ calls: [{ tool: 'files.read', args: { path: 'a' } }] }, { text: 'done' }] });
 */
export const startScriptedModel = async (options: ScriptedModelOptions): Promise<ScriptedModel> => {
  const { script, port = 0, host = '127.0.0.1', api: only } = options;
  const requests: RecordedRequest[] = [];
  const counts: Counts = { inFlight: 0, aborted: 0, isClosing: false };
  const answer = createAnswerer(script);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url?.split('?')[0] ?? '';
    if (request.method === 'GET' && path === '/v1/models') return sendReply(response, { status: 200, body: MODELS });
    const api = request.method === 'POST' ? PATHS[path] : undefined;
    if (api === undefined || (only !== undefined && api !== only)) {
      return sendReply(response, { status: 404, body: errorBody(`There is nothing at ${request.method} ${path}.`) });
    }
    const watched = watch(response, counts);
    const text = await readBody(request);
    const body = parseJson(text);
    const { authorization: _, ...headers } = request.headers;
    record(requests, { api, body, format: formatName(body), at: Date.now(), headers });
    await answer({ api, body, chars: text.length, response, ...watched });
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      sendReply(response, {
        status: 500,
        body: errorBody(`The script failed: ${String(error)}`, { type: 'script_error' }),
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/v1`,
    requests,
    inFlight: () => counts.inFlight,
    aborted: () => counts.aborted,
    close: () =>
      new Promise((resolve) => {
        counts.isClosing = true;
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
