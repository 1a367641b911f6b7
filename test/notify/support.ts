import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ControlStore } from '../../src/gateway/ports.ts';
import { buildEndpoints, type Endpoint } from '../../src/notify/endpoint.ts';
import { type Relay, type RelayOptions, startRelay } from '../../src/notify/relay.ts';
import { makeTask, sqlClient } from '../store/support.ts';
import { makeEvent, makeSubject, tellAll } from '../support/desk-events.ts';

export const SECRET = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
};

export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  /** Ids of all messages that came, repeats too. */
  readonly ids: () => string[];
  /** How it answers from now on. */
  answer: (request: Received, response: ServerResponse) => void;
};

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

/** Answers with a status and nothing else. */
export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (_: Received, response: ServerResponse): void => {
    response.writeHead(code, headers).end();
  };

/** A real HTTP receiver; ends with the test. */
export const startReceiver = async (): Promise<Receiver> => {
  const receiver: Receiver & { url: string } = {
    url: '',
    received: [],
    ids: () => receiver.received.map(({ headers }) => headers['webhook-id'] ?? ''),
    answer: status(204),
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body: await readBody(request),
    };
    receiver.received.push(received);
    receiver.answer(received, response);
  };
  const server = createServer((request, response) => void take(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  return receiver;
};

/** An address at which nobody answers. */
export const deadUrl = async (): Promise<string> => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `http://127.0.0.1:${port}/`;
};

export const makeEndpoint = (url: string, over: Partial<Endpoint> = {}): Endpoint => {
  const [endpoint] = buildEndpoints([{ name: 'ops', url, secret: { env: 'OPS' }, timeout: '2s' }], () => SECRET);
  if (endpoint === undefined) throw new Error('no endpoint');
  return { ...endpoint, ...over };
};

export const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A relay that looks often; stops with the test. */
export const relayOf = (
  { outbox }: Pick<ControlStore, 'outbox'>,
  endpoints: readonly Endpoint[],
  over: Partial<RelayOptions> = {},
): Relay => {
  const relay = startRelay({ outbox, endpoints, log: silent, pollMs: 50, graceMs: 1_000, ...over });
  onTestFinished(relay.stop);
  return relay;
};

/** Puts so many messages for each endpoint into the outbox. */
export const fill = async (
  { deskLog }: Pick<ControlStore, 'deskLog'>,
  count: number,
  endpoints: readonly string[] = ['ops'],
): Promise<void> => {
  const events = Array.from({ length: count }, (_, n) => makeEvent({ decisionId: `s${n}.c1-aaaa` }));
  await deskLog.record(makeSubject(makeTask()), events, tellAll(...endpoints));
};

/** Moves the clock: everything that waits was put there, and is due, so much earlier. */
export const pass = async (namespace: string, time: string, url?: string): Promise<void> => {
  await (await sqlClient(url)).query(
    `update holdfast.outbox set next_at = next_at - $2::interval, created_at = created_at - $2::interval,
      lease_until = lease_until - $2::interval where namespace = $1`,
    [namespace, time],
  );
};

export const waitingIn = async ({ outbox }: Pick<ControlStore, 'outbox'>): Promise<number> =>
  (await outbox.state()).reduce((all, { waiting }) => all + waiting, 0);
