import { readFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readRunningDev } from '../../src/dev/dev-folder.ts';
import { refusalOf } from '../../src/dev/ui-guard.ts';
import { makeFolder, makeStack, SLOW } from './support.ts';

type Answer = { readonly status: number; readonly body: string; readonly headers: IncomingHttpHeaders };

// `fetch` does not let a caller set Host and Origin, which is the point of the guard.
const send = async (url: string, method: string, headers: Record<string, string>): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(url, { method, headers }, (answer) => {
    let body = '';
    answer.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
  });
  outgoing.once('error', reject);
  outgoing.end(method === 'POST' ? '{}' : undefined);
  return await promise;
};

const SIGNAL_PATH = '/api/v1/namespaces/default/workflows/victim/signal/approve';

const startVictim = async (address: string): Promise<() => Promise<number>> => {
  const connection = await Connection.connect({ address });
  onTestFinished(async () => await connection.close());
  const { workflow } = new Client({ connection });
  const handle = await workflow.start('none', { workflowId: 'victim', taskQueue: 'q' });
  return async () => {
    const { events } = await handle.fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
  };
};

const startWithVictim = async () => {
  const dataDir = await makeFolder();
  const stack = await makeStack({ dataDir, ephemeral: true });
  const signalCount = await startVictim(stack.temporal);
  const pid = (await readRunningDev(dataDir))?.temporal.pid ?? 0;
  const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  const flag = (name: string): string => args[args.indexOf(name) + 1] ?? '';
  return { ui: stack.ui ?? '', signalCount, flag };
};

describe.runIf(process.platform === 'linux')('a page of another origin', SLOW, () => {
  it('cannot signal through the HTTP API of the server', async () => {
    const { flag, signalCount } = await startWithVictim();
    const api = `http://127.0.0.1:${flag('--http-port')}`;

    const simple = await send(`${api}${SIGNAL_PATH}`, 'POST', {
      origin: 'http://evil.example',
      'content-type': 'text/plain',
    });
    const rebound = await send(`${api}${SIGNAL_PATH}`, 'POST', { host: `evil.example:${flag('--http-port')}` });
    const nexus = await send(`${api}/namespaces/default/task-queues/q/nexus-services/s/o`, 'POST', {});

    expect([simple.status, rebound.status, nexus.status]).toEqual([403, 403, 404]);
    expect(await signalCount()).toBe(0);
  });

  it('cannot signal through the UI, with or without a token', async () => {
    const { ui, signalCount } = await startWithVictim();
    const own = await send(`${ui}/api/v1/settings`, 'GET', {});
    const cookie = own.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const token = { cookie, 'x-csrf-token': cookie.split('=')[1] ?? '' };
    const port = new URL(ui).port;

    const answers = await Promise.all([
      send(`${ui}${SIGNAL_PATH}`, 'POST', { 'content-type': 'text/plain' }),
      send(`${ui}${SIGNAL_PATH}`, 'POST', { ...token, origin: 'http://evil.example' }),
      send(`${ui}${SIGNAL_PATH}`, 'POST', { ...token, origin: 'null' }),
      send(`${ui}${SIGNAL_PATH}`, 'POST', { ...token, origin: `http://localhost:3000` }),
      send(`${ui}${SIGNAL_PATH}`, 'POST', { ...token, 'sec-fetch-site': 'same-site' }),
      send(`${ui}${SIGNAL_PATH}`, 'POST', {
        ...token,
        host: `evil.example:${port}`,
        origin: `http://evil.example:${port}`,
      }),
      send(`${ui}/api/v1/namespaces`, 'GET', { host: `evil.example:${port}` }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([400, 403, 403, 403, 403, 403, 403]);
    expect(await signalCount()).toBe(0);
  });

  it('finds no UI server behind the guard: that one is not on 127.0.0.1', async () => {
    const { flag } = await startWithVictim();

    const direct = fetch(`http://127.0.0.1:${flag('--ui-port')}/`);

    await expect(direct).rejects.toThrow('fetch failed');
    expect(flag('--ui-ip')).toMatch(/^127\.(?!0\.0\.1$)/);
  });

  it('does not keep the UI itself from signalling', async () => {
    const { ui, signalCount } = await startWithVictim();
    const page = await send(`${ui}/`, 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' });
    const cookie = page.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const headers = { cookie, 'x-csrf-token': cookie.split('=')[1] ?? '', origin: ui, 'sec-fetch-site': 'same-origin' };

    const answer = await send(`${ui}${SIGNAL_PATH}`, 'POST', headers);

    expect([page.status, answer.status]).toEqual([200, 200]);
    expect(await signalCount()).toBe(1);
  });
});

describe('the UI guard', () => {
  it.each([
    { name: 'a program', method: 'POST', headers: { host: '127.0.0.1:8233' }, passes: true },
    {
      name: 'localhost',
      method: 'POST',
      headers: { host: 'localhost:8233', origin: 'http://localhost:8233' },
      passes: true,
    },
    {
      name: 'a forwarded port',
      method: 'POST',
      headers: { host: '[::1]:9000', origin: 'http://[::1]:9000' },
      passes: true,
    },
    {
      name: 'a link from elsewhere',
      method: 'GET',
      headers: { host: 'localhost', 'sec-fetch-site': 'cross-site' },
      passes: true,
    },
    { name: 'no host', method: 'GET', headers: {}, passes: false },
    { name: 'a name that begins like ours', method: 'GET', headers: { host: 'localhost.evil.example' }, passes: false },
    { name: 'a host with a path', method: 'GET', headers: { host: 'localhost/@evil.example' }, passes: false },
    { name: 'credentials in the host', method: 'GET', headers: { host: 'localhost@evil.example' }, passes: false },
    {
      name: 'the other loopback name',
      method: 'POST',
      headers: { host: 'localhost:1', origin: 'http://127.0.0.1:1' },
      passes: false,
    },
    {
      name: 'the same over TLS',
      method: 'POST',
      headers: { host: 'localhost:1', origin: 'https://localhost:1' },
      passes: false,
    },
    {
      name: 'a cross-site write',
      method: 'DELETE',
      headers: { host: 'localhost', 'sec-fetch-site': 'cross-site' },
      passes: false,
    },
  ])('$name: passes $passes', ({ method, headers, passes }) => {
    expect(refusalOf({ method, headers }) === null).toBe(passes);
  });
});
