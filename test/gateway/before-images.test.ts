import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jsonBytes } from '../../src/domain/json.ts';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { approve, makeGateway, newContext } from './support.ts';

const input = z.object({ text: z.string().optional() });
type Fields = Partial<ToolDefinition<typeof input, z.ZodType>>;

/** A document that a tool replaces when a person says yes, and how often it was looked at. */
const makeDoc = (text: unknown, fields: Fields = {}) => {
  const doc = { text, looks: 0, writes: [] as unknown[] };
  const tool = defineTool({
    name: 'write',
    description: 'Write the document',
    effect: 'destructive',
    input,
    snapshot: () => {
      doc.looks += 1;
      return doc.text as string;
    },
    preview: ({ text }) => text ?? null,
    execute: ({ text }) => {
      doc.writes.push(text);
      doc.text = text;
      return 'written';
    },
    ...fields,
  });
  return { doc, tool };
};

const never = () => new Promise<never>(() => undefined);
const codes = (ask: { readonly verdict: { readonly reasons: readonly { readonly code: string }[] } } | undefined) =>
  ask?.verdict.reasons.map(({ code }) => code);

describe('what a reviewer is shown of a change', () => {
  it('is a diff of what stands there and what will', async () => {
    const { tool, doc } = makeDoc('a\nb\nc\n');
    const { review } = await makeGateway([tool]);

    const { change } = await review('write', newContext(), { args: { text: 'a\nB\nc\n' } });

    expect(change).toEqual({ diff: '--- before\n+++ after\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c' });
    expect(doc.looks).toBe(1);
  });

  it('is what stands there, where the tool does not say what becomes of it', async () => {
    const { tool } = makeDoc({ b: 1, a: ['x'] }, { preview: undefined as never });
    const { review } = await makeGateway([tool]);

    expect((await review('write', newContext())).change).toEqual({
      before: '{\n  "a": [\n    "x"\n  ],\n  "b": 1\n}\n',
    });
  });

  it('is of values too: keys in one order, so that only what differs differs', async () => {
    const { tool } = makeDoc({ limit: 5, name: 'ana' }, { preview: () => ({ name: 'ana', limit: 5_000 }) });
    const { review } = await makeGateway([tool]);

    const { change } = await review('write', newContext());

    expect(change?.diff).toContain('-  "limit": 5,\n+  "limit": 5000,\n   "name": "ana"');
  });

  it.each([
    ['nothing was there', null, 'new\n', /^--- \/dev\/null\n\+\+\+ after\n[^]*\+new$/],
    ['nothing is left', 'old\n', undefined, /^--- before\n\+\+\+ \/dev\/null\n[^]*-old$/],
    ['nothing changes', 'same', 'same', /^\(nothing changes\)$/],
    ['only a line feed goes', 'a\r\nb\n', 'a\nb\n', /-a␍\n\+a\n b$/],
    ['the end of a long line changes', `${'x'.repeat(900)}5`, `${'x'.repeat(900)}5000`, /x5\n[^]*x5000\n/],
  ])('where %s', async (_, before, after, expected) => {
    const { tool } = makeDoc(before);
    const { review } = await makeGateway([tool]);

    const { change } = await review('write', newContext(), after === undefined ? {} : { args: { text: after } });

    expect(change?.diff).toMatch(expected);
  });

  it('holds no secrets, also where the place that changes lies in the middle of one', async () => {
    const key = Array.from({ length: 30 }, (_, n) => `${'MIIEvQ'.repeat(9)}${n}`).join('\n');
    const pem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
    const { tool } = makeDoc(`pass=hunter2-hunter2\n${pem}\nend\n`, {
      preview: () => `pass=hunter2-hunter2\n${pem.replace('MIIEvQ20', 'MIIEvQ21')}\nEND\n`,
    });
    const { review } = await makeGateway([tool], { secrets: ['hunter2-hunter2'] });

    const { change } = await review('write', newContext());

    expect(change?.diff).toContain('+END');
    expect(JSON.stringify(change)).not.toMatch(/hunter2|MIIE/);
  });

  it('of a secret alone says that there is something that is not shown', async () => {
    const { tool } = makeDoc('hunter2-hunter2', { preview: () => 'hunter3-hunter3' });
    const { review } = await makeGateway([tool], { secrets: ['hunter2-hunter2', 'hunter3-hunter3'] });

    expect((await review('write', newContext())).change).toMatchObject({
      diff: expect.stringContaining('not shown'),
      isCut: true,
    });
  });

  it('has no hidden characters', async () => {
    const { tool } = makeDoc('a\u202Eb\u200B\u001B[31m');
    const { review } = await makeGateway([tool]);

    expect((await review('write', newContext(), { args: { text: 'c' } })).change?.diff).toContain('-ab\n');
  });

  const random = (seed: number) => {
    let at = seed;
    return Array.from({ length: 20_000 }, () => {
      at = (at * 1_103_515_245 + 12_345) % 2_147_483_648;
      return `line ${at % 100}`;
    }).join('\n');
  };

  it.each([
    ['200 KB against 200 KB, line by line another', random(1), random(2)],
    ['one line of 200 KB against another', 'x'.repeat(200_000), 'y'.repeat(200_000)],
    ['200,000 empty lines against half of them', '\n'.repeat(200_000), '\n'.repeat(100_000)],
    ['5 MB against nothing', 'word '.repeat(1_000_000), ''],
    ['control characters and quotes that grow as JSON', '"\\\n'.repeat(50_000), '\\"\n'.repeat(50_000)],
  ])('is bounded, and says so: %s', async (_, before, after) => {
    const { tool } = makeDoc(before, { preview: () => after });
    const { review } = await makeGateway([tool]);

    const { change } = await review('write', newContext());

    expect(change?.isCut).toBe(true);
    expect(jsonBytes(change)).toBeLessThan(7_000);
    expect(change?.diff).toMatch(/~ \d+ more/);
  });

  it('is bounded for all calls of a proposal together, and each is looked at once', async () => {
    const { tool, doc } = makeDoc('x\n'.repeat(2_000), { preview: undefined as never });
    const { gateway } = await makeGateway([tool]);
    const calls = Array.from({ length: 60 }, (_, n) => ({
      id: `s1.c${n + 1}`,
      providerId: '',
      name: 'write',
      arguments: '{}',
    }));

    const { reviews } = await gateway.review({ calls, context: newContext(), needsDecision: false });

    expect(jsonBytes(reviews.map(({ change }) => change))).toBeLessThan(120_000);
    expect(reviews.at(-1)?.change).toEqual({ isCut: true });
    expect(new Set(reviews.map(({ digest }) => digest)).size).toBe(1);
    expect(doc.looks).toBe(60);
  });
});

describe('a hook of a tool that goes wrong when a person is to be asked', () => {
  const tells = { verdict: { outcome: 'ask', reasons: [{ code: 'destructive' }, { code: 'change_unknown' }] } };
  const fails = (): never => {
    throw new Error('no connection with password hunter2-hunter2');
  };

  it.each([
    ['snapshot throws', { snapshot: fails }],
    ['snapshot hangs', { snapshot: never, timeout: '1s' }],
    ['snapshot gives no JSON', { snapshot: () => 1n as never }],
    ['snapshot is nested without end', { snapshot: () => JSON.parse('['.repeat(9_000) + ']'.repeat(9_000)) }],
    ['preview throws', { preview: fails }],
    ['preview hangs', { preview: never, timeout: '1s' }],
    ['preview gives nothing', { preview: () => undefined as never }],
  ] satisfies [string, Fields][])('%s: it asks, and says why it cannot be seen', async (_, fields) => {
    const { tool } = makeDoc('a', fields);
    const { review } = await makeGateway([tool], { secrets: ['hunter2-hunter2'] });

    const reviewed = await review('write', newContext());

    expect(reviewed).toMatchObject(tells);
    expect(JSON.stringify(reviewed)).not.toContain('hunter2');
  });

  it.each([
    ['a function', () => () => 1],
    ['a big integer', () => ({ n: 1n })],
    [
      'a circle',
      () => {
        const circle: Record<string, unknown> = {};
        circle['self'] = circle;
        return circle;
      },
    ],
    ['both sides, of which none is there', () => ({ $diff: {} })],
    ['both sides, of which one is nonsense', () => ({ $diff: { before: 7, after: { $diff: 1 } } })],
  ])('a preview that gives %s breaks nothing', async (_, preview) => {
    const { tool } = makeDoc('a', { preview: preview as never });
    const { review } = await makeGateway([tool]);

    expect((await review('write', newContext())).change).toBeDefined();
  });

  it('a preview that changes the before-image changes neither what is compared nor what is kept', async () => {
    const { tool } = makeDoc(
      { n: 1 },
      {
        preview: (_, before) => {
          (before as { n: number }).n = 2;
          return before;
        },
        compensate: () => undefined,
      },
    );
    const { review, run, store } = await makeGateway([tool]);
    const context = newContext();

    const approval = approve(context, await review('write', context));
    await run('write', context, { approval });

    const [row] = await store.ledger.ofTask(context, { limit: 1 });
    expect(row).toMatchObject({ state: 'succeeded', snapshot: { n: 1 } });
  });

  it('hangs for some calls of many: all are asked about in a bounded time', async () => {
    const { tool } = makeDoc('a', { snapshot: never });
    const { gateway } = await makeGateway([tool]);
    const calls = Array.from({ length: 40 }, (_, n) => ({
      id: `s1.c${n + 1}`,
      providerId: '',
      name: 'write',
      arguments: '{}',
    }));

    const { reviews } = await gateway.review({ calls, context: newContext(), needsDecision: false });

    expect(reviews).toHaveLength(40);
    for (const review of reviews) expect(review).toMatchObject(tells);
  }, 20_000);
});

describe('a before-image is not taken', () => {
  it.each([
    ['of a read', { effect: 'read', egress: true }],
    ['of a call that runs without a person', { effect: 'write' }],
    ['of a tool on a task queue of its own: its system may be out of reach', { taskQueue: 'far' }],
  ] satisfies [string, Fields][])('%s', async (_, fields) => {
    const { tool, doc } = makeDoc('a', fields);
    const { review } = await makeGateway([tool]);

    const { change, verdict } = await review('write', newContext());

    expect(change).toBeUndefined();
    expect(verdict.reasons.map(({ code }) => code)).not.toContain('change_unknown');
    expect(doc.looks).toBe(0);
  });
});

describe('INVARIANT A1: the before-image at execution', () => {
  it('is taken once, compared, and stored as it was compared', async () => {
    const { tool, doc } = makeDoc('old');
    const { review, run, store } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('write', context, { args: { text: 'new' } }));
    doc.looks = 0;

    const ran = await run('write', context, { approval, args: { text: 'new' } });

    expect(ran.result.status).toBe('succeeded');
    expect(doc.looks).toBe(1);
    expect((await store.ledger.ofTask(context, { limit: 1 }))[0]?.snapshot).toBe('old');
  });

  it('that is another one than was approved voids the approval: asked again, with the change of now', async () => {
    const { tool, doc } = makeDoc('old\n');
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const args = { text: 'new\n' };
    const asked = await review('write', context, { args });
    doc.text = 'somebody else was here\n';

    const void_ = await run('write', context, { approval: approve(context, asked), args });

    expect(codes(void_.ask)).toEqual(['destructive', 'before_changed']);
    expect(void_.ask?.digest).not.toBe(asked.digest);
    expect(void_.ask?.change?.diff).toContain('-somebody else was here\n+new');
    expect(doc.writes).toEqual([]);

    const { ask } = void_;
    if (ask === undefined) throw new Error('not asked');
    const ran = await run('write', context, { approval: approve(context, ask), args });
    expect(ran.result.status).toBe('succeeded');
    expect(doc.writes).toEqual(['new\n']);
  });

  it('that changes while the call waits for its turn voids the approval as well', async () => {
    const { tool, doc } = makeDoc('old', { maxConcurrent: 1 });
    let refused = 0;
    const { review, run, store } = await makeGateway([tool], {
      store: (own) => ({
        ...own,
        limits: {
          ...own.limits,
          admit: async (...given) => {
            const admitted = await own.limits.admit(...given);
            refused += admitted.ok ? 0 : 1;
            return admitted;
          },
        },
      }),
    });
    const context = newContext();
    const asked = await review('write', context, { args: { text: 'new' } });
    const subject = { tool: 'write', principal: context.principal };
    const place = await store.limits.admit(subject, { holder: 'other', ttlMs: 60_000, maxConcurrent: 1 });
    if (!place.ok) throw new Error('no place');

    const running = run('write', context, { approval: approve(context, asked), args: { text: 'new' } });
    await expect.poll(() => refused).toBeGreaterThan(0);
    doc.text = 'somebody else was here';
    await store.limits.report(subject, place.ticket, { kind: 'none' });

    expect(codes((await running).ask)).toContain('before_changed');
    expect(doc.writes).toEqual([]);
  });

  it('that cannot be taken keeps the call from running, whatever was approved', async () => {
    let isBroken = false;
    const { tool, doc } = makeDoc('old', {
      snapshot: () => {
        if (isBroken) throw new Error('gone');
        return 'old';
      },
    });
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('write', context));
    isBroken = true;

    const { result } = await run('write', context, { approval });

    expect(result).toMatchObject({ status: 'rejected', output: expect.stringContaining('could not be kept') });
    expect(doc.writes).toEqual([]);
  });

  it.each([
    ['a shutdown: the next worker takes the call over', 'WORKER_SHUTDOWN', 'Error: WORKER_SHUTDOWN'],
    ['a cancellation: the call did not begin', 'CANCELLED', 'failed'],
  ])('that is cut off by %s', async (_, why, expected) => {
    const stop = new AbortController();
    const { tool, doc } = makeDoc('old', {
      snapshot: (_given, { signal }) => {
        if (doc.looks++ === 0) return 'old';
        stop.abort(new Error(why));
        throw signal.reason;
      },
    });
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('write', context));

    const running = run('write', context, { approval, signal: stop.signal });

    expect(await running.then(({ result }) => result.status, String)).toBe(expected);
    expect(doc.writes).toEqual([]);
  });

  it('that could not be shown at the review is no part of the approval: nobody is asked for it twice', async () => {
    const { tool, doc } = makeDoc('old', { taskQueue: 'far' });
    const { review, run, store } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('write', context, { args: { text: 'new' } }));

    await run('write', context, { approval, args: { text: 'new' } });

    expect(doc.writes).toEqual(['new']);
    expect((await store.ledger.ofTask(context, { limit: 1 }))[0]?.snapshot).toBe('old');
  });

  it('is shown with a question that only the execution asks', async () => {
    const { tool } = makeDoc('old\n');
    const { run } = await makeGateway([tool]);

    const { ask } = await run('write', newContext(), { args: { text: 'new\n' } });

    expect(ask?.change?.diff).toContain('-old\n+new');
  });
});
