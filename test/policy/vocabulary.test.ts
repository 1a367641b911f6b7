import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ArgType } from '../../src/policy/arg-type.ts';
import { argTypes } from '../../src/policy/arg-types.ts';
import { toolsetsOf, toolType } from '../../src/policy/tool-type.ts';
import { makeEngine, makeRequest, makeTool, rawTool } from './support.ts';

const show = (type: ArgType): unknown => {
  if (type.kind === 'set') return [show(type.element)];
  if (type.kind !== 'record') return type.kind;
  return Object.fromEntries(
    [...type.fields].map(([name, field]) => [field.isRequired ? name : `${name}?`, show(field.type)]),
  );
};

const typesOf = (input: z.ZodType): unknown =>
  show(argTypes(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as JsonObject));

describe('types of arguments', () => {
  const CASES: readonly (readonly [string, z.ZodType, unknown])[] = [
    [
      'scalars',
      z.object({ a: z.string(), b: z.int(), c: z.number(), d: z.boolean() }),
      { a: 'string', b: 'long', c: 'decimal', d: 'bool' },
    ],
    [
      'what may be left out',
      z.object({ a: z.string().optional(), b: z.int().default(1) }),
      { 'a?': 'string', 'b?': 'long' },
    ],
    [
      'what may be null',
      z.object({ a: z.string().nullable(), b: z.array(z.int()).nullish() }),
      { 'a?': 'string', 'b?': ['long'] },
    ],
    [
      'closed lists of values',
      z.object({ a: z.enum(['x', 'y']), b: z.literal('z'), c: z.literal([1, 2]) }),
      { a: 'string', b: 'string', c: 'decimal' },
    ],
    ['records in sets', z.object({ a: z.array(z.object({ b: z.string() })) }), { a: [{ b: 'string' }] }],
    ['alternatives of one kind', z.object({ a: z.union([z.string(), z.literal('x')]) }), { a: 'string' }],
    [
      'alternatives of records',
      z.object({
        a: z.union([
          z.object({ t: z.literal('x'), n: z.int() }),
          z.object({ t: z.literal('y'), n: z.string(), m: z.int() }),
        ]),
      }),
      { a: { t: 'string', 'm?': 'long' } },
    ],
    [
      'what has both types',
      z.object({ a: z.intersection(z.object({ x: z.string() }), z.object({ y: z.int() })) }),
      { a: { x: 'string', y: 'long' } },
    ],
    [
      'nothing where no type fits',
      z.object({
        a: z.union([z.string(), z.int()]),
        b: z.record(z.string(), z.int()),
        c: z.unknown(),
        d: z.tuple([z.int()]),
        e: z.array(z.unknown()),
        f: z.string(),
      }),
      { b: {}, f: 'string' },
    ],
    [
      'names that Cedar takes as its own',
      z.object({ __entity: z.string(), __extn: z.string(), a: z.string() }),
      { a: 'string' },
    ],
  ];

  it.each(CASES)('%s', (_name, input, expected) => {
    expect(typesOf(input)).toEqual(expected);
  });

  it('follows references, and ends where they go round', () => {
    const schema = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/node' }, b: { $ref: '#/$defs/none' }, c: { $ref: 'http://example.com' } },
      $defs: { node: { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } } } },
    };

    expect(show(argTypes(schema))).toMatchObject({ 'a?': { 'name?': 'string', 'next?': { 'name?': 'string' } } });
    expect([...argTypes(schema).fields.keys()]).toEqual(['a']);
  });

  it('ends with a schema that refers to itself in many ways', () => {
    const many = Array.from({ length: 20 }, () => ({ $ref: '#' }));

    expect(argTypes({ type: 'object', properties: { a: { anyOf: many } }, allOf: many }).kind).toBe('record');
  });

  it('takes any schema', async () => {
    fc.assert(fc.property(fc.object({ maxDepth: 4 }), (schema) => argTypes(schema as JsonObject).kind === 'record'));
    const odd = rawTool('odd', {
      type: 'object',
      properties: { '': { type: 'string' }, 'a b"\\': { type: 'string' }, 'ü\u0000': { type: 'boolean' } },
    });
    const engine = await makeEngine(
      'forbid (principal, action, resource is Tool::odd) when { resource.args has "a b\\"\\\\" };',
      { only: [odd] },
    );
    expect(engine.decide(makeRequest({ args: { 'a b"\\': 'x', '': 'y' } }, odd)).call.isAllowed).toBe(false);
  });

  it('unites tools of two agents that share a name', async () => {
    const one = makeTool('search', z.object({ text: z.string(), limit: z.int() }));
    const other = makeTool('search', z.object({ text: z.string(), limit: z.string(), site: z.string() }));
    const rule = 'forbid (principal, action, resource is Tool::search) when { resource.args.text == "x" };';
    const engine = await makeEngine(rule, { only: [one, other] });

    expect(engine.decide(makeRequest({ args: { text: 'x', limit: 1 } }, one)).call.isAllowed).toBe(false);
    expect(
      engine.decide(makeRequest({ args: { text: 'y', limit: '1', site: 's' } }, other)).callUnattended.isAllowed,
    ).toBe(true);
  });
});

describe('names of tools', () => {
  it.each([
    ['refund', 'Tool::refund'],
    ['orders.find', 'Tool::orders::find'],
    ['send-mail', 'Tool::send_x2Dmail'],
    ['get_user', 'Tool::get_user'],
    ['2fa', 'Tool::_x32fa'],
    ['if', 'Tool::_x69f'],
    ['is.in', 'Tool::_x69s::_x69n'],
    ['User', 'Tool::_x55ser'],
    ['__cedar', 'Tool::_x5F_cedar'],
    ['_x2D', 'Tool::_x5Fx2D'],
    ['a..b', 'Tool::a::_x80::b'],
    ['ü', 'Tool::_xC3_xBC'],
  ])('%s is %s', (name, type) => {
    expect(toolType(name)).toBe(type);
  });

  const NAMES =
    'User Agent Role Toolset Tool Action if then else in is like has true false __cedar __proto__ constructor toString a a.b a.b.c a..b a. .a 2fa send-mail send_mail _x2D String Long Set Record Bool Boolean Entity Extension decimal datetime ipaddr duration principal resource context action permit forbid when type ünï 😀 - _ ... a/b a::b "';

  it('every name is a type that a policy can name', async () => {
    const tools = [...NAMES.split(' '), 'a b', 'a\nb', 'x'.repeat(60)].map((name) =>
      makeTool(name, z.object({ x: z.string() })),
    );
    const rules = tools.map(
      ({ name }, index) =>
        `@id("p${index}") forbid (principal, action, resource is ${toolType(name)}) when { resource.args.x == "bad" };`,
    );
    const engine = await makeEngine(rules.join('\n'), { only: tools });

    for (const [index, tool] of tools.entries()) {
      expect(engine.decide(makeRequest({ args: { x: 'bad' } }, tool)).call.reasons).toMatchObject([
        { policy: `p${index}` },
      ]);
      expect(engine.decide(makeRequest({ args: { x: 'good' } }, tool)).callUnattended.isAllowed).toBe(true);
    }
  });

  it('no two names share a type', () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[_x0-9A-F.-]{0,8}$/));
    fc.assert(
      fc.property(part, part, (one, other) => {
        expect(toolType(one) === toolType(other)).toBe(one === other);
      }),
      { numRuns: 5_000 },
    );
  });

  it('two names that look the same to Cedar are refused at the start', async () => {
    const start = makeEngine(undefined, { only: [makeTool('a\ud800'), makeTool('a\ufffd')] });

    await expect(start).rejects.toThrow(/are both Tool::a_xEF_xBF_xBD; rename one/);
  });

  it('sets are the names before the dots', () => {
    expect(toolsetsOf('files.text.read')).toEqual(['files.text', 'files']);
    expect(toolsetsOf('read')).toEqual([]);
  });
});
