import { describe, expect, it } from 'vitest';
import { DIGEST, makeEngine, makeRequest } from './support.ts';

const ASK =
  '@id("mine") @reason("ask me") forbid (principal, action == Action::"callUnattended", resource is Tool::refund) when { resource.args.amount.greaterThan(decimal("10.0")) };';

const deep = (depth: number) =>
  `forbid (principal, action, resource) when { ${'('.repeat(depth)}true${')'.repeat(depth)} };`;
const long = (count: number) =>
  `forbid (principal, action, resource) when { ${Array(count).fill('1').join('+')} == 1 };`;
const attributes = `forbid (principal, action, resource) when { context${'.a'.repeat(4_000)} == 1 };`;

describe('rules of a task', () => {
  it('forbid what the base set permits, for this task', async () => {
    const engine = await makeEngine();

    const without = engine.decide(makeRequest());
    const under = engine.decide(makeRequest({ rules: ASK }));

    expect(without.callUnattended.isAllowed).toBe(true);
    expect(under.call.isAllowed).toBe(true);
    expect(under.callUnattended.reasons).toEqual([
      { code: 'policy_forbids', message: 'ask me', policy: 'task.mine', policyDigest: DIGEST },
    ]);
  });

  it('may forbid the call itself', async () => {
    const engine = await makeEngine();

    const { call } = engine.decide(makeRequest({ rules: 'forbid (principal, action, resource);' }));

    expect(call.reasons).toMatchObject([{ code: 'policy_forbids', policy: 'task.rules#1' }]);
  });

  it('that err count against the call', async () => {
    const engine = await makeEngine();

    const { callUnattended } = engine.decide(makeRequest({ rules: ASK, args: { orderId: '17' } }));

    expect(callUnattended.reasons).toMatchObject([{ code: 'policy_error', policy: 'task.mine' }]);
  });

  it('cannot take the name of a policy of the base set', async () => {
    const engine = await makeEngine('@id("cap") forbid (principal, action, resource is Tool::refund);');

    const { call } = engine.decide(
      makeRequest({ rules: '@id("cap") forbid (principal, action, resource) when { false };' }),
    );

    expect(call.reasons).toMatchObject([{ policy: 'cap' }]);
  });

  const BAD: readonly (readonly [string, string, RegExp])[] = [
    ['a permit', 'permit (principal, action, resource);', /^rules:1:1: rules of a task may only forbid/],
    [
      'a permit behind a forbid',
      `${ASK}\npermit (principal, action, resource);`,
      /^rules:2:1: rules of a task may only forbid/,
    ],
    ['a syntax error', 'forbid (principal, action\nresource);', /^rules:2:1: unexpected token `resource`/],
    [
      'an unknown argument',
      'forbid (principal, action, resource is Tool::refund) when { resource.args.amout == 1 };',
      /attribute `args\.amout` .*did you mean/,
    ],
    [
      'an unknown tool',
      'forbid (principal, action, resource is Tool::refnud);',
      /unrecognized entity type `Tool::refnud`/,
    ],
    ['nothing', '// nothing', /there is no policy/],
    ['a template', 'forbid (principal == ?principal, action, resource);', /templates/],
    ['too many', 'forbid (principal, action, resource);'.repeat(51), /at most 50 policies/],
    ['too long a text', `${ASK}//${'x'.repeat(16_384)}`, /longer than 16384 bytes/],
    ['deep brackets', deep(500), /brackets are nested more than 32 deep/],
    ['very deep brackets', deep(5_000), /brackets are nested more than 32 deep/],
    ['a long chain of operators', long(500), /deeper than 64 operators/],
    ['a very long one', long(5_000), /deeper|deep to be read/],
    ['a long chain of attributes', attributes, /deeper|deep to be read/],
    [
      'many clauses',
      `forbid (principal, action, resource) ${'when { true }'.repeat(1_000)};`,
      /deeper than 64 operators/,
    ],
    [
      'a long pattern',
      `forbid (principal, action, resource) when { context.task like "*${'a'.repeat(2_000)}b" };`,
      /patterns of `like` have more than 1024 characters/,
    ],
    ['one id twice', `${ASK}\n${ASK}`, /the id mine stands twice/],
  ];

  it.each(BAD)('with %s are refused, and harm no other task', async (_name, rules, problem) => {
    const engine = await makeEngine();

    expect(engine.checkRules(rules)).toMatch(problem);
    expect(engine.checkRules(rules)).toMatch(problem);

    expect(engine.checkRules(ASK)).toBeUndefined();
    expect(engine.decide(makeRequest()).callUnattended.isAllowed).toBe(true);
  });

  it('that are no rules, and came by another way, allow nothing', async () => {
    const engine = await makeEngine();

    const { call, callUnattended } = engine.decide(makeRequest({ rules: 'permit (principal, action, resource);' }));

    expect([call, callUnattended]).toMatchObject([
      { isAllowed: false, reasons: [{ code: 'rules_invalid' }] },
      { isAllowed: false, reasons: [{ code: 'rules_invalid' }] },
    ]);
  });

  it('as deep and as long as they may be are decided', async () => {
    const engine = await makeEngine();
    const rules = [deep(30), long(60)].join('\n');

    expect(engine.checkRules(rules)).toBeUndefined();
    expect(engine.decide(makeRequest({ rules })).call.reasons).toMatchObject([{ policy: 'task.rules#1' }]);
  });

  it('of many tasks are kept apart', async () => {
    const engine = await makeEngine();
    const rulesOf = (order: number) =>
      `forbid (principal, action, resource is Tool::refund) when { resource.args.orderId == "${order}" };`;

    const decide = (rules: number, order: number) =>
      engine.decide(makeRequest({ rules: rulesOf(rules), args: { orderId: String(order), amount: 1 } })).call.isAllowed;

    // More than are kept parsed, and then the first ones again.
    const orders = [...Array(300).keys(), 0, 1, 2];
    expect(orders.filter((order) => decide(order, order))).toEqual([]);
    expect(orders.filter((order) => !decide(order, order + 1))).toEqual([]);
  });
});
