import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/gateway/desk-ports.ts';
import { buildEndpoints } from '../../src/notify/endpoint.ts';
import { send } from '../../src/notify/send.ts';
import { deadUrl, makeEndpoint, SECRET, startReceiver, status } from './support.ts';

const delivery: Delivery = {
  id: 'msg_1',
  endpoint: 'ops',
  body: JSON.stringify({ type: 'holdfast.decision.asked', data: { summary: 'größer als 1 000 €' } }),
  attempts: 0,
  ageMs: 0,
};

const never = new AbortController().signal;

describe('a message', () => {
  it('is signed so that the library of Standard Webhooks verifies it, and not when anything of it was changed', async () => {
    const receiver = await startReceiver();

    expect(await send(makeEndpoint(receiver.url), delivery, never)).toEqual({ kind: 'delivered' });

    const [got] = receiver.received;
    if (got === undefined) throw new Error('nothing came');
    expect(got).toMatchObject({ method: 'POST', path: '/hooks', headers: { 'content-type': 'application/json' } });
    const webhook = new Webhook(SECRET);
    expect(webhook.verify(got.body, got.headers)).toEqual(JSON.parse(delivery.body));
    for (const [body, headers] of [
      [got.body.replace('asked', 'decided'), got.headers],
      [got.body, { ...got.headers, 'webhook-id': 'msg_2' }],
      [got.body, { ...got.headers, 'webhook-timestamp': String(Number(got.headers['webhook-timestamp']) + 1) }],
    ] as const) {
      expect(() => webhook.verify(body, headers)).toThrow('No matching signature');
    }
    expect(() => new Webhook(Buffer.from('other'.repeat(10)).toString('base64')).verify(got.body, got.headers)).toThrow(
      'No matching signature',
    );
  });

  it('is signed with a secret of plain text as with its bytes', async () => {
    const receiver = await startReceiver();
    const secret = 'correct horse battery staple ü';
    const [endpoint] = buildEndpoints([{ name: 'ops', url: receiver.url, secret: { env: 'X' } }], () => secret);

    if (endpoint !== undefined) await send(endpoint, delivery, never);

    const { body = '', headers } = receiver.received[0] ?? {};
    const signed = `${headers?.['webhook-id']}.${headers?.['webhook-timestamp']}.${body}`;
    expect(headers?.['webhook-signature']).toBe(`v1,${createHmac('sha256', secret).update(signed).digest('base64')}`);
  });

  it.each([
    [200, {}, { kind: 'delivered' }],
    [410, {}, { kind: 'gone', error: 'answered with 410: it wants no more of this' }],
    [400, {}, { kind: 'failed', error: 'answered with 400' }],
    [500, { 'retry-after': '7' }, { kind: 'failed', error: 'answered with 500' }],
    [503, { 'retry-after': '7' }, { kind: 'failed', error: 'answered with 503', retryAfterMs: 7_000 }],
    [429, { 'retry-after': '99999999' }, { kind: 'failed', error: 'answered with 429', retryAfterMs: 3_600_000 }],
    [429, { 'retry-after': 'soon' }, { kind: 'failed', error: 'answered with 429' }],
    [
      429,
      { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' },
      { kind: 'failed', error: 'answered with 429', retryAfterMs: 0 },
    ],
  ])('that is answered with %d %j', async (code, headers, expected) => {
    const receiver = await startReceiver();
    receiver.answer = status(code, headers);

    expect(await send(makeEndpoint(receiver.url), delivery, never)).toEqual(expected);
  });

  it('does not follow a redirect', async () => {
    const [receiver, other] = [await startReceiver(), await startReceiver()];
    for (const code of [301, 302, 303, 307, 308]) {
      receiver.answer = status(code, { location: other.url });

      expect(await send(makeEndpoint(receiver.url), delivery, never)).toMatchObject({
        kind: 'failed',
        error: expect.stringContaining(`${code}: redirects are not followed`),
      });
    }
    expect(other.received).toEqual([]);
  });

  it('is given no longer than the time-out, by one that does not answer, or does not end', async () => {
    const receiver = await startReceiver();
    receiver.answer = () => undefined;
    const endpoint = makeEndpoint(receiver.url, { timeoutMs: 300 });

    expect(await send(endpoint, delivery, never)).toEqual({ kind: 'failed', error: 'did not answer within 300 ms' });

    receiver.answer = (_, response) => {
      response.writeHead(200).write('and');
    };
    expect(await send(endpoint, delivery, never)).toEqual({ kind: 'delivered' });
  });

  it('does not read an answer, however long it is', async () => {
    const receiver = await startReceiver();
    let written = 0;
    let closed: (() => void) | undefined;
    const end = new Promise<void>((resolve) => {
      closed = resolve;
    });
    receiver.answer = (_, response) => {
      response.writeHead(200);
      response.on('close', () => closed?.());
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };

    expect(await send(makeEndpoint(receiver.url), delivery, never)).toEqual({ kind: 'delivered' });
    await end;
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it('that cannot be sent is told of without the address', async () => {
    const url = `${await deadUrl()}token-in-the-path`;

    const sent = await send(makeEndpoint(url), delivery, never);

    expect(sent).toEqual({ kind: 'failed', error: 'cannot be reached (ECONNREFUSED)' });
  });

  it('is broken off when the worker stops, and may be sent again at once', async () => {
    const receiver = await startReceiver();
    receiver.answer = () => undefined;
    const stop = new AbortController();
    const sending = send(makeEndpoint(receiver.url), delivery, stop.signal);
    stop.abort();

    expect(await sending).toEqual({ kind: 'failed', error: 'the worker stopped', retryAfterMs: 0 });
  });
});
