import { createServer } from 'node:net';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { FAILURES, isFailureType } from '../../src/domain/failures.ts';
import { createOpenAiModel } from '../../src/models/openai.ts';
import type { ModelSlots, SlotRequest } from '../../src/models/slots.ts';
import type { Fault } from '../../src/testing/index.ts';
import { APIS, failOnce, failureOf, KEY, makeContext, makePrompt, startBench, startRawServer } from './support.ts';

const STATUSES: [number, string][] = [
  [400, 'Model.BadRequest'],
  [401, 'Model.Unauthorized'],
  [402, 'Model.Forbidden'],
  [403, 'Model.Forbidden'],
  [404, 'Model.NotFound'],
  [408, 'Model.Timeout'],
  [409, 'Model.Unavailable'],
  [413, 'Model.BadRequest'],
  [422, 'Model.BadRequest'],
  [425, 'Model.Unavailable'],
  [429, 'Model.RateLimited'],
  [500, 'Model.Unavailable'],
  [502, 'Model.Unavailable'],
  [503, 'Model.Unavailable'],
  [504, 'Model.Unavailable'],
  [529, 'Model.Unavailable'],
];

const error = (code: string | null, message = 'Something is wrong.'): unknown => ({
  error: { message, type: 'invalid_request_error', code },
});

const ERRORS: { name: string; status: number; body: unknown; type: string }[] = [
  {
    name: 'context_length_exceeded',
    status: 400,
    body: error('context_length_exceeded'),
    type: 'Model.ContextOverflow',
  },
  {
    name: 'vLLM’s overflow',
    status: 400,
    body: { object: 'error', message: "This model's maximum context length is 8192 tokens.", code: 400 },
    type: 'Model.ContextOverflow',
  },
  {
    name: 'llama.cpp’s overflow',
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
      },
    },
    type: 'Model.ContextOverflow',
  },
  {
    name: 'a window in words',
    status: 400,
    body: error(null, 'Your input exceeds the context window of this model.'),
    type: 'Model.ContextOverflow',
  },
  { name: 'content_policy_violation', status: 400, body: error('content_policy_violation'), type: 'Model.Refused' },
  { name: 'content_filter', status: 400, body: error('content_filter'), type: 'Model.Refused' },
  { name: 'insufficient_quota', status: 429, body: error('insufficient_quota'), type: 'Model.Forbidden' },
  { name: 'model_not_found', status: 400, body: error('model_not_found'), type: 'Model.NotFound' },
  {
    name: 'an error in an answer with status 200',
    status: 200,
    body: error('rate_limit_exceeded'),
    type: 'Model.RateLimited',
  },
  { name: 'an error page', status: 503, body: '<html><h1>Service Unavailable</h1></html>', type: 'Model.Unavailable' },
  { name: 'an empty body', status: 500, body: '', type: 'Model.Unavailable' },
];

const retryDelayOf = async (
  api: 'responses' | 'chat',
  headers: Record<string, string>,
  status = 429,
): Promise<unknown> => (await failOnce(api, { fault: { status, headers } })).nextRetryDelay;

/** A TCP port that nothing listens on. */
const closedPort = async (): Promise<number> => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
};

describe.each(APIS)('a failure ($api)', ({ api }) => {
  it.each(STATUSES)('with status %i is %s', async (status, type) => {
    const failure = await failOnce(api, { fault: { status, body: error(null) } });
    expect(failure.type).toBe(type);
    expect(isFailureType(type) && failure.nonRetryable).toBe(!FAILURES[type as keyof typeof FAILURES].retryable);
  });

  it.each(ERRORS)('by $name is $type', async ({ status, body, type }) => {
    expect(await failOnce(api, { fault: { status, body } })).toMatchObject({ type });
  });

  it('is not retried by the client', async () => {
    const { server, model } = await startBench(api, [{ fault: { status: 500 } }]);
    await failureOf(model.answer(makePrompt(), makeContext()));
    expect(server.requests).toHaveLength(1);
  });

  it('names model, host, status and the provider’s message', async () => {
    const { server, model } = await startBench(api, [
      { fault: { status: 400, body: error(null, 'Unknown field x.') } },
    ]);
    const { message } = await failureOf(model.answer(makePrompt(), makeContext()));
    expect(message).toBe(`model default (small at ${new URL(server.url).host}) answered 400: Unknown field x.`);
  });

  it('has the messages of FastAPI’s list, without the input that it repeats', async () => {
    const body = { detail: [{ loc: ['body', 'x'], msg: 'Field required', input: 'the whole prompt' }] };
    const { message } = await failOnce(api, { fault: { status: 422, body } });
    expect(message).toContain('Field required');
    expect(message).not.toContain('prompt');
  });

  it('is cut to 500 characters', async () => {
    const { message } = await failOnce(api, { fault: { status: 400, body: error(null, 'x'.repeat(5000)) } });
    expect(message).toHaveLength(500);
  });

  it('never shows a key, headers or the prompt', async () => {
    const told = `Incorrect API key provided: ${KEY}, sk-proj-abc123***xyz. Authorization: Bearer abc.def/ghi+jk==`;
    const failure = await failOnce(api, {
      fault: { status: 401, headers: { 'x-secret': 'header-value' }, body: error('invalid_api_key', told) },
    });
    const shown = JSON.stringify([failure, failure.message, failure.stack, failure.cause, failure.details]);
    for (const secret of [KEY, 'sk-proj', 'xyz', 'abc.def', 'header-value', 'Tidy the files'])
      expect(shown).not.toContain(secret);
    expect(failure.message).toContain('Incorrect API key provided: [redacted]');
    expect(failure.cause).toBeUndefined();
  });

  it('shows no part of a key that the cut goes through', async () => {
    const { message } = await failOnce(api, { fault: { status: 401, body: error(null, `${'x'.repeat(425)} ${KEY}`) } });
    expect(message).not.toContain(KEY.slice(0, 6));
  });
});

describe.each(APIS)('the delay of the next try ($api)', ({ api }) => {
  it('is what Retry-After says in seconds', async () => {
    expect(await retryDelayOf(api, { 'retry-after': '7' })).toBe(7000);
  });

  it('is what Retry-After says as a date', async () => {
    const delay = await retryDelayOf(api, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, 503);
    expect(delay).toBeGreaterThan(50_000);
    expect(delay).toBeLessThanOrEqual(60_000);
  });

  it('is what retry-after-ms says, before Retry-After', async () => {
    expect(await retryDelayOf(api, { 'retry-after-ms': '1500', 'retry-after': '7' })).toBe(1500);
  });

  it('is ten minutes at most', async () => {
    expect(await retryDelayOf(api, { 'retry-after': '999999999' })).toBe(600_000);
  });

  it.each(['soon', '-5', '0', '', 'NaN', 'Infinity', '1e9', 'Sun, 06 Nov 1994 08:49:37 GMT'])(
    'is left to Temporal for nonsense: %s',
    async (value) => {
      expect(await retryDelayOf(api, { 'retry-after': value })).toBeUndefined();
    },
  );

  it('is not given where no retry helps', async () => {
    expect(await retryDelayOf(api, { 'retry-after': '7' }, 400)).toBeUndefined();
  });
});

const BROKEN: { name: string; fault: Fault; type: string }[] = [
  { name: 'broken JSON', fault: 'broken-json', type: 'Model.BadResponse' },
  { name: 'an HTML page', fault: 'html', type: 'Model.BadResponse' },
  { name: 'a connection dropped before the answer', fault: { drop: 'before' }, type: 'Model.Unreachable' },
  { name: 'a connection dropped in the middle of the answer', fault: { drop: 'mid-body' }, type: 'Model.Unreachable' },
];

describe.each(APIS)('a broken answer ($api)', ({ api }) => {
  it.each(BROKEN)('is retryable: $name is $type', async ({ fault, type }) => {
    const failure = await failOnce(api, { text: 'hello', fault });
    expect(failure).toMatchObject({ type, nonRetryable: false });
    expect(failure.cause).toBeUndefined();
  });

  it('is Model.Timeout when the server hangs', async () => {
    const { server, model } = await startBench(api, [{ fault: 'hang' }], { timeoutMs: 150 });
    const failure = await failureOf(model.answer(makePrompt(), makeContext()));
    expect(failure).toMatchObject({ type: 'Model.Timeout', nonRetryable: false });
    expect(failure.message).toContain('no answer within 150 ms');
    await vi.waitFor(() => expect(server.aborted()).toBe(1));
  });

  it('is Model.Unreachable when nothing listens', async () => {
    const baseURL = `http://127.0.0.1:${await closedPort()}/v1`;
    const model = createOpenAiModel({ name: 'default', model: 'small', api, baseURL, timeoutMs: 5000 });
    const failure = await failureOf(model.answer(makePrompt(), makeContext()));
    expect(failure).toMatchObject({ type: 'Model.Unreachable', nonRetryable: false });
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it('is overcome by the next try', async () => {
    const { model } = await startBench(api, [{ text: 'hello', fault: { drop: 'mid-body' }, times: 1 }]);
    await failureOf(model.answer(makePrompt(), makeContext()));
    expect((await model.answer(makePrompt(), makeContext())).text).toBe('hello');
  });
});

describe('a body that hangs after its headers', () => {
  it('is Model.Timeout', async () => {
    const baseURL = await startRawServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices":[');
    });
    const model = createOpenAiModel({ name: 'default', model: 'small', api: 'chat', baseURL, timeoutMs: 200 });
    expect(await failureOf(model.answer(makePrompt(), makeContext()))).toMatchObject({ type: 'Model.Timeout' });
  });
});

describe.each(APIS)('cancelling ($api)', ({ api }) => {
  it('aborts the request at the server and throws the reason', async () => {
    const { server, model } = await startBench(api, [{ fault: 'hang' }]);
    const controller = new AbortController();
    const answer = model.answer(makePrompt(), makeContext({ signal: controller.signal }));
    const cancelled = new CancelledFailure('CANCELLED');
    const failed = answer.catch((error: unknown) => error);
    await vi.waitFor(() => expect(server.inFlight()).toBe(1));
    controller.abort(cancelled);
    expect(await failed).toBe(cancelled);
    await vi.waitFor(() => expect(server.aborted()).toBe(1));
    expect(server.inFlight()).toBe(0);
  });

  it('throws an abort error where the reason is no error', async () => {
    const { model } = await startBench(api, [{ fault: 'hang' }]);
    const signal = AbortSignal.abort('enough');
    await expect(model.answer(makePrompt(), makeContext({ signal }))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('sends nothing when it came before the request', async () => {
    const { server, model } = await startBench(api, [{ text: 'ok' }]);
    await expect(model.answer(makePrompt(), makeContext({ signal: AbortSignal.abort() }))).rejects.toThrow('aborted');
    expect(server.requests).toHaveLength(0);
  });
});

const makeSlots = (release: () => Promise<void> = async () => undefined) => {
  const asked: SlotRequest[] = [];
  const counts = { held: 0 };
  const slots: ModelSlots = {
    acquire: async (request) => {
      asked.push(request);
      counts.held += 1;
      return async () => {
        counts.held -= 1;
        await release();
      };
    },
  };
  return { slots, asked, counts };
};

describe('slots', () => {
  it('are held during the request and given back', async () => {
    const { slots, asked, counts } = makeSlots();
    const { model } = await startBench('chat', () => ({ text: `held ${counts.held}` }), { slots, maxConcurrent: 2 });
    expect((await model.answer(makePrompt(), makeContext())).text).toBe('held 1');
    expect(counts.held).toBe(0);
    expect(asked).toMatchObject([{ model: 'default', holder: 'task/1/s1', limit: 2, ttlMs: 30_000 }]);
  });

  it('are given back after a failure', async () => {
    const { slots, counts } = makeSlots();
    const { model } = await startBench('chat', [{ fault: { status: 500 } }], { slots, maxConcurrent: 2 });
    await failureOf(model.answer(makePrompt(), makeContext()));
    expect(counts.held).toBe(0);
  });

  it('are not asked for without a limit', async () => {
    const { slots, asked } = makeSlots();
    const { model } = await startBench('chat', [{ text: 'ok' }], { slots });
    await model.answer(makePrompt(), makeContext());
    expect(asked).toHaveLength(0);
  });

  it('that cannot be given back lose no answer', async () => {
    const { slots } = makeSlots(() => Promise.reject(new Error('no connection')));
    const { model } = await startBench('chat', [{ text: 'ok' }], { slots, maxConcurrent: 1 });
    expect((await model.answer(makePrompt(), makeContext())).text).toBe('ok');
  });

  it('that are all in use fail the request as they say', async () => {
    const busy = ApplicationFailure.create({ type: 'Model.Busy', message: 'all slots are in use' });
    const slots: ModelSlots = { acquire: () => Promise.reject(busy) };
    const { model } = await startBench('chat', [{ text: 'ok' }], { slots, maxConcurrent: 1 });
    await expect(model.answer(makePrompt(), makeContext())).rejects.toBe(busy);
  });
});
