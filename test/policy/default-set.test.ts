import { describe, expect, it } from 'vitest';
import type { PolicyRequest } from '../../src/gateway/ports.ts';
import { DIGEST, makeEngine, makeRequest, refund } from './support.ts';

type Case = {
  readonly name: string;
  readonly tool: Partial<PolicyRequest['tool']>;
  readonly unattended: boolean;
  readonly codes: readonly string[];
};

const CASES: readonly Case[] = [
  { name: 'a read runs unattended', tool: { effect: 'read' }, unattended: true, codes: ['policy_permits'] },
  {
    name: 'an unmarked read too',
    tool: { effect: 'read', unattended: false },
    unattended: true,
    codes: ['policy_permits'],
  },
  { name: 'a write marked so runs unattended', tool: {}, unattended: true, codes: ['policy_permits'] },
  { name: 'an unclassified write asks', tool: { unattended: false }, unattended: false, codes: ['unclassified'] },
  { name: 'a destructive tool asks', tool: { effect: 'destructive' }, unattended: false, codes: ['destructive'] },
  {
    name: 'a changed read asks',
    tool: { effect: 'read', isChanged: true },
    unattended: false,
    codes: ['surface_changed'],
  },
  {
    name: 'a changed destructive tool asks for both reasons',
    tool: { effect: 'destructive', isChanged: true },
    unattended: false,
    codes: ['surface_changed', 'destructive'],
  },
];

describe('the default set', () => {
  it.each(CASES)('$name', async ({ tool, unattended, codes }) => {
    const engine = await makeEngine();

    const { call, callUnattended } = engine.decide(makeRequest({ tool }));

    expect(call.isAllowed).toBe(true);
    expect(callUnattended.isAllowed).toBe(unattended);
    expect(callUnattended.reasons.map(({ code }) => code)).toEqual(codes);
  });

  it('says what cannot be taken back, and by which policy', async () => {
    const engine = await makeEngine();

    const { callUnattended } = engine.decide(makeRequest({ tool: { effect: 'destructive' } }));

    expect(callUnattended.reasons).toEqual([
      {
        code: 'destructive',
        message: 'refund cannot be taken back',
        policy: 'default.destructive',
        policyDigest: DIGEST,
      },
    ]);
  });

  it('lets no policy of the host lift what always asks', async () => {
    const engine = await makeEngine('permit (principal, action, resource);');

    const { callUnattended } = engine.decide(makeRequest({ tool: { effect: 'destructive' } }));

    expect(callUnattended.isAllowed).toBe(false);
  });

  it('lets a policy of the host classify a tool', async () => {
    const engine = await makeEngine(
      '@id("classified") permit (principal, action == Action::"callUnattended", resource is Tool::refund);',
    );

    const { callUnattended } = engine.decide(makeRequest({ tool: { unattended: false } }));

    expect(callUnattended.reasons).toMatchObject([{ policy: 'classified' }]);
  });
});

describe('the vocabulary', () => {
  const NOW = Date.parse('2026-01-04T23:30:00Z');
  const RULES: [string, string, Omit<Partial<PolicyRequest>, 'tool'>?][] = [
    ['the principal', 'principal == User::"ana" && principal.id == "ana"'],
    ['its roles, as groups and as texts', 'principal in Role::"support" && principal.roles.contains("support")'],
    ['its tenant', 'principal has tenant && principal.tenant == "acme"'],
    ['the agent', 'context.agent == Agent::"refunds"'],
    ['the task', 'context.task == "task-1"'],
    ['the tool', 'resource is Tool::refund && resource.name == "refund" && resource == Tool::refund::"refund"'],
    ['facts of the tool', 'resource.effect == "write" && resource.risk == "medium" && resource.unattended'],
    [
      'more facts',
      '!(resource.openWorld || resource.egress || resource.idempotent || resource.compensable || resource.isChanged)',
    ],
    [
      'arguments',
      'resource is Tool::refund && resource.args.amount == decimal("20.0") && resource.args.orderId == "17"',
    ],
    ['absent arguments', 'resource is Tool::refund && !(resource.args has note)'],
    ['usage', 'context.usage.steps == 1 && context.usage.toolCalls == 2 && context.usage.tokens == 340'],
    ['cost, rounded up', 'context.usage.costCents == 2'],
    ['time', 'context.now == datetime("2026-01-04T23:30:00Z") && context.hour == 23 && context.weekday == 7'],
    ['trust', 'context.contextUntrusted', { isContextUntrusted: true }],
    [
      'where arguments come from',
      'context.untrustedArgs.contains("/orderId") && context.inventedArgs == ["/amount"] && context.trustedArgs.isEmpty()',
      { provenance: { '/orderId': { source: 'untrusted' }, '/amount': { source: 'model' } } },
    ],
    ['what cannot be seen', 'context.unseenArgs == ["/extra"]', { args: { orderId: '17', amount: 20, extra: 1 } }],
  ];

  it.each(RULES)('has %s', async (_name, condition, given = {}) => {
    const engine = await makeEngine(
      `@id("x") @reason("because") forbid (principal, action == Action::"call", resource) when { ${condition} };`,
      { now: () => NOW },
    );

    const { call, callUnattended } = engine.decide(makeRequest(given));

    expect(call.reasons).toEqual([{ code: 'policy_forbids', message: 'because', policy: 'x', policyDigest: DIGEST }]);
    expect(callUnattended.isAllowed).toBe(true);
  });

  it('puts tools into sets by the dots of their names', async () => {
    const tool = { ...refund, name: 'shop.money.refund' };
    const engine = await makeEngine(
      'forbid (principal, action, resource in Toolset::"shop") when { resource in Toolset::"shop.money" };',
      { only: [tool, refund] },
    );

    const inside = engine.decide(makeRequest({ args: { orderId: '17', amount: 1 } }, tool));
    const outside = engine.decide(makeRequest());

    expect(inside.call.isAllowed).toBe(false);
    expect(outside.call.isAllowed).toBe(true);
  });
});
