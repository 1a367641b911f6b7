import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestText } from '../../src/domain/digest.ts';
import { findHiddenIn } from '../../src/domain/hidden-text.ts';
import { jsonBytes } from '../../src/domain/json.ts';
import { SIZES } from '../../src/domain/sizes.ts';
import type { Artifacts } from '../../src/gateway/ports.ts';
import { cleanText, MAX_ARTIFACT, sanitizeOutput, toJson, toLedgerJson } from '../../src/gateway/sanitize.ts';

/** Fails for anything but a text. */
const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new TypeError('expected a text');
  return value;
};

const task = { taskId: 't', epoch: 'e1' };

const makeArtifacts = () => {
  const kept = new Map<string, { bytes: Uint8Array; mediaType: string }>();
  const artifacts: Artifacts = {
    put: async (_, content) => {
      const id = `a-${kept.size}`;
      kept.set(id, content);
      return { id, digest: digestText(id), mediaType: content.mediaType, bytes: content.bytes.length };
    },
    get: async () => undefined,
  };
  const textOf = (id: string) => Buffer.from(kept.get(id)?.bytes ?? []).toString('utf8');
  return { artifacts, kept, textOf };
};

const sanitize = async (output: unknown, secrets: readonly string[] = []) =>
  (await sanitizeOutput({ output, task, artifacts: makeArtifacts().artifacts, secrets })).output;

class Order {
  readonly #hidden = 1;
  readonly id = 'o-1';
  total() {
    return this.#hidden;
  }
}

const circular: Record<string, unknown> = { a: 1 };
circular['self'] = circular;

const deep = (): unknown => {
  let value: unknown = 1;
  for (let depth = 0; depth < 200_000; depth++) value = [value];
  return value;
};

const endlessProxy = (): object => {
  const handler: ProxyHandler<object> = {
    has: () => false,
    get: () => new Proxy({}, handler),
    ownKeys: () => ['a', 'b'],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
  };
  return new Proxy({}, handler);
};

describe('whatever a tool returns becomes JSON', () => {
  it.each([
    { name: 'nothing', value: undefined, json: null },
    { name: 'a function', value: () => 1, json: '[a function]' },
    { name: 'a circular object', value: circular, json: { a: 1, self: '[circular]' } },
    { name: 'big integers', value: [10n, 2n ** 70n], json: [10, '1180591620717411303424'] },
    { name: 'numbers that JSON does not have', value: [Number.NaN, Number.POSITIVE_INFINITY], json: [null, null] },
    {
      name: 'maps and sets',
      value: { m: new Map([['a', 1]]), n: new Map([[1, 2]]), s: new Set([1]) },
      json: { m: { a: 1 }, n: [[1, 2]], s: [1] },
    },
    { name: 'dates', value: [new Date(0), new Date(Number.NaN)], json: ['1970-01-01T00:00:00.000Z', null] },
    { name: 'an instance of a class', value: new Order(), json: { id: 'o-1' } },
    { name: 'an error', value: new TypeError('no'), json: { name: 'TypeError', message: 'no' } },
    {
      name: 'what JSON leaves out',
      value: { a: undefined, f: () => 1, s: Symbol('x'), l: [undefined] },
      json: { l: [null] },
    },
    { name: 'an object without a prototype', value: Object.assign(Object.create(null), { a: 1 }), json: { a: 1 } },
    { name: 'an array of numbers in a buffer', value: new Float32Array([1, 2]), json: [1, 2] },
    { name: 'a promise', value: { p: Promise.resolve(1) }, json: { p: '[a promise: the tool did not wait for it]' } },
    {
      name: 'a stream',
      value: new ReadableStream(),
      json: '[a stream: the tool has to read it and return its content]',
    },
    {
      name: 'a getter that throws, beside one that does not',
      value: {
        get a() {
          throw new Error('gone');
        },
        b: 1,
      },
      json: { a: '[unreadable: gone]', b: 1 },
    },
    {
      name: 'a toJSON that throws',
      value: {
        t: {
          toJSON: () => {
            throw new Error('no');
          },
        },
      },
      json: { t: '[unreadable: no]' },
    },
    {
      name: 'a proxy that throws',
      value: {
        p: new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('trap');
            },
          },
        ),
      },
      json: { p: '[unreadable: trap]' },
    },
  ])('$name', async ({ value, json }) => {
    expect(await sanitize(value)).toEqual(json);
    expect(toLedgerJson(value, [])).toEqual(json);
    expect(toJson(value)).toEqual(json);
  });

  it('keeps __proto__ as a key like any other', async () => {
    const output = await sanitize(JSON.parse('{"__proto__":{"isAdmin":true}}'));

    expect(JSON.stringify(output)).toBe('{"__proto__":{"isAdmin":true}}');
    expect((output as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it.each([
    { name: '50 MB of text', make: () => 'x'.repeat(50 * 2 ** 20) },
    { name: 'an array of 10 million elements', make: () => Array.from<number>({ length: 10_000_000 }).fill(1) },
    { name: 'an array of 4 billion holes', make: () => Object.assign([], { length: 4_000_000_000 }) },
    { name: '200,000 levels', make: deep },
    { name: 'a proxy without end', make: endlessProxy },
    {
      name: 'shared parts that double at each of 60 levels',
      make: () => Array.from({ length: 60 }).reduce<unknown>((inner) => [inner, inner], 'x'),
    },
    { name: 'text that JSON makes twice as long', make: () => '"'.repeat(2 ** 20) },
    { name: 'text of four-byte characters', make: () => '😀'.repeat(2 ** 18) },
  ])('INVARIANT H1: $name stays within the bounds', async ({ make }) => {
    const value = make();

    expect(jsonBytes(await sanitize(value))).toBeLessThanOrEqual(SIZES.toolOutput);
    expect(jsonBytes(toLedgerJson(value, []))).toBeLessThanOrEqual(2 ** 20);
  });

  it('INVARIANT H1: any JSON stays within the bound, has no hidden characters, and is left alone when it is small and clean', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const output = await sanitize(value);
        expect(jsonBytes(output)).toBeLessThanOrEqual(SIZES.toolOutput);
        expect(findHiddenIn(output)).toBeUndefined();
        expect(await sanitize(output)).toEqual(output);
      }),
    );
  });
});

describe('what the model sees of an output', () => {
  it('INVARIANT T3: has no hidden characters in texts and keys, and no key hides another', async () => {
    expect(await sanitize({ 'a\u200B': 'x\u202Ey', a: 'second', 'b\u{E0041}': 1 })).toEqual({
      a: 'xy',
      'a (2)': 'second',
      b: 1,
    });
  });

  it('has no secrets, known ones and those that hidden characters break up included', async () => {
    const key = `ghp_${'a1B2'.repeat(9)}`;
    const output = await sanitize(
      { a: `${key.slice(0, 8)}\u200B${key.slice(8)}`, b: ['my-known-secret'], 'my-known-secret': 1 },
      ['my-known-secret'],
    );

    expect(output).toEqual({
      a: '[redacted: github token]',
      b: ['[redacted: known secret]'],
      '[redacted: known secret]': 1,
    });
  });

  it('names the artifact that holds the whole, cleaned, and where to read on', async () => {
    const { artifacts, kept, textOf } = makeArtifacts();
    const whole = `${'line of ünicode "text"\n'.repeat(5_000)}secret-secret\u202E`;

    const { output, artifacts: made } = await sanitizeOutput({
      output: whole,
      task,
      artifacts,
      secrets: ['secret-secret'],
    });

    const [, shown, total, id, offset] =
      /\[cut: (\d+) of (\d+) bytes shown; the whole is the artifact (\S+); read on with read_artifact \{"id":"[^"]+","offset":(\d+)\}\]$/.exec(
        text(output),
      ) ?? [];
    expect(made.map((each) => each.id)).toEqual([id]);
    expect(kept.get(id ?? '')?.mediaType).toBe('text/plain');
    expect(textOf(id ?? '')).toBe(`${'line of ünicode "text"\n'.repeat(5_000)}[redacted: known secret]`);
    expect(Buffer.byteLength(textOf(id ?? ''))).toBe(Number(total));
    expect(offset).toBe(shown);
    const rest = Buffer.from(textOf(id ?? ''))
      .subarray(Number(offset))
      .toString('utf8');
    expect(text(output).replace(/\n\[cut: .*$/, '') + rest).toBe(textOf(id ?? ''));
  });

  it('says that the artifact is cut where the whole is larger than an artifact may be', async () => {
    const { artifacts, kept } = makeArtifacts();

    const { output } = await sanitizeOutput({ output: 'é'.repeat(20 * 2 ** 20), task, artifacts, secrets: [] });

    expect(text(output)).toMatch(/which holds the first 33554432 bytes\]$/);
    expect(kept.get('a-0')?.bytes.length).toBe(MAX_ARTIFACT);
  });

  it('keeps a structure that is too long as JSON', async () => {
    const { artifacts, kept, textOf } = makeArtifacts();
    const rows = Array.from({ length: 5_000 }, (_, n) => ({ n, text: 'row' }));

    await sanitizeOutput({ output: rows, task, artifacts, secrets: [] });

    expect(kept.get('a-0')?.mediaType).toBe('application/json');
    expect(JSON.parse(textOf('a-0'))).toEqual(rows);
  });

  it('has artifacts in the place of attachments, and of bytes', async () => {
    const { artifacts, kept, textOf } = makeArtifacts();
    const base64 = Buffer.from([0x89, 0x50, 0x4e, 0x47]).toString('base64');
    const output = {
      picture: { $attachment: { mediaType: 'image/PNG', base64 } },
      list: [Buffer.from('raw')],
      text: { $attachment: { mediaType: 'text/html', base64: Buffer.from('<b>top-secret-1</b>').toString('base64') } },
      wrong: { $attachment: { mediaType: 'x"><script>', base64: 'AAAA' } },
      none: { $attachment: 'not an attachment' },
    };

    const made = await sanitizeOutput({ output, task, artifacts, secrets: ['top-secret-1'] });

    expect(made.output).toEqual({
      picture: { artifact: 'a-0', mediaType: 'image/png', bytes: 4 },
      list: [{ artifact: 'a-1', mediaType: 'application/octet-stream', bytes: 3 }],
      text: { artifact: 'a-2', mediaType: 'text/html', bytes: 31 },
      wrong: { artifact: 'a-3', mediaType: 'application/octet-stream', bytes: 3 },
      none: { $attachment: 'not an attachment' },
    });
    expect(kept.get('a-0')?.bytes).toEqual(Buffer.from(base64, 'base64'));
    expect(textOf('a-2')).toBe('<b>[redacted: known secret]</b>');
  });

  it('is bounded in the number of attachments', async () => {
    const { artifacts, kept } = makeArtifacts();

    await sanitizeOutput({ output: Array.from({ length: 100 }, () => Buffer.from('x')), task, artifacts, secrets: [] });

    expect(kept.size).toBe(32);
  });

  it('costs next to nothing for an ordinary output', async () => {
    const output = {
      id: 'order-17',
      items: Array.from({ length: 10 }, (_, n) => ({ n, text: 'the quick brown fox jumps over the lazy dog' })),
    };
    const secrets = ['a-known-secret-value'];
    const { artifacts } = makeArtifacts();
    const times = [];
    for (let n = 0; n < 3_000; n++) {
      const startedAt = performance.now();
      await sanitizeOutput({ output, task, artifacts, secrets });
      times.push(performance.now() - startedAt);
    }

    expect(times.sort((a, b) => a - b)[1_500]).toBeLessThan(0.1);
  });
});

describe('the ledger’s form of an output', () => {
  it('keeps attachments in line, so that a replayed output has them too', async () => {
    const output = toLedgerJson({ file: Buffer.from('abc') }, []);

    expect(output).toEqual({ file: { $attachment: { mediaType: 'application/octet-stream', base64: 'YWJj' } } });
    expect(await sanitize(output)).toEqual({
      file: { artifact: 'a-0', mediaType: 'application/octet-stream', bytes: 3 },
    });
  });

  it('is redacted and cut with a marker', () => {
    expect(toLedgerJson({ a: 'hunter-2-hunter' }, ['hunter-2-hunter'])).toEqual({ a: '[redacted: known secret]' });
    expect(toLedgerJson('"'.repeat(2 ** 20), [])).toMatch(/\[cut: an output of 1048576 bytes\]$/);
  });
});

describe('an error’s text', () => {
  it('is cleaned, redacted and cut', () => {
    expect(cleanText('connect postgres://u:pw@h\u001B[31m', [])).toBe('connect postgres://u:[redacted: password]@h');
    expect(Buffer.byteLength(cleanText('x'.repeat(2 ** 24)))).toBeLessThan(5_000);
  });
});
