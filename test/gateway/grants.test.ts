import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coversPattern, type Grant, matchesTool, valueAt } from '../../src/domain/grants.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { checkGrants, compileGrants, isShown } from '../../src/gateway/grants.ts';
import { intersectGrants, isSubset } from '../../src/gateway/narrower.ts';

const refund = (args: Record<string, JsonObject>): Grant => ({ tool: 'refund', args });
/** Milliseconds of this process's own work: what others do on the machine does not count. */
const timeOf = (work: () => unknown): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

const failureOf = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

const isGranted = (grants: readonly Grant[], args: JsonObject, tool = 'refund'): boolean =>
  checkGrants(grants, tool, args).ok;

describe('a tool pattern', () => {
  it.each([
    { pattern: 'orders.*', tool: 'orders.find', isMatch: true },
    { pattern: 'orders.*', tool: 'orders.lines.find', isMatch: true },
    { pattern: 'orders.*', tool: 'orders', isMatch: false },
    { pattern: '*', tool: 'anything', isMatch: true },
    { pattern: 'a*a', tool: 'a', isMatch: false },
    { pattern: '*.read', tool: 'files.read', isMatch: true },
    { pattern: 'files.re.d', tool: 'files.read', isMatch: false },
  ])('$pattern and $tool: $isMatch', ({ pattern, tool, isMatch }) => {
    expect(matchesTool(pattern, tool)).toBe(isMatch);
  });

  it('of ten thousand stars holds nobody', () => {
    expect(timeOf(() => matchesTool('*a'.repeat(10_000), 'a'.repeat(20_000)))).toBeLessThan(50);
  });

  it('covers another one only where it names every tool that the other one names', () => {
    const part = fc.constantFrom('a', 'b', '.', '*');
    const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, pattern, fc.stringMatching(/^[ab.]{0,8}$/), (outer, inner, tool) => {
        const isCovered = !coversPattern(outer, inner) || !matchesTool(inner, tool) || matchesTool(outer, tool);
        expect(isCovered).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

type Row = { name: string; grants: Grant[]; args: JsonObject; isGranted: boolean };

const ROWS: Row[] = [
  { name: 'a pattern without constraints', grants: ['ref*'], args: { amount: 1e9 }, isGranted: true },
  { name: 'another tool’s grant', grants: ['orders.*'], args: {}, isGranted: false },
  { name: 'no grants', grants: [], args: {}, isGranted: false },
  {
    name: 'an amount at its limit',
    grants: [refund({ amount: { maximum: 50 } })],
    args: { amount: 50 },
    isGranted: true,
  },
  {
    name: 'an amount over it',
    grants: [refund({ amount: { maximum: 50 } })],
    args: { amount: 50.01 },
    isGranted: false,
  },
  {
    name: 'a text where a number is limited',
    grants: [refund({ amount: { maximum: 50 } })],
    args: { amount: '9999' },
    isGranted: false,
  },
  {
    name: 'a list where a number is limited',
    grants: [refund({ amount: { maximum: 50 } })],
    args: { amount: [9999] },
    isGranted: false,
  },
  {
    name: 'null where a number is limited',
    grants: [refund({ amount: { maximum: 50 } })],
    args: { amount: null },
    isGranted: false,
  },
  { name: 'a missing argument', grants: [refund({ amount: { maximum: 50 } })], args: {}, isGranted: false },
  {
    name: 'a missing argument that any value would do for',
    grants: [refund({ amount: {} })],
    args: {},
    isGranted: false,
  },
  {
    name: 'one constraint of two',
    grants: [refund({ amount: { maximum: 50 }, to: { const: 'ana' } })],
    args: { amount: 5, to: 'eve' },
    isGranted: false,
  },
  {
    name: 'both constraints',
    grants: [refund({ amount: { maximum: 50 }, to: { const: 'ana' } })],
    args: { amount: 5, to: 'ana' },
    isGranted: true,
  },
  {
    name: 'the second grant',
    grants: [refund({ amount: { maximum: 50 } }), refund({ to: { const: 'ana' } })],
    args: { amount: 500, to: 'ana' },
    isGranted: true,
  },
  {
    name: 'neither grant',
    grants: [refund({ amount: { maximum: 50 } }), refund({ to: { const: 'ana' } })],
    args: { amount: 500, to: 'eve' },
    isGranted: false,
  },
  {
    name: 'a nested argument by pointer',
    grants: [refund({ '/order/lines/0/price': { maximum: 5 } })],
    args: { order: { lines: [{ price: 4 }] } },
    isGranted: true,
  },
  {
    name: 'a nested argument over its limit',
    grants: [refund({ '/order/lines/0/price': { maximum: 5 } })],
    args: { order: { lines: [{ price: 6 }] } },
    isGranted: false,
  },
  {
    name: 'a nested argument that is missing',
    grants: [refund({ '/order/lines/0/price': { maximum: 5 } })],
    args: { order: { lines: [] } },
    isGranted: false,
  },
  { name: 'a name with a slash', grants: [refund({ 'a/b~c': { const: 1 } })], args: { 'a/b~c': 1 }, isGranted: true },
  {
    name: 'limits of all items',
    grants: [refund({ ids: { items: { enum: [1, 2] } } })],
    args: { ids: [1, 3] },
    isGranted: false,
  },
  {
    name: 'texts where numbers of a list are limited',
    grants: [refund({ ids: { items: { maximum: 2 } } })],
    args: { ids: ['9'] },
    isGranted: false,
  },
  { name: 'an inherited property', grants: [refund({ toString: {} })], args: {}, isGranted: false },
  {
    name: 'an inherited required property',
    grants: [refund({ order: { required: ['toString'] } })],
    args: { order: {} },
    isGranted: false,
  },
  {
    name: 'a list’s length',
    grants: [refund({ '/ids/length': { maximum: 3 } })],
    args: { ids: [1] },
    isGranted: false,
  },
  {
    name: 'a matching pattern',
    grants: [refund({ to: { pattern: '^[a-z.]+@example\\.com$' } })],
    args: { to: 'ana@example.com' },
    isGranted: true,
  },
  {
    name: 'a pattern that does not match',
    grants: [refund({ to: { pattern: '^[a-z.]+@example\\.com$' } })],
    args: { to: 'ana@example.com.evil' },
    isGranted: false,
  },
  { name: 'negation', grants: [refund({ to: { not: { const: 'eve' } } })], args: { to: 'eve' }, isGranted: false },
  {
    name: 'a schema that is none',
    grants: [refund({ amount: { maximum: 'fifty' } })],
    args: { amount: 1 },
    isGranted: false,
  },
];

describe('a call is granted', () => {
  it.each(ROWS)('$name: $isGranted', ({ grants, args, isGranted: expected }) => {
    expect(isGranted(grants, args)).toBe(expected);
  });

  it('by the agent’s tools where a task has no grants', () => {
    expect(checkGrants(undefined, 'refund', undefined)).toEqual({ ok: true });
  });

  it('never without arguments where one is constrained', () => {
    expect(checkGrants([refund({ amount: {} })], 'refund', undefined).ok).toBe(false);
  });

  it('or told why not', () => {
    const limited = checkGrants([refund({ amount: { maximum: 50 } })], 'refund', { amount: 70 });
    expect(limited).toMatchObject({
      reason: { code: 'not_granted', message: expect.stringMatching(/\/amount must be <= 50/) },
    });
    expect(checkGrants([], 'refund', {})).toMatchObject({
      reason: { code: 'not_granted', message: 'this task has no grant for refund' },
    });
    const chosen = checkGrants([refund({ to: { enum: ['ana', 'ben'] } })], 'refund', { to: 'eve' });
    expect(chosen).toMatchObject({ reason: { message: expect.stringContaining('"ana","ben"') } });
  });

  it('by a pattern of its own, whatever others were compiled before', () => {
    const to = (pattern: string) => [refund({ to: { pattern } })];
    expect([
      isGranted(to('^x$'), { to: 'x' }),
      isGranted(to('^y$'), { to: 'x' }),
      isGranted(to('^y$'), { to: 'y' }),
    ]).toEqual([true, false, true]);
  });

  it('INVARIANT T2: or refused, for any grants and any arguments, without a throw', () => {
    const json = fc.jsonValue() as fc.Arbitrary<Json>;
    const keyword = fc.constantFrom(
      'maximum',
      'pattern',
      'type',
      'enum',
      'items',
      'not',
      '$ref',
      'properties',
      'x',
      'anyOf',
    );
    const schema = fc.dictionary(keyword, json) as fc.Arbitrary<JsonObject>;
    const grant = fc.record({ tool: fc.constant('t'), args: fc.dictionary(fc.string(), schema, { maxKeys: 3 }) });
    fc.assert(
      fc.property(
        fc.array(grant, { maxLength: 3 }),
        fc.dictionary(fc.string(), json) as fc.Arbitrary<JsonObject>,
        (grants, args) => {
          expect(typeof checkGrants(grants, 't', args).ok).toBe('boolean');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is shown where any grant names the tool', () => {
    expect([
      isShown(undefined, 'a'),
      isShown([], 'a'),
      isShown([refund({ amount: {} })], 'refund'),
      isShown(['b.*'], 'a'),
    ]).toEqual([true, false, true, false]);
  });
});

const hostile: { name: string; schema: JsonObject; value: Json }[] = [
  { name: 'nested repetition', schema: { pattern: '^(a+)+$' }, value: `${'a'.repeat(60_000)}!` },
  { name: 'ambiguous choices', schema: { pattern: '^(a|a|aa|a|a)*b' }, value: 'a'.repeat(60_000) },
  { name: 'many unbounded repetitions', schema: { pattern: '.*.*.*.*.*.*.*.*.*.*=x' }, value: '='.repeat(60_000) },
  {
    name: 'a pattern for every item',
    schema: { items: { pattern: '(x+x+)+y' } },
    value: Array.from({ length: 3_000 }, () => 'xxxxxxxxxxxxxxxxxx'),
  },
  {
    name: 'a pattern for every name',
    schema: { patternProperties: { '(x+x+)+y': {} } },
    value: Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`${'x'.repeat(15)}${n}`, 1])),
  },
  { name: 'all pairs', schema: { uniqueItems: true }, value: Array.from({ length: 30_000 }, (_, n) => n) },
  {
    name: 'a long list of choices for every item',
    schema: { items: { enum: Array.from({ length: 500 }, (_, n) => n) } },
    value: Array.from({ length: 30_000 }, () => 'x'),
  },
];

describe('a hostile constraint', () => {
  it.each(hostile)('takes little time: $name', ({ schema, value }) => {
    const grants = [refund({ value: schema })];
    isGranted(grants, { value: null });
    expect(timeOf(() => isGranted(grants, { value }))).toBeLessThan(50);
  });

  it('of which there are many takes no more time than one', () => {
    const grants = Array.from({ length: 100 }, (_, n) => refund({ value: { pattern: `(a|a)*(b|b)*${n}$` } }));
    isGranted(grants, { value: 'a' });
    expect(timeOf(() => isGranted(grants, { value: 'a'.repeat(60_000) }))).toBeLessThan(100);
  });
});

describe('a constraint', () => {
  it.each([
    { name: 'a misspelt keyword', schema: { maximun: 50 }, message: /unknown keyword: "maximun"/ },
    { name: 'a remote reference', schema: { $ref: 'https://example.com/schema' }, message: /"\$ref" is not supported/ },
    { name: 'a reference to itself', schema: { items: { $ref: '#' } }, message: /"\$ref" is not supported/ },
    { name: 'an id', schema: { $id: 'x' }, message: /"\$id"/ },
    { name: 'a format, which would check nothing', schema: { format: 'email' }, message: /"format" is not supported/ },
    { name: 'a type that is none', schema: { type: 'banana' }, message: /schema is invalid/ },
    { name: 'a broken pattern', schema: { pattern: '(' }, message: /Unterminated group/ },
    { name: 'a reference back', schema: { pattern: '(a)\\1' }, message: /refers back/ },
    { name: 'a look ahead', schema: { pattern: '(?!a)b' }, message: /looks ahead/ },
    { name: 'too many repetitions', schema: { pattern: '(a{1000}){1000}' }, message: /too many/ },
  ] as { name: string; schema: JsonObject; message: RegExp }[])(
    'is refused with its place: $name',
    ({ schema, message }) => {
      const failure = failureOf(() => compileGrants(['orders.*', refund({ amount: {}, 'to the/x': schema })]));
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ type: 'Spec.Invalid', nonRetryable: true });
      expect(String(failure)).toContain('grants[1].args["to the/x"]');
      expect(String(failure)).toMatch(message);
    },
  );

  it('may have properties that are named like what is refused', () => {
    const grants = [refund({ order: { properties: { $ref: { const: 1 }, format: { const: 'a' } } } })];
    compileGrants(grants);
    expect([isGranted(grants, { order: { $ref: 1 } }), isGranted(grants, { order: { format: 'b' } })]).toEqual([
      true,
      false,
    ]);
  });

  it('names own properties only', () => {
    expect([
      valueAt({}, '/__proto__'),
      valueAt({ a: {} }, '/a/constructor'),
      valueAt([1], '/0'),
      valueAt([1], '/length'),
    ]).toEqual([undefined, undefined, 1, undefined]);
  });
});

const schemas: JsonObject[] = [
  {},
  { maximum: 50 },
  { maximum: 10 },
  { minimum: 5, maximum: 10 },
  { type: 'integer', maximum: 10 },
  { type: 'number' },
  { type: ['number', 'string'] },
  { const: 7 },
  { enum: [7, 'a'] },
  { const: 'a' },
  { pattern: '^a' },
  { minLength: 2 },
  { not: { maximum: 10 } },
  { allOf: [{ maximum: 10 }, { minimum: 7 }] },
  { anyOf: [{ maximum: 10 }, { const: 'a' }] },
  { items: { maximum: 10 } },
  { maximum: 'ten' },
  { title: 5 },
];
const values: Json[] = [7, 7.5, 10, 11, 51, 'a', 'ab', 'b', null, [], [7], [11], ['a'], {}, true];

describe('narrower grants', () => {
  const one = fc.constantFrom(...schemas);
  const grant: fc.Arbitrary<Grant> = fc.oneof(
    fc.constantFrom('*', 'refund', 're*', 'orders.*'),
    fc.record({
      tool: fc.constantFrom('*', 'refund', 're*'),
      args: fc.dictionary(fc.constantFrom('x', '/x', 'y'), one, { maxKeys: 2 }),
    }),
  );
  const grants = fc.array(grant, { maxLength: 3 });
  const args = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom(...values)) as fc.Arbitrary<JsonObject>;

  it('cover no call that the wider ones do not cover', () => {
    fc.assert(
      fc.property(grants, grants, args, (inner, outer, call) => {
        const isCovered = !isSubset(inner, outer) || !isGranted(inner, call) || isGranted(outer, call);
        expect(isCovered).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('of tools cover what both cover, and nothing else', () => {
    const tool = fc.record({
      tool: fc.constant('refund'),
      args: fc.dictionary(fc.constantFrom('x', 'y'), one, { maxKeys: 2 }),
    });
    fc.assert(
      fc.property(fc.array(tool, { maxLength: 2 }), grants, args, (inner, outer, call) => {
        const both = intersectGrants(inner, outer);
        expect(isGranted(both, call)).toBe(isGranted(inner, call) && isGranted(outer, call));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    { name: 'anything under everything', inner: ['a'], outer: undefined, isNarrower: true },
    { name: 'everything under something', inner: undefined, outer: ['a.*'], isNarrower: false },
    { name: 'everything under *', inner: undefined, outer: ['*'], isNarrower: true },
    { name: 'nothing under nothing', inner: [], outer: [], isNarrower: true },
    { name: 'a tool under its pattern', inner: ['orders.find'], outer: ['orders.*'], isNarrower: true },
    { name: 'a pattern under a tool', inner: ['orders.*'], outer: ['orders.find'], isNarrower: false },
    { name: 'a constraint that is lost', inner: ['refund'], outer: [refund({ x: { maximum: 5 } })], isNarrower: false },
    { name: 'a constraint more', inner: [refund({ x: { maximum: 5 } })], outer: ['refund'], isNarrower: true },
    {
      name: 'a lower maximum',
      inner: [refund({ x: { maximum: 5 } })],
      outer: [refund({ '/x': { maximum: 50 } })],
      isNarrower: true,
    },
    {
      name: 'a higher maximum',
      inner: [refund({ x: { maximum: 51 } })],
      outer: [refund({ x: { maximum: 50 } })],
      isNarrower: false,
    },
    {
      name: 'a value within a maximum',
      inner: [refund({ x: { const: 7 } })],
      outer: [refund({ x: { maximum: 50 } })],
      isNarrower: true,
    },
    {
      name: 'what cannot be told',
      inner: [refund({ x: { pattern: '^ab' } })],
      outer: [refund({ x: { pattern: '^a' } })],
      isNarrower: false,
    },
  ] as { name: string; inner?: Grant[]; outer?: Grant[]; isNarrower: boolean }[])(
    '$name: $isNarrower',
    ({ inner, outer, isNarrower }) => {
      expect(isSubset(inner, outer)).toBe(isNarrower);
    },
  );
});
