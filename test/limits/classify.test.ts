import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Classified, classify, retryDelayMs } from '../../src/gateway/classify.ts';
import { ToolError } from '../../src/gateway/tool-error.ts';

const WRITE = { effect: 'write', idempotent: false } as const;

const judge = (error: unknown, isAborted = false): Classified => classify(WRITE, error, { isAborted });

const coded = (code: string, rest: Record<string, unknown> = {}) =>
  Object.assign(new Error(`it broke`), { code, ...rest });
const http = (status: number, headers: unknown = {}) => Object.assign(new Error(`HTTP ${status}`), { status, headers });
const aggregate = (...errors: unknown[]) => Object.assign(new AggregateError(errors), { code: 'ETIMEDOUT' });
const connectTimeout = coded('ETIMEDOUT', { syscall: 'connect' });

const ownCause = coded('ECONNREFUSED');
ownCause.cause = ownCause;

const [may, cannot] = [true, false];

describe('INVARIANT E3: what proves that nothing happened', () => {
  it.each([
    { name: 'a refused connection that is its own cause', error: ownCause, kind: 'transient', happened: cannot },
    { name: 'a refused connection', error: coded('ECONNREFUSED'), kind: 'transient', happened: cannot },
    {
      name: 'an unknown host',
      error: coded('ENOTFOUND', { syscall: 'getaddrinfo' }),
      kind: 'transient',
      happened: cannot,
    },
    { name: 'a time-out while connecting', error: connectTimeout, kind: 'transient', happened: cannot },
    {
      name: 'a host out of reach',
      error: coded('EHOSTUNREACH', { syscall: 'connect' }),
      kind: 'transient',
      happened: cannot,
    },
    { name: 'a bad certificate', error: coded('CERT_HAS_EXPIRED'), kind: 'permanent', happened: cannot },
    {
      name: 'all addresses in vain',
      error: aggregate(coded('ECONNREFUSED'), connectTimeout),
      kind: 'transient',
      happened: cannot,
    },
    {
      name: 'fetch in vain',
      error: new TypeError('fetch failed', { cause: coded('ECONNREFUSED') }),
      kind: 'transient',
      happened: cannot,
    },
    { name: '400', error: http(400), kind: 'permanent', happened: cannot },
    { name: '401', error: http(401), kind: 'permanent', happened: cannot },
    {
      name: '404 of axios',
      error: Object.assign(coded('ERR_BAD_REQUEST'), { response: { status: 404 } }),
      kind: 'permanent',
      happened: cannot,
    },
    { name: '409', error: http(409), kind: 'permanent', happened: cannot },
    {
      name: '422 of got',
      error: coded('ERR_NON_2XX_3XX_RESPONSE', { response: { statusCode: 422 } }),
      kind: 'permanent',
      happened: cannot,
    },
    { name: '425', error: http(425), kind: 'transient', happened: cannot },
    { name: '429', error: http(429), kind: 'rate_limited', happened: cannot },
    {
      name: 'a violated constraint',
      error: coded('23505', { severity: 'ERROR' }),
      kind: 'permanent',
      happened: cannot,
    },
    { name: 'a deadlock', error: coded('40P01', { severity: 'ERROR' }), kind: 'transient', happened: cannot },
    {
      name: 'the tool’s word',
      error: new ToolError('no', { kind: 'permanent', nothingHappened: true }),
      kind: 'permanent',
      happened: cannot,
    },
    {
      name: 'a tool’s error about a 404',
      error: new ToolError('no', { kind: 'transient', cause: http(404) }),
      kind: 'transient',
      happened: cannot,
    },

    { name: 'a lost connection', error: coded('ECONNRESET'), kind: 'transient', happened: may },
    { name: 'a broken pipe', error: coded('EPIPE', { syscall: 'write' }), kind: 'transient', happened: may },
    { name: 'a time-out', error: coded('ETIMEDOUT'), kind: 'transient', happened: may },
    {
      name: 'a host lost while reading',
      error: coded('EHOSTUNREACH', { syscall: 'read' }),
      kind: 'transient',
      happened: may,
    },
    { name: 'undici’s time-out', error: coded('UND_ERR_HEADERS_TIMEOUT'), kind: 'transient', happened: may },
    {
      name: 'one address lost after sending',
      error: aggregate(coded('ECONNREFUSED'), coded('ECONNRESET')),
      kind: 'transient',
      happened: may,
    },
    {
      name: 'one of several that says nothing',
      error: aggregate(coded('ECONNREFUSED'), new Error('?')),
      kind: 'transient',
      happened: may,
    },
    {
      name: 'a refusal after a lost reply',
      error: Object.assign(http(404), { cause: coded('ECONNRESET') }),
      kind: 'permanent',
      happened: may,
    },
    {
      name: 'an answer that broke off',
      error: Object.assign(coded('ECONNRESET'), { status: 404 }),
      kind: 'transient',
      happened: may,
    },
    { name: 'an abort', error: new DOMException('gone', 'AbortError'), kind: 'transient', happened: may },
    { name: '408', error: http(408), kind: 'transient', happened: may },
    { name: '500', error: http(500), kind: 'transient', happened: may },
    { name: '503', error: http(503), kind: 'transient', happened: may },
    {
      name: '503 that asks for a pause',
      error: http(503, { 'retry-after': '3' }),
      kind: 'rate_limited',
      happened: may,
    },
    { name: 'an unreadable 200', error: http(200), kind: 'permanent', happened: may },
    { name: 'a redirect after the effect', error: http(303), kind: 'permanent', happened: may },
    {
      name: 'a server that shuts down',
      error: coded('57P01', { severity: 'FATAL' }),
      kind: 'transient',
      happened: may,
    },
    {
      name: 'words about a refused connection',
      error: 'connect ECONNREFUSED 10.0.0.1:80',
      kind: 'transient',
      happened: may,
    },
    { name: 'five letters that are no SQLSTATE', error: coded('23505'), kind: 'permanent', happened: may },
    {
      name: 'a plain error: the tool’s own word',
      error: new Error('amount too high'),
      kind: 'permanent',
      happened: cannot,
    },
    ...['connection reset', 'The connection was lost', 'reset by peer', 'it timed out', 'gateway timeout'].map(
      (words) => ({ name: `words: ${words}`, error: new Error(words), kind: 'transient', happened: may }),
    ),
    {
      name: 'an error about an answer that could not be read',
      error: new Error('no receipt', { cause: new SyntaxError('Unexpected end of JSON input') }),
      kind: 'permanent',
      happened: may,
    },
    { name: 'a bug', error: new TypeError('x is not a function'), kind: 'permanent', happened: may },
    {
      name: 'a tool’s error that is final',
      error: new ToolError('no', { kind: 'permanent' }),
      kind: 'permanent',
      happened: cannot,
    },
    {
      name: 'the tool’s word that it may',
      error: new ToolError('no', { kind: 'permanent', nothingHappened: false, cause: http(404) }),
      kind: 'permanent',
      happened: may,
    },
    {
      name: 'the tool’s word about one of several attempts',
      error: new Error('gave up', { cause: new ToolError('no', { kind: 'transient', nothingHappened: true }) }),
      kind: 'transient',
      happened: may,
    },
    { name: 'undefined', error: undefined, kind: 'permanent', happened: may },
    { name: 'null', error: null, kind: 'permanent', happened: may },
    { name: 'an empty text', error: '', kind: 'permanent', happened: may },
  ] as const)('$name: $kind, may have happened: $happened', ({ error, kind, happened }) => {
    expect(judge(error)).toMatchObject({ kind, mayHaveHappened: happened });
    expect(classify({ effect: 'read', idempotent: true }, error, { isAborted: false }).mayHaveHappened).toBe(false);
  });

  it('takes a call whose time was up for one that may have happened, unless the tool itself knows', () => {
    expect(judge(http(404), true)).toMatchObject({ kind: 'transient', mayHaveHappened: true });
    expect(judge(new ToolError('stopped in time', { kind: 'permanent', nothingHappened: true }), true)).toMatchObject({
      kind: 'permanent',
      mayHaveHappened: false,
    });
  });

  it('knows a ToolError of another copy of the package, and believes none that only looks like one', () => {
    const mark = Symbol.for('holdfast.ToolError');
    const foreign = Object.assign(new Error('x'), {
      [mark]: true,
      kind: 'rate_limited',
      nothingHappened: true,
      retryAfterMs: 5,
    });
    const fake = Object.assign(new Error('x'), { name: 'ToolError', kind: 'transient', nothingHappened: true });

    expect(judge(foreign)).toMatchObject({ kind: 'rate_limited', mayHaveHappened: false, retryAfterMs: 5 });
    expect(judge(fake)).toMatchObject({ kind: 'permanent' });
    expect(judge(Object.assign(foreign, { kind: 'whatever' }))).toMatchObject({
      kind: 'permanent',
    });
  });
});

describe('errors of real clients', () => {
  const server = createServer((request, response) => {
    if (request.url === '/reset') request.socket.destroy();
    else if (request.url === '/half') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => request.socket.destroy());
    }
  });
  let url = '';
  let closedUrl = '';
  const listen = async (to: Server): Promise<string> => {
    await new Promise<void>((done) => void to.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(to.address() as AddressInfo).port}`;
  };
  beforeAll(async () => {
    url = await listen(server);
    const closed = createServer();
    closedUrl = await listen(closed);
    closed.close();
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const thrownBy = async (work: () => Promise<unknown>): Promise<unknown> => {
    try {
      await work();
    } catch (error) {
      return error;
    }
    throw new Error('nothing was thrown');
  };

  it.each([
    { name: 'fetch: nobody listens', work: () => fetch(closedUrl), happened: cannot },
    { name: 'fetch: no such host', work: () => fetch('http://nowhere.invalid/'), happened: cannot },
    { name: 'fetch: the connection is cut', work: () => fetch(`${url}/reset`, { method: 'POST' }), happened: may },
    { name: 'fetch: the answer breaks off', work: async () => (await fetch(`${url}/half`)).text(), happened: may },
    {
      name: 'fetch: no answer in time',
      work: () => fetch(`${url}/hang`, { signal: AbortSignal.timeout(50) }),
      happened: may,
    },
    { name: 'pg: nobody listens', work: () => new pg.Client('postgres://x@127.0.0.1:1/x').connect(), happened: cannot },
  ])('$name: transient, may have happened: $happened', async ({ work, happened }) => {
    expect(judge(await thrownBy(work))).toMatchObject({ kind: 'transient', mayHaveHappened: happened });
  });

  it.each([
    { name: 'a refused statement', sql: 'select 1 / 0', kind: 'permanent', happened: cannot },
    {
      name: 'a session that is ended',
      sql: 'select pg_terminate_backend(pg_backend_pid())',
      kind: 'transient',
      happened: may,
    },
  ])('pg: $name: $kind, may have happened: $happened', async ({ sql, kind, happened }) => {
    const client = new pg.Client(inject('store'));
    client.on('error', () => undefined);
    await client.connect();

    const error = await thrownBy(() => client.query(sql));
    await client.end().catch(() => undefined);

    expect(judge(error)).toMatchObject({ kind, mayHaveHappened: happened });
  });
});

describe('when another attempt is welcome', () => {
  it.each([
    { name: 'seconds', headers: { 'Retry-After': '7' }, expected: 7_000 },
    { name: 'Headers of fetch', headers: new Headers({ 'retry-after': '1.5' }), expected: 1_500 },
    { name: 'several values', headers: { 'retry-after': ['2', '9'] }, expected: 2_000 },
    { name: 'milliseconds', headers: { 'retry-after-ms': '250', 'retry-after': '1' }, expected: 250 },
    { name: 'a date that has passed', headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, expected: 0 },
    { name: 'a year', headers: { 'retry-after': '31536000' }, expected: 600_000 },
    { name: 'a negative number', headers: { 'retry-after': '-5' }, expected: undefined },
    { name: 'nonsense', headers: { 'retry-after': 'soon' }, expected: undefined },
    { name: 'headers that are none', headers: 'retry-after: 3', expected: undefined },
  ])('reads $name', ({ headers, expected }) => {
    expect(judge(http(429, headers)).retryAfterMs).toBe(expected);
    expect(judge({ message: 'x', response: { status: 429, headers } }).retryAfterMs).toBe(expected);
  });

  it('reads a date', () => {
    const date = new Date(Date.now() + 30_000).toUTCString();

    const { retryAfterMs } = judge(http(503, { 'retry-after': date }));

    expect(retryAfterMs).toBeGreaterThan(25_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  it('takes a tool’s own delay where it is one', () => {
    const delay = (retryAfterMs: number) =>
      judge(new ToolError('x', { kind: 'rate_limited', retryAfterMs })).retryAfterMs;

    expect([delay(1_500), delay(-1), delay(Number.NaN), delay(Infinity), delay(1e12)]).toEqual([
      1_500,
      undefined,
      undefined,
      undefined,
      600_000,
    ]);
  });

  it('doubles the bound of the delay with each attempt, and draws below it', () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 8, 1_000].map((attempt) => retryDelayMs(attempt, {}, () => 1));

    expect(most).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(retryDelayMs(5, {}, () => 0)).toBe(1);
    expect(retryDelayMs(1, { retryAfterMs: 10_000 }, () => 0.5)).toBe(10_250);
  });

  it('is always a number of milliseconds that is more than 0 and bounded', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.integer()),
        fc.oneof(fc.double(), fc.constant(undefined)),
        (attempt, retryAfterMs) => {
          const delay = retryDelayMs(attempt, { retryAfterMs });
          expect(delay >= 1 && delay <= 630_000 && Number.isInteger(delay)).toBe(true);
        },
      ),
    );
  });
});

describe('whatever is thrown', () => {
  const cyclic = new Error('circle');
  cyclic.cause = new Error('other half', { cause: cyclic });
  const hostile = {
    get message(): string {
      throw new Error('boo');
    },
    get cause(): unknown {
      throw new Error('boo');
    },
    get code(): string {
      throw new Error('boo');
    },
  };
  const bad = () => {
    throw new Error('boo');
  };
  const proxy = new Proxy(new Error('x'), {
    get: bad,
    getPrototypeOf: bad,
    ownKeys: bad,
    has: bad,
    getOwnPropertyDescriptor: bad,
  });
  let deep: unknown = coded('ECONNREFUSED');
  for (let n = 0; n < 100; n++) deep = new Error(`level ${n}`, { cause: deep });

  it.each([
    { name: 'a circle of causes', error: cyclic },
    { name: 'hostile getters', error: hostile },
    { name: 'a hostile proxy', error: proxy },
    {
      name: 'a revoked proxy',
      error: (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    },
    { name: 'causes without end', error: deep },
    { name: 'a long text', error: 'x'.repeat(10_000_000) },
    {
      name: 'a long message',
      error: Object.assign(new Error('x'.repeat(10_000_000)), { code: 'y'.repeat(1_000_000) }),
    },
    { name: 'half a character', error: new Error('\uD800') },
    { name: 'a function', error: () => 1 },
    { name: 'a symbol', error: Symbol('x') },
    { name: 'a big integer', error: 1n },
    { name: 'an object without a prototype', error: Object.create(null) },
    {
      name: 'an object that prints itself badly',
      error: { [Symbol.for('nodejs.util.inspect.custom')]: bad, toString: bad },
    },
    { name: 'hostile headers', error: http(429, { get: bad }) },
    { name: 'many errors', error: new AggregateError(Array.from({ length: 10_000 }, () => coded('ECONNREFUSED'))) },
  ])('$name is sorted, in few words, and proves nothing that it does not show', ({ error, name }) => {
    const { kind, message, mayHaveHappened } = judge(error);

    expect(['transient', 'permanent', 'rate_limited']).toContain(kind);
    expect(message.length).toBeLessThanOrEqual(2_000);
    expect(message.isWellFormed()).toBe(true);
    // A plain error is the tool's own word.
    expect(mayHaveHappened).toBe(!['hostile headers', 'a circle of causes', 'half a character'].includes(name));
  });

  it('never makes it throw', () => {
    const error = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.record(
        {
          name: fc.anything(),
          message: fc.anything(),
          code: fc.anything(),
          status: fc.anything(),
          cause: fc.anything(),
          errors: fc.anything(),
          response: fc.anything(),
          headers: fc.anything(),
          severity: fc.anything(),
          syscall: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(error, fc.boolean(), (thrown, isAborted) => {
        const { message } = judge(thrown, isAborted);
        expect(typeof message).toBe('string');
      }),
    );
  });

  it('is told with name, code and causes', () => {
    expect(judge(new TypeError('fetch failed', { cause: coded('ECONNRESET') })).message).toBe(
      'TypeError: fetch failed: it broke (ECONNRESET)',
    );
  });
});
