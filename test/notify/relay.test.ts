import { spawn } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { describe, expect, inject, it } from 'vitest';
import type { Outbox } from '../../src/gateway/desk-ports.ts';
import { backoffMs } from '../../src/notify/backoff.ts';
import { sqlClient, testStore } from '../store/support.ts';
import { until } from '../support/waiting.ts';
import { deadUrl, fill, makeEndpoint, pass, relayOf, SECRET, startReceiver, status, waitingIn } from './support.ts';

const untilNone = async (store: { readonly outbox: Outbox }): Promise<true> =>
  await until(async () => ((await waitingIn(store)) === 0 ? true : undefined), 'everything is delivered');

const attemptsOf = async (namespace: string): Promise<readonly number[]> => {
  const { rows } = await (await sqlClient()).query<{ attempts: number }>(
    'select attempts from holdfast.outbox where namespace = $1 and lease_until is null',
    [namespace],
  );
  return rows.map(({ attempts }) => attempts);
};

/** Waits until every message has failed so often. */
const untilFailed = async (namespace: string, count: number, attempts: number): Promise<void> => {
  await until(async () => {
    const all = await attemptsOf(namespace);
    return all.length === count && all.every((each) => each === attempts) ? true : undefined;
  }, `${count} messages have failed ${attempts} times`);
};

describe('the relay', () => {
  it('brings every message once, signed, and nothing stays in the outbox', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    await fill(store, 50);

    relayOf(store, [makeEndpoint(receiver.url)]);
    await untilNone(store);

    expect(new Set(receiver.ids()).size).toBe(50);
    expect(receiver.received).toHaveLength(50);
    for (const { body, headers } of receiver.received) new Webhook(SECRET).verify(body, headers);
  });

  it('loses nothing when the receiver is down for an hour: all of it comes soon after, and once', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    receiver.answer = status(502);
    await fill(store, 40);
    const relay = relayOf(store, [makeEndpoint(receiver.url)]);
    // An hour of attempts, each after its pause: about nine of them.
    for (let round = 1; round <= 9; round++) {
      await untilFailed(store.namespace, 40, round);
      await pass(store.namespace, `${Math.ceil(backoffMs(round - 1, () => 1) / 1_000)} seconds`);
      relay.wake();
    }
    await untilFailed(store.namespace, 40, 10);
    const refused = new Set(receiver.ids());
    receiver.received.length = 0;
    receiver.answer = status(204);
    // The first of them is due after its pause; the rest need not wait for theirs.
    const client = await sqlClient();
    await client.query(
      `update holdfast.outbox set next_at = now() where id = (select id from holdfast.outbox where namespace = $1 limit 1)`,
      [store.namespace],
    );
    const since = Date.now();
    await untilNone(store);

    expect(Date.now() - since).toBeLessThan(5_000);
    expect(receiver.received).toHaveLength(40);
    expect(new Set(receiver.ids())).toEqual(refused);
    for (const { body, headers } of receiver.received) new Webhook(SECRET).verify(body, headers);
  });

  it('brings each message once when several workers do it at the same time', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    const others = await Promise.all([1, 2, 3].map(() => testStore({ namespace: store.namespace })));
    receiver.answer = (_, response) => void setTimeout(() => response.writeHead(200).end('ok'), 5);
    for (const each of [store, ...others]) relayOf(each, [makeEndpoint(receiver.url)]);

    await Promise.all([store, ...others].map((each) => fill(each, 50)));
    await untilNone(store);

    expect(receiver.received).toHaveLength(200);
    expect(new Set(receiver.ids()).size).toBe(200);
  });

  it('sends again, under the same id, what a worker had sent that was killed before it could say so', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    const script = fileURLToPath(new URL('relay-process.ts', import.meta.url));
    receiver.answer = () => undefined;
    await fill(store, 3);
    const child = spawn(execPath, [script, inject('store'), store.namespace, receiver.url], { stdio: 'ignore' });
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    await until(() => (receiver.received.length === 3 ? true : undefined), 'the first worker has sent them');
    child.kill('SIGKILL');
    await ended;
    receiver.answer = status(204);
    const relay = relayOf(store, [makeEndpoint(receiver.url)]);
    await fill(store, 1);
    await until(() => (receiver.received.length === 4 ? true : undefined), 'something new is sent');
    expect(await waitingIn(store)).toBeGreaterThanOrEqual(3);

    await pass(store.namespace, '33 seconds');
    relay.wake();
    await untilNone(store);

    expect(receiver.received).toHaveLength(7);
    expect(new Set(receiver.ids()).size).toBe(4);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(4);
  });

  it('sends again what was taken where the store could not be told of it', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    await fill(store, 1);
    let failed = 0;
    const delivered: Outbox['delivered'] = async (id) => {
      failed += 1;
      if (failed === 1) throw new Error('the control store did not answer (08006)');
      await store.outbox.delivered(id);
    };
    const relay = relayOf({ outbox: { ...store.outbox, delivered } }, [makeEndpoint(receiver.url)]);
    await until(() => failed || undefined, 'the store was not told');

    await pass(store.namespace, '33 seconds');
    relay.wake();
    await untilNone(store);

    expect(receiver.received).toHaveLength(2);
    expect(new Set(receiver.ids()).size).toBe(1);
  });

  it('does not hold one endpoint back because another is dead, hangs, or puts everything off', async () => {
    const [store, good, hanging, busy] = [
      await testStore(),
      await startReceiver(),
      await startReceiver(),
      await startReceiver(),
    ];
    hanging.answer = () => undefined;
    busy.answer = status(429, { 'retry-after': '3600' });
    const names = ['dead', 'hanging', 'busy', 'good'];
    await fill(store, 100, names);
    const since = Date.now();
    relayOf(store, [
      makeEndpoint(await deadUrl(), { name: 'dead' }),
      makeEndpoint(hanging.url, { name: 'hanging', timeoutMs: 30_000 }),
      makeEndpoint(busy.url, { name: 'busy' }),
      makeEndpoint(good.url, { name: 'good' }),
    ]);

    await until(() => (good.received.length === 100 ? true : undefined), 'the good one has all', 10_000);

    expect(Date.now() - since).toBeLessThan(10_000);
    await until(() => (busy.received.length === 100 ? true : undefined), 'the busy one was asked once each');
    expect(hanging.received.length).toBeLessThanOrEqual(8);
    await until(
      async () => ((await store.outbox.state()).some(({ endpoint }) => endpoint === 'good') ? undefined : true),
      'the good one’s are forgotten',
    );
    expect((await store.outbox.state()).map(({ endpoint, waiting }) => [endpoint, waiting])).toEqual([
      ['busy', 100],
      ['dead', 100],
      ['hanging', 100],
    ]);
  });

  it('gives up what the receiver wants no more, and after three days what it never took', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    receiver.answer = status(500);
    await fill(store, 2);
    const relay = relayOf(store, [makeEndpoint(receiver.url)]);
    await untilFailed(store.namespace, 2, 1);
    await pass(store.namespace, '71 hours');
    relay.wake();
    await untilFailed(store.namespace, 2, 2);
    expect(await waitingIn(store)).toBe(2);

    await pass(store.namespace, '2 hours');
    relay.wake();
    await untilNone(store);
    receiver.answer = status(410);
    await fill(store, 1);
    relay.wake();
    await untilNone(store);

    expect(receiver.received).toHaveLength(7);
    expect(await store.outbox.state()).toMatchObject([{ endpoint: 'ops', waiting: 0, givenUp: 3, oldest: null }]);
  });

  it('does not send again and again what is always refused because the rest is taken', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    receiver.answer = (request, response) => status(request.body.includes('s0.c1') ? 500 : 200)(request, response);
    const relay = relayOf(store, [makeEndpoint(receiver.url)]);
    for (let round = 0; round < 10; round++) {
      await fill(store, 2);
      relay.wake();
      await until(
        async () => (receiver.received.filter(({ body }) => !body.includes('s0.c1')).length > round ? true : undefined),
        'the other one is taken',
      );
    }

    await until(async () => ((await attemptsOf(store.namespace)).length === 10 ? true : undefined), 'all have failed');
    expect(receiver.received.filter(({ body }) => body.includes('s0.c1')).length).toBeLessThanOrEqual(13);
  });

  it('waits, when it is stopped, for what is being sent, and not for ever', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    const answers: (() => void)[] = [];
    receiver.answer = (_, response) => void answers.push(() => response.writeHead(200).end());
    await fill(store, 1);
    const relay = relayOf(store, [makeEndpoint(receiver.url)], { graceMs: 20_000 });
    await until(() => answers[0], 'it is being sent');
    const stopping = relay.stop();
    answers[0]?.();
    await stopping;
    expect(await waitingIn(store)).toBe(0);

    await fill(store, 1);
    const other = relayOf(store, [makeEndpoint(receiver.url, { timeoutMs: 30_000 })], { graceMs: 100 });
    await until(() => answers[1], 'it is being sent');
    await other.stop();

    // Due at once for whoever comes next.
    relayOf(store, [makeEndpoint(receiver.url)]);
    await until(() => answers[2], 'it is sent again');
    answers[2]?.();
    await untilNone(store);
    expect(new Set(receiver.ids()).size).toBe(2);
  });

  it('goes on when the store was away', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    let isAway = true;
    const lines: string[] = [];
    const outbox: Outbox = {
      ...store.outbox,
      claim: async (...take) => {
        if (isAway) throw new Error('the control store did not answer (57P03)');
        return await store.outbox.claim(...take);
      },
    };
    const log = { ...console, warn: (message: string) => void lines.push(message) };
    relayOf({ outbox }, [makeEndpoint(receiver.url)], { log, pollMs: 10 });
    await fill(store, 1);
    await until(() => lines[2], 'it was asked several times');
    isAway = false;

    await untilNone(store);

    expect(receiver.received).toHaveLength(1);
    expect(lines[0]).toBe('webhooks wait for the control store');
  });

  it('tells once that an endpoint does not answer, and when it does again', async () => {
    const [store, receiver] = [await testStore(), await startReceiver()];
    const lines: unknown[] = [];
    const write = (message: string, fields?: Record<string, unknown>): void => void lines.push([message, fields]);
    receiver.answer = status(500);
    await fill(store, 20);
    const relay = relayOf(store, [makeEndpoint(receiver.url)], { log: { ...console, warn: write, info: write } });
    await untilFailed(store.namespace, 20, 1);
    receiver.answer = status(200);
    await pass(store.namespace, '1 hour');
    relay.wake();
    await untilNone(store);

    expect(lines).toEqual([
      [
        'webhook message not delivered, tried again later',
        expect.objectContaining({ endpoint: 'ops', error: 'answered with 500' }),
      ],
      ['webhook answers again', expect.objectContaining({ endpoint: 'ops' })],
    ]);
    expect(JSON.stringify(lines)).not.toContain(receiver.url);
  });
});

describe('the pause after a failure', () => {
  it('doubles from five seconds to an hour, half of it left to chance', () => {
    expect([0, 1, 2, 9, 10, 500].map((attempts) => backoffMs(attempts, () => 1))).toEqual([
      5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000,
    ]);
    expect(backoffMs(0, () => 0)).toBe(2_500);
  });
});
