import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { boundPort, type Endpoint, LOOPBACK, type PortUse, portInUse } from './ports.ts';
import { codeOf } from './stack-error.ts';

/** The public door of the Temporal UI. */
export type UiGuard = { readonly url: string; close(): Promise<void> };

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

const hostName = (host: string): string | null => {
  const parsed = URL.parse(`http://${host}`);
  return parsed === null || parsed.host === '' || parsed.pathname !== '/' ? null : parsed.hostname;
};

/**
 * Why a request must not reach the UI server, null when it may. INVARIANT U1: only a page that the UI itself served, and
 * programs that are no browsers, get through.
 *
 * The UI server has a CSRF token, but it does not look at `Host`: a page of any site whose name resolves to 127.0.0.1
 * later on (DNS rebinding) counts as its own. Browsers never let a page forge `Host`, `Origin` or `Sec-Fetch-Site`.
 */
export const refusalOf = ({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): string | null => {
  const name = hostName(headers.host ?? '');
  if (name === null || !LOOPBACK_NAMES.has(name)) return 'this address is not served';
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) return 'another origin asks';
  const site = headers['sec-fetch-site'];
  const isWrite = !SAFE_METHODS.has(method ?? '');
  return isWrite && site !== undefined && !OWN_SITES.has(site) ? 'another site asks' : null;
};

const refuse = (response: ServerResponse, status: number, message: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${message}\n`);
};

const forward = (upstream: Endpoint, incoming: IncomingMessage, response: ServerResponse): void => {
  const { method, headers, url: path } = incoming;
  const { host, port } = upstream;
  const outgoing = request({ host, port, method, path, headers, setHost: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  outgoing.once('error', (error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `The Temporal UI does not answer: ${error.message}`);
  });
  // A reader that went away must not leave its request running (`close` also comes after a complete answer).
  response.once('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
};

const WARM_UP_MS = 5_000;
const WARM_UP_POLL_MS = 50;

const answersApi = async ({ host, port }: Endpoint, signal: AbortSignal): Promise<boolean> => {
  const answer = await fetch(`http://${host}:${port}/api/v1/system-info`, { signal }).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status === 200;
};

// The UI server dials Temporal before that one listens and then waits a second before it tries again; until then its
// API answers 503. Holding the first requests back for that second beats a page full of errors.
const warmUp = async (upstream: Endpoint, closed: AbortSignal): Promise<void> => {
  const stop = AbortSignal.any([closed, AbortSignal.timeout(WARM_UP_MS)]);
  while (!stop.aborted && !(await answersApi(upstream, stop))) await sleep(WARM_UP_POLL_MS);
};

/**
 * Serves the UI server at `upstream` on a loopback port and refuses what a foreign web page sends.
 * @throws StackError when the port is in use
 */
export const startUiGuard = async (upstream: Endpoint, use: PortUse): Promise<UiGuard> => {
  const closing = new AbortController();
  let warm: Promise<void> | undefined;
  // The UI sends a whole review page in a request line.
  const server = createServer({ maxHeaderSize: 65_536 }, (incoming, response) => {
    const refusal = refusalOf(incoming);
    warm ??= warmUp(upstream, closing.signal);
    if (refusal === null) void warm.then(() => forward(upstream, incoming, response));
    else refuse(response, 403, `Refused: ${refusal}. Open http://${LOOPBACK}:${incoming.socket.localPort} itself.`);
  });
  server.listen(use.port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw codeOf(error) === 'EADDRINUSE' ? await portInUse(use, error) : error;
  }
  return {
    url: `http://${LOOPBACK}:${boundPort(server)}`,
    close: async () => {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
