import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askHuman } from '../../src/tools/ask-human.ts';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { approve, makeGateway, newContext, rule, vote } from './support.ts';

const input = z.object({ to: z.string().optional() });
type Fields = Partial<ToolDefinition<typeof input, z.ZodType>>;

/** A tool that asks, and what it did. */
const makePay = (fields: Fields = {}) => {
  const done: unknown[] = [];
  const execute = (given: unknown) => {
    done.push(given);
    return 'paid';
  };
  const tool = defineTool({ name: 'pay', description: 'Pay', effect: 'destructive', input, execute, ...fields });
  return { tool, done };
};

/** Nobody knows whether it happened. */
const isLost = () => Promise.reject(Object.assign(new Error('lost'), { code: 'ECONNRESET' }));

const codes = (ask: { readonly verdict: { readonly reasons: readonly { readonly code: string }[] } } | undefined) =>
  ask?.verdict.reasons.map(({ code }) => code);

describe('INVARIANT A1: an approval covers', () => {
  it('the arguments: others are asked about', async () => {
    const { tool, done } = makePay();
    const { run, review } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('pay', context, { args: { to: 'ana' } }));

    const ran = await run('pay', context, { approval, args: { to: 'eve' } });

    expect(ran.ask?.digest).not.toBe(approval.digest);
    expect(done).toEqual([]);
  });

  it.each([
    ['another call of this task', (id: string) => id.replace('s1.c1', 's1.c10')],
    ['another task', (id: string) => `x${id}`],
    ['another life of this task', (id: string) => id.replace('/e1/', '/e2/')],
    ['a call whose name begins alike', (id: string) => id.replace('s1.c1-', 's1.c1')],
  ])('one call: not %s', async (_, toId) => {
    const { tool, done } = makePay();
    const { run, review } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('pay', context));

    const ran = await run('pay', context, { approval: { ...approval, id: toId(approval.id) } });

    expect(codes(ran.ask)).toEqual(['destructive', 'approval_of_another']);
    expect(done).toEqual([]);
  });

  it('one effect: of two workers at once one does it', async () => {
    const { tool, done } = makePay();
    const workers = await Promise.all([makeGateway([tool]), makeGateway([tool]), makeGateway([tool])]);
    const context = newContext();
    const approval = approve(context, await workers[0].review('pay', context));

    await Promise.allSettled(workers.map(({ run }) => run('pay', context, { approval })));

    expect(done).toHaveLength(1);
  });

  it('the surface, also of one that covers several calls', async () => {
    const surfaced = (digest: 'sha256:one' | 'sha256:two') => ({
      ...makePay().tool,
      surface: { server: 's', digest } as const,
    });
    const before = await makeGateway([surfaced('sha256:one')]);
    const after = await makeGateway([surfaced('sha256:two')]);
    const context = newContext();
    const review = await before.review('pay', context);
    const standing = 's0.c1-aaaa';
    const approval = approve(context, review, { standing, id: `${context.taskId}/e1/${standing}/s1.c1` });

    expect(await after.run('pay', context, { approval })).toMatchObject({ ask: { tool: 'pay' } });
    expect((await after.review('pay', context)).toolDigest).not.toBe(review.toolDigest);
  });
});

describe('INVARIANT A1: a policy that was rewritten under its id', () => {
  const forbidding = (when: string) =>
    `@id("own.cap") forbid (principal, action == Action::"callUnattended", resource is Tool::pay) when { ${when} };`;
  const SMALL = forbidding('resource.args has to');
  const LARGE = forbidding('resource.args has to && resource.args.to != ""');

  const started = async () => {
    const { tool, done } = makePay({ effect: 'write' });
    const before = await makeGateway([tool], { policies: SMALL });
    const after = await makeGateway([tool], { policies: LARGE });
    const context = newContext();
    const review = await before.review('pay', context, { args: { to: 'ana' } });
    return { after, context, review, done };
  };

  it('asks again where an approval that stands let the call run: who gave it has not seen this call', async () => {
    const { after, context, review, done } = await started();
    const standing = 's0.c1-aaaa';
    const approval = approve(context, review, { standing, id: `${context.taskId}/e1/${standing}/s1.c1` });

    const ran = await after.run('pay', context, { approval, args: { to: 'ana' } });

    expect(codes(ran.ask)).toEqual(['policy_forbids']);
    expect(done).toEqual([]);
  });

  it('asks nobody again who approved this very call: it would not have asked anything else', async () => {
    const { after, context, review, done } = await started();

    await after.run('pay', context, { approval: approve(context, review), args: { to: 'ana' } });

    expect(done).toHaveLength(1);
  });
});

describe('INVARIANT E2: a standing approval', () => {
  it('is consumed once for each call, and lets each one run', async () => {
    const { tool, done } = makePay();
    const { run, review, store } = await makeGateway([tool]);
    const context = newContext();
    const standing = 's0.c1-aaaa';
    const of = async (callId: string) =>
      approve(context, await review('pay', context, { callId }), {
        standing,
        by: 'ana',
        id: `${context.taskId}/e1/${standing}/${callId}`,
      });
    const [first, second] = [await of('s1.c1'), await of('s2.c1')];

    expect((await run('pay', context, { approval: first })).result.status).toBe('succeeded');
    expect((await run('pay', context, { approval: second, callId: 's2.c1' })).result.status).toBe('succeeded');
    const again = await run('pay', context, { approval: first, callId: 's3.c1' });

    expect(codes(again.ask)).toContain('approval_of_another');
    expect(done).toHaveLength(2);
    const trail = await store.audit.page(context, { after: 0, limit: 100 });
    expect(trail.filter(({ entry }) => entry.type === 'attempt').map(({ entry }) => entry.detail)).toMatchObject([
      { approval: first.id, standing, by: 'ana', verified: false, rule: 'default' },
      { approval: second.id, standing },
    ]);
  });

  it('cannot be used twice for one call, whatever is looked at besides', async () => {
    const { tool } = makePay();
    const { run, review, store } = await makeGateway([tool]);
    const context = newContext();
    const id = `${context.taskId}/e1/s0.c1-aaaa/s1.c1`;
    const approval = approve(context, await review('pay', context), { id });
    await run('pay', context, { approval });

    const row = (await store.ledger.ofTask(context, { limit: 1 }))[0];
    const started = await store.ledger.start({
      kind: 'effect',
      key: `${row?.key}-other`,
      task: context,
      callId: 's1.c1',
      tool: 'pay',
      agent: 'a',
      principal: context.principal,
      argsDigest: 'sha256:00',
      leaseMs: 1_000,
      approval: id,
      audit: {
        type: 'attempt',
        callId: 's1.c1',
        tool: 'pay',
        agent: 'a',
        principal: 'ana',
        argsDigest: 'x',
        detail: {},
      },
    });

    expect(started).toEqual({ kind: 'approval_used' });
  });
});

const ALSO = `@id("own.also") forbid (principal, action == Action::"callUnattended", resource is Tool::pay);`;
const NEVER = `@id("own.never") forbid (principal, action == Action::"call", resource is Tool::pay);`;
const OTHER = `@id("own.other") forbid (principal, action == Action::"callUnattended", resource is Tool::pay)
  when { resource.effect == "read" };`;

describe('INVARIANT A1: a policy set that changed since the approval', () => {
  it.each([
    ['asks again where it asks for another reason, and shows them all', ALSO, ['destructive', 'policy_forbids']],
    ['does not ask again where it asks for nothing else', OTHER, undefined],
  ])('%s', async (_, policies, expected) => {
    const { tool, done } = makePay();
    const before = await makeGateway([tool]);
    const after = await makeGateway([tool], { policies });
    const context = newContext();
    const approval = approve(context, await before.review('pay', context));

    const ran = await after.run('pay', context, { approval });

    expect(codes(ran.ask)).toEqual(expected);
    expect(done).toHaveLength(expected === undefined ? 1 : 0);
  });

  it('and refuses now, refuses: nobody is asked', async () => {
    const { tool, done } = makePay();
    const before = await makeGateway([tool]);
    const after = await makeGateway([tool], { policies: NEVER });
    const context = newContext();
    const approval = approve(context, await before.review('pay', context));

    const ran = await after.run('pay', context, { approval });

    expect(ran).toMatchObject({ result: { status: 'rejected' } });
    expect(ran.ask).toBeUndefined();
    expect(done).toEqual([]);
  });

  it('and asks for the same under another name, asks again: that rule was not approved', async () => {
    const { tool } = makePay({ effect: 'write' });
    const before = await makeGateway([tool], { policies: ALSO });
    const after = await makeGateway([tool], { policies: ALSO.replace('own.also', 'own.new') });
    const context = newContext();
    const approval = approve(context, await before.review('pay', context));

    expect((await after.run('pay', context, { approval })).ask?.verdict.reasons).toMatchObject([{ policy: 'own.new' }]);
  });

  it('and asks for less, lets it run', async () => {
    const { tool, done } = makePay();
    const before = await makeGateway([tool], { policies: ALSO });
    const after = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await before.review('pay', context));

    await after.run('pay', context, { approval });

    expect(done).toHaveLength(1);
  });

  it('is not compared for tasks of before, whose approvals name no reasons', async () => {
    const { tool, done } = makePay();
    const before = await makeGateway([tool]);
    const after = await makeGateway([tool], { policies: ALSO });
    const context = newContext();
    const { reasons: _, ...approval } = approve(context, await before.review('pay', context));

    await after.run('pay', context, { approval });

    expect(done).toHaveLength(1);
  });
});

describe('INVARIANT A3: an approval that is too little for the rule of now', () => {
  const finance = rule({ name: 'finance', when: { tools: ['pay'] }, roles: ['finance'], quorum: 2 });
  const boss = rule({ name: 'boss', roles: ['clerk'], escalate: [{ afterMs: 1, roles: ['boss'] }] });
  const signed = (...votes: ReturnType<typeof vote>[]) => ({ verified: true, votes, by: 'somebody' });
  const enough = [vote('bob', 'finance'), vote('cleo', 'finance')];

  it.each([
    ['by a claim', finance, { by: 'bob' }, false],
    ['by a claim with votes that nobody verified', finance, { by: 'bob', verified: false, votes: enough }, false],
    ['by one of two', finance, signed(vote('bob', 'finance')), false],
    ['by one person twice', finance, signed(vote('bob', 'finance'), { ...vote('Bob', 'finance'), issuer: 'o' }), false],
    ['by people without the role', finance, signed(vote('bob', 'finance'), vote('cleo', 'sales')), false],
    ['by two with the role', finance, signed(...enough), true],
    ['verified, and nobody knows by whom', rule({ verified: true }), { verified: true, by: 'bob' }, false],
    ['by somebody who signed', rule({ verified: true }), signed(vote('bob')), true],
    ['by the principal', rule({ separate: true }), signed(vote('ana')), false],
    ['by the principal and somebody', rule({ separate: true }), signed(vote('ana'), vote('bob')), true],
    ['by a role that it escalates to', boss, signed(vote('bob', 'boss')), true],
    ['by anybody, where nobody is asked for', rule({}), {}, true],
  ])('%s', async (_, held, given, isEnough) => {
    const { tool, done } = makePay();
    const before = await makeGateway([tool]);
    const after = await makeGateway([tool], { approvalRules: [held] });
    const context = newContext();
    const approval = approve(context, await before.review('pay', context), given);

    const ran = await after.run('pay', context, { approval });

    expect(codes(ran.ask)).toEqual(isEnough ? undefined : ['destructive', 'approval_insufficient']);
    expect(done).toHaveLength(isEnough ? 1 : 0);
  });

  it('is told what it needs, with the rule of now', async () => {
    const before = await makeGateway([makePay().tool]);
    const after = await makeGateway([makePay().tool], { approvalRules: [finance] });
    const context = newContext();
    const approval = approve(context, await before.review('pay', context), { by: 'bob' });

    const { ask } = await after.run('pay', context, { approval });

    expect(ask).toMatchObject({ risk: 'high', rule: { name: 'finance' }, toolDigest: expect.any(String) });
    expect(ask?.verdict.reasons.at(-1)?.message).toBe('by the rules of now it needs: finance, 2 people, signed');
  });

  it('is too little also where it covers several calls', async () => {
    const { tool, done } = makePay();
    const { run, review } = await makeGateway([tool], { approvalRules: [finance] });
    const context = newContext();
    const standing = 's0.c1-aaaa';
    const id = `${context.taskId}/e1/${standing}/s1.c1`;
    const given = { standing, id, verified: true, votes: [vote('bob', 'finance')] };

    const ran = await run('pay', context, { approval: approve(context, await review('pay', context), given) });

    expect(codes(ran.ask)).toContain('approval_insufficient');
    expect(done).toEqual([]);
  });

  it('of a read as well', async () => {
    const read = defineTool({
      name: 'pay',
      description: 'x',
      effect: 'read',
      egress: true,
      input,
      execute: () => 'found',
    });
    const tool = withApproval(read, { requireConfirmation: true });
    const { run, review } = await makeGateway([tool], { approvalRules: [finance] });
    const context = newContext();
    const asked = await review('pay', context);

    expect(codes((await run('pay', context, { approval: approve(context, asked, { by: 'bob' }) })).ask)).toContain(
      'approval_insufficient',
    );
    const approval = approve(context, asked, signed(...enough));
    expect((await run('pay', context, { approval })).result.output).toBe('found');
  });

  it('stands with all who approved in the audit trail', async () => {
    const { run, review, store } = await makeGateway([makePay().tool], { approvalRules: [finance] });
    const context = newContext();
    const approval = approve(context, await review('pay', context), signed(...enough));

    await run('pay', context, { approval });

    const trail = await store.audit.page(context, { after: 0, limit: 100 });
    expect(trail.map(({ entry }) => entry.detail)).toMatchObject([
      { risk: 'high', rule: 'finance' },
      { rule: 'finance', verified: true, votes: [{ by: 'bob', issuer: 'acme' }, { by: 'cleo' }] },
      { status: 'succeeded' },
    ]);
  });
});

describe('the rule that a review names', () => {
  const rules = [
    rule({ name: 'own', when: { policies: ['own.also'] } }),
    rule({ name: 'high', when: { risks: ['high'], tenants: ['acme'] } }),
    rule({ name: 'questions', when: { kinds: ['answer'] } }),
  ];

  it('is found by the policies of its reasons, its risk and the tenant', async () => {
    const { tool } = makePay();
    const plain = await makeGateway([tool], { approvalRules: rules });
    const own = await makeGateway([tool], { approvalRules: rules, policies: ALSO });
    const acme = newContext({ principal: { id: 'ana', tenant: 'acme' } });

    expect((await plain.review('pay', acme)).rule?.name).toBe('high');
    expect((await plain.review('pay', newContext())).rule?.name).toBe('default');
    expect((await own.review('pay', acme)).rule?.name).toBe('own');
  });

  it('of the agent’s own question is one for answers', async () => {
    const { review } = await makeGateway([askHuman], { approvalRules: rules });

    expect(await review('ask_human', newContext(), { args: { question: 'Which one?' } })).toMatchObject({
      question: 'Which one?',
      rule: { name: 'questions' },
      risk: 'low',
    });
  });

  it('is none where nobody is asked', async () => {
    const { review } = await makeGateway([makePay({ effect: 'write' }).tool], { approvalRules: rules });

    const reviewed = await review('pay', newContext());

    expect(reviewed.verdict.outcome).toBe('allow');
    expect(reviewed).not.toHaveProperty('rule');
  });
});

describe('INVARIANT E6: a question about an effect that somebody else holds', () => {
  it('names every reason, so that one yes is enough', async () => {
    const { tool, done } = makePay({ effectKey: () => 'invoice-1', execute: isLost });
    const { tool: second, done: beside } = makePay({ effectKey: () => 'invoice-1' });
    const [one, other] = [await makeGateway([tool]), await makeGateway([second])];
    const tenant = `t-${newContext().taskId}`;
    const holder = newContext({ principal: { id: 'ana', tenant } });
    const waiting = newContext({ principal: { id: 'ana', tenant } });
    await one.run('pay', holder, { approval: approve(holder, await one.review('pay', holder)) });

    const approval = approve(waiting, await other.review('pay', waiting));
    const asked = (await other.run('pay', waiting, { approval, attempt: 100 })).ask;
    if (asked === undefined) throw new Error('not asked');
    const ran = await other.run('pay', waiting, { approval: approve(waiting, asked), attempt: 1 });

    expect(codes(asked)).toEqual(['destructive', 'effect_key_conflict']);
    expect(ran.result.status).toBe('succeeded');
    expect([done, beside]).toEqual([[], [{}]]);
  });
});

describe('INVARIANT E7: "it happened"', () => {
  it('says in the audit trail who said so, and whether that is proven', async () => {
    const { gateway, run, store } = await makeGateway([makePay({ effect: 'write', execute: isLost }).tool]);
    const context = newContext();
    const { result } = await run('pay', context);
    expect(result.status).toBe('unknown');
    const [row] = await store.ledger.ofTask(context, { limit: 1 });
    const call = { id: 's1.c1', tool: 'pay', args: {} };
    const at = '2026-01-01T00:00:00Z';
    const human = { decision: 'approved', verified: true, by: 'bob', at, votes: [vote('bob', 'ops')] } as const;

    await gateway.resolve({ call, context, key: row?.key ?? '', happened: true, human });

    const trail = await store.audit.page(context, { after: 0, limit: 100 });
    expect(trail.at(-1)?.entry).toMatchObject({
      type: 'resolution',
      detail: { by: 'bob', verified: true, votes: [{ by: 'bob', issuer: 'acme' }], happened: true },
    });
  });
});

describe('INVARIANT A3: the review of a call that runs unattended', () => {
  it.each([
    { name: 'a write', fields: { effect: 'write' }, risk: 'medium' },
    { name: 'a write that a policy of the host permits', fields: { effect: 'write', unattended: false }, risk: 'high' },
    { name: 'a long read', fields: { effect: 'read', timeout: '90s' }, risk: 'low' },
    {
      name: 'a long read out of the house',
      fields: { effect: 'read', timeout: '90s', egress: true },
      risk: 'medium',
    },
  ] satisfies readonly { name: string; fields: Fields; risk: string }[])(
    'says with how it is to be run how much it can do: $name',
    async ({ fields, risk }) => {
      const { tool } = makePay(fields);
      const policies = 'permit (principal, action, resource is Tool::pay);';
      const { review } = await makeGateway([tool], { policies });

      expect(await review('pay', newContext())).toMatchObject({ verdict: { outcome: 'allow' }, plan: { risk } });
    },
  );

  it('and of one that asks as well', async () => {
    const { tool } = makePay();
    const { review } = await makeGateway([tool]);

    expect(await review('pay', newContext())).toMatchObject({ risk: 'high', plan: { risk: 'high' } });
  });
});
