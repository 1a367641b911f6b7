import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCedar } from '../../src/policy/cedar.ts';
import { createPolicyEngine } from '../../src/policy/engine.ts';
import { readPolicySet } from '../../src/policy/policy-set.ts';
import { makeEngine, makeFolder, makeRequest, recordingLog, refund } from './support.ts';

const ALL = 'forbid (principal, action, resource);';

const start = async (files: Record<string, string>, patterns: readonly string[] = ['*.cedar']) => {
  const baseDir = await makeFolder(files);
  const { lines, log } = recordingLog();
  const engine = await createPolicyEngine({ tools: () => [refund], files: { patterns, baseDir }, log, watchMs: 10 });
  onTestFinished(engine.close);
  return { engine, lines, path: (name: string) => join(baseDir, name) };
};

describe('files of policies', () => {
  const BAD: readonly (readonly [string, string, RegExp])[] = [
    [
      'a syntax error',
      '// ünï\npermit (principal, action\n  resource);',
      /^rules\.cedar:3:3: unexpected token `resource`/,
    ],
    [
      'a type error',
      '@id("x")\nforbid (principal, action, resource is Tool::refund)\nwhen { resource.args.amout == 1 };',
      /^rules\.cedar:3:8: attribute `args\.amout` on entity type `Tool::refund` not found \(did you mean `amount`\?\)/,
    ],
    [
      'an unsafe access',
      'forbid (principal, action, resource)\nwhen { principal.tenant == "x" };',
      /^rules\.cedar:2:8: unable to guarantee safety/,
    ],
    [
      'an unknown tool',
      'forbid (principal, action, resource is Tool::refnud);',
      /^rules\.cedar:1:40: unrecognized entity type `Tool::refnud`/,
    ],
    [
      'an unknown action',
      'forbid (principal, action == Action::"cal", resource);',
      /^rules\.cedar:1:\d+: unrecognized action/,
    ],
    [
      'one id twice',
      `@id("x") ${ALL}\n@id("x") ${ALL}`,
      /^rules\.cedar:2:1: the id x stands in rules\.cedar:1:1 already/,
    ],
    [
      'an id of the platform',
      `@id("default.call") ${ALL}`,
      /^rules\.cedar:1:1: ids that begin with default\. are the platform's/,
    ],
    ['an id of spaces', `@id("a b") ${ALL}`, /must have 1 to 120 visible characters/],
    ['a template', 'permit (principal == ?principal, action, resource);', /^rules\.cedar:1:1: templates/],
    [
      'brackets that are too deep',
      `forbid (principal, action, resource) when { ${'('.repeat(5_000)}true${')'.repeat(5_000)} };`,
      /nested too deep/,
    ],
  ];

  it.each(BAD)('with %s stop the worker, naming line and column', async (_name, text, message) => {
    await expect(makeEngine(text)).rejects.toThrow(message);
    await expect(makeEngine(text)).rejects.toMatchObject({ name: 'PolicyError' });
  });

  it('name everything that is wrong at once', async () => {
    const bad = start({ 'a.cedar': 'permit (', 'b.cedar': 'forbid (principal)' });

    await expect(bad).rejects.toThrow(/a\.cedar:1:\d+: [^]+\nb\.cedar:1:\d+: /);
  });

  it('that are not there stop the worker', async () => {
    await expect(start({}, ['policies/*.cedar'])).rejects.toThrow(/no file in .* is named by "policies\/\*\.cedar"/);
  });

  it('that are no text stop the worker', async () => {
    const baseDir = await makeFolder();
    await writeFile(join(baseDir, 'a.cedar'), Buffer.from([0x70, 0xff, 0xfe]));

    const engine = createPolicyEngine({
      tools: () => [],
      files: { patterns: ['*.cedar'], baseDir },
      log: recordingLog().log,
    });

    await expect(engine).rejects.toThrow(/^a\.cedar: cannot be read/);
  });

  it('whose policies can never apply are reported, and taken', async () => {
    const { engine, lines } = await start({
      'a.cedar': 'forbid (principal, action, resource) when { resource is Tool::refund && false };',
    });

    expect(lines).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/a\.cedar:1:1: policy is impossible/) },
    ]);
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(true);
  });

  it('number policies without an id, also the tenth', async () => {
    const rules = Array.from(
      { length: 12 },
      (_, index) =>
        `forbid (principal, action, resource is Tool::refund) when { resource.args.orderId == "${index + 1}" };`,
    );
    const engine = await makeEngine(rules.join('\n'));

    const policyOf = (orderId: string) =>
      engine.decide(makeRequest({ args: { orderId, amount: 1 } })).call.reasons[0]?.policy;

    expect(['1', '2', '9', '10', '11', '12'].map(policyOf)).toEqual(
      ['1', '2', '9', '10', '11', '12'].map((n) => `rules#${n}`),
    );
  });
});

describe('a change of files', () => {
  it('is taken within a second, with another digest', async () => {
    const { engine, path } = await start({ 'a.cedar': '// nothing yet' });
    const before = engine.digest();
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(true);

    await writeFile(path('a.cedar'), ALL);

    await vi.waitUntil(() => engine.digest() !== before);
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(false);
  });

  it('also by a new file, or one that went away', async () => {
    const { engine, path } = await start({ 'a.cedar': '// nothing yet' });
    const before = engine.digest();

    await writeFile(path('b.cedar'), ALL);
    await vi.waitUntil(() => engine.digest() !== before);
    const between = engine.decide(makeRequest()).call.isAllowed;
    await rm(path('b.cedar'));
    await vi.waitUntil(() => engine.digest() === before);

    expect([between, engine.decide(makeRequest()).call.isAllowed]).toEqual([false, true]);
  });

  it.each([
    ['does not parse', 'permit (principal, action', /a\.cedar:1:/],
    [
      'does not type',
      'forbid (principal, action, resource is Tool::refund) when { resource.args.x == 1 };',
      /a\.cedar:1:/,
    ],
  ])('that %s keeps the old set, and is logged', async (_name, text, problem) => {
    const { engine, lines, path } = await start({ 'a.cedar': ALL });
    const before = engine.digest();

    await writeFile(path('a.cedar'), text);

    await vi.waitUntil(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'error', fields: { problem: expect.stringMatching(problem) } }]);
    expect(engine.digest()).toBe(before);
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(false);

    await writeFile(path('a.cedar'), '// mended');
    await vi.waitUntil(() => engine.digest() !== before);
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(true);
  });

  it('that removes every file keeps the old set', async () => {
    const { engine, lines, path } = await start({ 'a.cedar': ALL });

    await rm(path('a.cedar'));

    await vi.waitUntil(() => lines.some(({ level }) => level === 'error'));
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(false);
  });
});

describe('the digest', () => {
  const cedar = createCedar();
  const digest = (texts: readonly string[]) =>
    readPolicySet(
      cedar,
      texts.map((text, index) => ({ name: `${index}.cedar`, text })),
    ).digest;

  it('changes if and only if a text changes', () => {
    const text = fc
      .array(fc.constantFrom(ALL, `@reason("x") ${ALL}`, '// x', '// y', ' '), { maxLength: 3 })
      .map((parts) => parts.join('\n'));
    const texts = fc.array(text, { maxLength: 3 });

    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(digest(one) === digest(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
        expect(digest([...one])).toBe(digest(one));
      }),
      { numRuns: 200 },
    );
  });

  it('is the same wherever the files are, and however lines end', async () => {
    const one = await makeEngine(`// a\n${ALL}`);
    const other = await makeEngine(`// a\r\n${ALL}`);

    expect(one.digest()).toBe(other.digest());
    expect(one.digest()).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
