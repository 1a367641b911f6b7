import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.ts';
import { makeEngine, makeRequest, makeTool, rawTool, refund } from './support.ts';

const CAP =
  '@id("cap") forbid (principal, action == Action::"call", resource is Tool::refund) when { resource.args.amount.greaterThan(decimal("50.0")) };';

describe('INVARIANT T2: what Cedar cannot hold counts against the call', () => {
  const JSON_TEXTS: readonly (readonly [string, string])[] = [
    ['null', 'null'],
    ['a text', '"51"'],
    ['a float out of range', '1e308'],
    ['a float of many digits', '50.00001'],
    ['an integer out of range', '900719925474099300'],
    ['the sum of two floats', '0.30000000000000004'],
    ['an entity', '{"__entity":{"type":"User","id":"root"}}'],
    ['an extension value', '{"__extn":{"fn":"decimal","arg":"1.0"}}'],
    ['an expression', '{"__expr":"decimal(\\"1.0\\")"}'],
    ['a list', '[1]'],
    ['nothing at all', 'true'],
  ];

  it.each(JSON_TEXTS)('a policy looks at %s: the call is refused', async (_name, text) => {
    const engine = await makeEngine(CAP);

    const { call } = engine.decide(
      makeRequest({ args: JSON.parse(`{"orderId":"17","amount":${text}}`) as JsonObject }),
    );

    expect(call).toMatchObject({ isAllowed: false, reasons: [{ code: 'arguments_not_encodable' }] });
  });

  it('judges 1.5 exactly', async () => {
    const engine = await makeEngine(CAP.replace('50.0', '1.4999'));

    const decide = (amount: number) => engine.decide(makeRequest({ args: { orderId: '17', amount } })).call.isAllowed;

    expect([1.5, 1.4999, 0, -0, -3].map(decide)).toEqual([false, true, true, true, true]);
  });

  it('does not judge another integer than the one that was written', async () => {
    const tool = makeTool('pay', z.object({ cents: z.int() }));
    const engine = await makeEngine(
      'forbid (principal, action == Action::"call", resource is Tool::pay) when { resource.args.cents == 9007199254740993 };',
      { only: [tool] },
    );

    const args = JSON.parse('{"cents":9007199254740993}') as JsonObject;

    expect(engine.decide(makeRequest({ args }, tool)).call.reasons).toMatchObject([
      { code: 'arguments_not_encodable' },
    ]);
  });

  it('a required argument is missing: the policy errs, and is not skipped', async () => {
    const engine = await makeEngine(CAP);

    const { call } = engine.decide(makeRequest({ args: { orderId: '17' } }));

    expect(call).toMatchObject({ isAllowed: false, reasons: [{ code: 'policy_error', policy: 'cap' }] });
  });

  it('a permit that errs counts as well, for the question it belongs to', async () => {
    const engine = await makeEngine(
      '@id("p") permit (principal, action == Action::"callUnattended", resource is Tool::refund) when { resource.args.orderId == "1" };',
    );

    const { call, callUnattended } = engine.decide(makeRequest({ args: { amount: 1 }, tool: { effect: 'read' } }));

    expect(call.isAllowed).toBe(true);
    expect(callUnattended).toMatchObject({ isAllowed: false, reasons: [{ code: 'policy_error', policy: 'p' }] });
  });

  it('arithmetic that overflows errs, and is not skipped', async () => {
    const tool = makeTool('pay', z.object({ cents: z.int() }));
    const engine = await makeEngine(
      '@id("sum") forbid (principal, action, resource is Tool::pay) when { resource.args.cents * 9000000000 * 9000000000 > 5 };',
      { only: [tool] },
    );

    const { call, callUnattended } = engine.decide(makeRequest({ args: { cents: 9_000_000_000 } }, tool));

    expect(call.reasons).toMatchObject([{ code: 'policy_error', policy: 'sum' }]);
    expect(callUnattended.isAllowed).toBe(false);
  });

  it('an effect with a value that nobody could judge asks; a read does not', async () => {
    const engine = await makeEngine();
    const args = { orderId: '17', amount: 1.000001 };

    const write = engine.decide(makeRequest({ args }));
    const read = engine.decide(makeRequest({ args, tool: { effect: 'read' } }));

    expect(write.call.isAllowed).toBe(true);
    expect(write.callUnattended.reasons).toMatchObject([{ code: 'arguments_not_encodable' }]);
    expect(read.callUnattended.isAllowed).toBe(true);
  });

  it('many arguments that have no type do not hide one that cannot be encoded', async () => {
    const engine = await makeEngine();
    const extra = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]));

    const { callUnattended } = engine.decide(makeRequest({ args: { ...extra, orderId: '17', amount: 1e300 } }));

    expect(callUnattended.isAllowed).toBe(false);
  });

  it('null is absence where the schema lets it', async () => {
    const engine = await makeEngine(
      'forbid (principal, action, resource is Tool::refund) when { resource.args has note };',
    );

    const decide = (note: string | null) => engine.decide(makeRequest({ args: { orderId: '17', amount: 1, note } }));

    expect(decide(null).call.isAllowed).toBe(true);
    expect(decide('x').call.isAllowed).toBe(false);
  });

  it('keys that Cedar or JavaScript takes as its own never become attributes', async () => {
    const tool = rawTool(
      'odd',
      JSON.parse(
        '{"type":"object","properties":{"__entity":{"type":"string"},"__extn":{"type":"string"},"__proto__":{"type":"string"},"constructor":{"type":"string"}}}',
      ) as JsonObject,
    );
    const engine = await makeEngine(
      '@id("c") forbid (principal, action, resource is Tool::odd) when { resource.args has constructor && resource.args.constructor == "x" };',
      { only: [tool] },
    );
    const args = JSON.parse(
      '{"__entity":{"type":"User","id":"root"},"__extn":{"fn":"decimal","arg":"1.0"},"__proto__":{"constructor":"y"},"constructor":"x"}',
    ) as JsonObject;

    expect(engine.decide(makeRequest({ args }, tool)).call.reasons).toMatchObject([{ policy: 'c' }]);
    expect(
      engine.decide(makeRequest({ args: JSON.parse('{"__proto__":{"constructor":"x"}}') as JsonObject }, tool)).call
        .isAllowed,
    ).toBe(true);
  });

  it('decides about any arguments without throwing', async () => {
    const tool = makeTool(
      'any',
      z.object({
        text: z.string(),
        list: z.array(z.number()),
        deep: z.object({ inner: z.object({ flag: z.boolean() }) }),
      }),
    );
    const engine = await makeEngine(
      'forbid (principal, action, resource is Tool::any) when { resource.args == {text: "a", list: [decimal("1.0")], deep: {inner: {flag: true}}} };',
      { only: [tool] },
    );
    const shaped = fc.record({ text: fc.anything(), list: fc.jsonValue(), deep: fc.jsonValue() }, { requiredKeys: [] });
    const json = fc.oneof(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      shaped.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    );

    fc.assert(
      fc.property(json, (args) => {
        const { call, callUnattended } = engine.decide(makeRequest({ args: args as JsonObject }, tool));
        expect([call, callUnattended].every(({ reasons }) => reasons.length > 0)).toBe(true);
        expect(call.reasons.map(({ message }) => message).join()).not.toContain('could not be asked');
      }),
      { numRuns: 500 },
    );
  });
});

describe('what policies look at', () => {
  // Arguments that no policy looks at are not sent. Each of these looks at the amount in a way of its own.
  const WAYS = [
    'resource.args.amount.greaterThan(decimal("50.0"))',
    '(if true then resource else resource).args.amount.greaterThan(decimal("50.0"))',
    '(if true then resource.args else resource.args).amount.greaterThan(decimal("50.0"))',
    '{"has": resource}["has"].args.amount.greaterThan(decimal("50.0"))',
    '{Value: resource.args}.Value.amount.greaterThan(decimal("50.0"))',
    '{Var: resource.args.amount}.Var.greaterThan(decimal("50.0"))',
    'resource["args"]["amount"].greaterThan(decimal("50.0"))',
    '[resource.args.amount].contains(decimal("60.0"))',
    'resource.args == {orderId: "17", amount: decimal("60.0")}',
    'resource.args has amount && resource.args.amount != decimal("20.0")',
    'resource has args.amount && decimal("50.0").lessThan(resource.args.amount)',
  ];

  it.each(WAYS)('%s', async (condition) => {
    const tool = makeTool('refund', z.object({ orderId: z.string(), amount: z.number() }));
    const engine = await makeEngine(
      `@id("x") forbid (principal, action == Action::"call", resource is Tool::refund) when { ${condition} };`,
      { only: [tool] },
    );

    const reasons = (amount: number) =>
      engine.decide(makeRequest({ args: { orderId: '17', amount } }, tool)).call.reasons;

    expect(reasons(20)).toMatchObject([{ code: 'policy_permits' }]);
    expect(reasons(60)).toMatchObject([{ code: 'policy_forbids', policy: 'x' }]);
    expect(reasons(1e300)).toMatchObject([{ code: 'arguments_not_encodable' }]);
  });
});

describe('a tool that the policies were not checked against', () => {
  it('is not called while they do not fit it', async () => {
    const tools = [refund];
    const engine = await makeEngine(CAP, { tools: () => tools });
    const changed = makeTool('refund', z.object({ amount: z.string() }));

    tools[0] = changed;
    const { call } = engine.decide(makeRequest({ args: { amount: '60' } }, changed));

    expect(call).toMatchObject({ isAllowed: false, reasons: [{ code: 'policy_error' }] });
    tools[0] = refund;
    expect(engine.decide(makeRequest()).call.isAllowed).toBe(true);
  });

  it('is taken in when it is called, if they do', async () => {
    const tools = [refund];
    const engine = await makeEngine(CAP, { tools: () => tools });
    const added = makeTool('orders.find', z.object({ id: z.string() }));

    tools.push(added);

    expect(engine.decide(makeRequest({ args: { id: '17' } }, added)).call.isAllowed).toBe(true);
    expect(engine.checkRules('forbid (principal, action, resource is Tool::orders::find);')).toBeUndefined();
  });

  it('is refused where it is no tool of this worker', async () => {
    const engine = await makeEngine();

    const { call, callUnattended } = engine.decide(makeRequest({}, makeTool('unknown')));

    expect([call.isAllowed, callUnattended.isAllowed]).toEqual([false, false]);
  });
});
