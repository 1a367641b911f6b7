import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Situation } from '../../src/activities/ports.ts';
import { ToolError } from '../../src/gateway/tool-error.ts';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { until } from '../support/harness.ts';
import { makeGateway, newContext } from './support.ts';

const input = z.object({ to: z.string().optional(), amount: z.number().optional(), memo: z.string().optional() });
type Fields = Partial<ToolDefinition<typeof input, z.ZodType<unknown>>>;

const makePay = (fields: Fields = {}) =>
  defineTool({ name: 'pay', description: 'Pay', effect: 'write', input, execute: () => 'paid', ...fields });

const usage = { steps: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };
const calm: Situation = { usage, isUntrusted: false, denied: [] };

describe('INVARIANT T1: a sensitive argument of a call with effects', () => {
  const tool = makePay({ sensitive: ['/to'] });

  it.each([
    { name: 'from the principal runs', source: 'principal', isUntrusted: true, outcome: 'allow' },
    { name: 'from a trusted tool runs', source: 'trusted', isUntrusted: true, outcome: 'allow' },
    { name: 'from untrusted text asks', source: 'untrusted', isUntrusted: true, outcome: 'ask' },
    { name: 'from nowhere asks while untrusted text is there', source: 'model', isUntrusted: true, outcome: 'ask' },
    { name: 'from nowhere runs while there is none', source: 'model', isUntrusted: false, outcome: 'allow' },
  ] as const)('$name', async ({ source, isUntrusted, outcome }) => {
    const { review } = await makeGateway([tool]);

    const { verdict } = await review('pay', newContext(), {
      args: { to: 'iban-1' },
      situation: { ...calm, isUntrusted },
      provenance: { '/to': { source, item: 's1.c1' } },
    });

    expect(verdict.outcome).toBe(outcome);
  });

  it('is asked about at execution too, where the review said nothing of it', async () => {
    const { run } = await makeGateway([tool]);

    expect(
      await run('pay', newContext(), {
        args: { to: 'iban-1' },
        situation: calm,
        provenance: { '/to': { source: 'untrusted' } },
      }),
    ).toMatchObject({ ask: { verdict: { reasons: [{ code: 'untrusted_argument' }] } } });
  });

  it('what a tool makes of untrusted arguments is untrusted, also where no outsider can write it', async () => {
    const { run } = await makeGateway([makePay({ openWorld: false })]);
    const args = { memo: 'read this' };

    const { result: fromText } = await run('pay', newContext(), {
      args,
      situation: calm,
      provenance: { '/memo': { source: 'untrusted' } },
    });
    const { result: fromPrincipal } = await run('pay', newContext(), {
      args,
      situation: calm,
      provenance: { '/memo': { source: 'principal' } },
    });

    expect([fromText.trust, fromPrincipal.trust]).toEqual(['untrusted', 'trusted']);
  });
});

describe('after a denial', () => {
  it('the same values through another tool ask too', async () => {
    const { review } = await makeGateway([makePay(), makePay({ name: 'transfer' })]);
    const denied = [{ callId: 's1.c1', tool: 'pay', args: { to: 'DE89370400440532013000', amount: 250 } }];

    const again = await review('transfer', newContext(), {
      args: { memo: 'for DE89370400440532013000' },
      situation: { ...calm, denied },
    });
    const other = await review('transfer', newContext(), {
      args: { to: 'somebody else' },
      situation: { ...calm, denied },
    });

    expect(again.verdict).toMatchObject({ outcome: 'ask', reasons: [{ code: 'denied_before' }] });
    expect(other.verdict.outcome).toBe('allow');
  });
});

describe('rights of the principal', () => {
  it('withdrawn in the middle of a task take effect at the next call, and hide the tool', async () => {
    let isAllowed = true;
    const asked: unknown[] = [];
    const { run, gateway } = await makeGateway([makePay({ requires: ['payments:write'] })], {
      authorizer: (request) => {
        asked.push(request);
        return isAllowed ? true : { allow: false, reason: 'ana left the team' };
      },
    });
    const context = newContext();
    expect((await run('pay', context, { args: { amount: 5 } })).result.status).toBe('succeeded');

    isAllowed = false;

    expect((await run('pay', context, { args: { amount: 5 }, callId: 's2.c1' })).result).toMatchObject({
      status: 'rejected',
      output: 'ana left the team',
    });
    const { item } = await gateway.setup(context, undefined);
    expect(item.tools.map(({ tool }) => tool)).toEqual(['ask_human']);
    expect(asked[0]).toMatchObject({ principal: { id: 'ana' }, requires: ['payments:write'], args: { amount: 5 } });
  });

  it.each([
    {
      name: 'without an authorizer, what requires a permission is refused',
      authorizer: undefined,
      code: 'no_authorizer',
    },
    {
      name: 'INVARIANT T2: an authorizer that throws counts against the call',
      authorizer: () => {
        throw new Error('directory is down');
      },
      code: 'authorizer_failed',
    },
    { name: 'an answer that is no answer is a no', authorizer: () => undefined as never, code: 'not_permitted' },
  ])('$name', async ({ authorizer, code }) => {
    const options = authorizer === undefined ? {} : { authorizer };
    const { review } = await makeGateway([makePay({ requires: ['payments:write'] })], options);

    expect((await review('pay', newContext())).verdict).toMatchObject({ outcome: 'reject', reasons: [{ code }] });
  });
});

describe('arguments that no tool should see', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  it.each([
    { name: 'of the wrong type', args: { amount: 'x' }, code: 'invalid_arguments' },
    { name: '1 MB long', args: { memo: 'x'.repeat(1_000_000) }, code: 'arguments_too_large' },
    { name: 'nested 1,000 deep', args: { memo: deep(1_000) }, code: 'invalid_arguments' },
    {
      name: 'with __proto__',
      args: JSON.parse('{"__proto__": {"isAdmin": true}}') as unknown,
      code: 'invalid_arguments',
    },
    { name: 'with a hidden character', args: { memo: 'a\u202Eb' }, code: 'hidden_characters' },
    { name: 'with a lone surrogate', args: { memo: 'a\uD800' }, code: 'hidden_characters' },
  ])('$name are refused', async ({ args, code }) => {
    const { review } = await makeGateway([makePay()]);

    expect((await review('pay', newContext(), { args })).verdict).toMatchObject({
      outcome: 'reject',
      reasons: [{ code }],
    });
  });

  it('the tool’s own check comes before anyone is asked, and one that throws counts against the call', async () => {
    const checked = makePay({ check: ({ amount = 0 }) => (amount > 10 ? 'at most 10' : undefined) });
    const broken = makePay({
      check: () => {
        throw new Error('broken');
      },
    });

    const one = await (await makeGateway([checked])).review('pay', newContext(), { args: { amount: 11 } });
    const other = await (await makeGateway([broken])).review('pay', newContext());

    expect(one.verdict).toMatchObject({
      outcome: 'reject',
      reasons: [{ code: 'check_failed', message: 'at most 10' }],
    });
    expect(other.verdict).toMatchObject({ outcome: 'reject', reasons: [{ code: 'check_failed' }] });
  });
});

describe('a failing tool', () => {
  const failing = makePay({
    effect: 'read',
    execute: () => Promise.reject(new ToolError('down', { kind: 'transient', nothingHappened: true })),
  });

  it('is taken out of what the model is offered, on every worker, and the model is told once', async () => {
    const taskQueue = `shared-${crypto.randomUUID()}`;
    const one = await makeGateway([failing], { taskQueue });
    const two = await makeGateway([failing], { taskQueue });
    const context = newContext();
    const { item: before } = await two.gateway.setup(context, undefined);
    for (const args of [{ amount: 1 }, { amount: 2 }, { amount: 3 }]) await one.run('pay', newContext(), { args });

    // The other worker believes for a moment that all is well.
    const { item, notes } = await until(async () => {
      const setup = await two.gateway.setup(context, undefined, before);
      return setup.item.digest === before.digest ? undefined : setup;
    }, 'the other worker has heard of it');
    const { notes: again } = await two.gateway.setup(context, undefined, item);
    const { result } = await two.run('pay', context, { args: { amount: 4 } });

    expect(before.tools.map(({ tool }) => tool)).toContain('pay');
    expect(item.tools.map(({ tool }) => tool)).not.toContain('pay');
    expect(notes).toEqual([expect.stringContaining('pay is out of order')]);
    expect(again).toEqual([]);
    expect(result).toMatchObject({ status: 'rejected', output: expect.stringContaining('try again in') });
  });

  it('junk counts: an output that does not meet its schema', async () => {
    const junk = makePay({ effect: 'read', output: z.object({ ok: z.boolean() }), execute: () => 'nonsense' });
    const { run, gateway } = await makeGateway([junk]);
    const context = newContext();
    for (const amount of [1, 2, 3]) await run('pay', newContext(), { args: { amount } });

    const { item } = await gateway.setup(context, undefined);

    expect(item.tools.map(({ tool }) => tool)).not.toContain('pay');
  });

  it('a rate limit waits for its turn up to a bound, then says when to try again', async () => {
    const limited = makePay({ effect: 'read', rateLimit: { calls: 1, per: '1s' } });
    const slow = makePay({ effect: 'read', rateLimit: { calls: 1, per: '1h' } });
    const fast = await makeGateway([limited]);
    const blocked = await makeGateway([slow]);

    const first = await fast.run('pay', newContext());
    const second = await fast.run('pay', newContext());
    await blocked.run('pay', newContext());
    const refused = await blocked.run('pay', newContext());

    expect([first, second].map(({ result }) => result.status)).toEqual(['succeeded', 'succeeded']);
    expect(refused.result).toMatchObject({ status: 'rejected', output: expect.stringMatching(/try again in \d+ s/) });
  });
});

describe('the audit trail', () => {
  it('has an entry for each decision and each attempt, and anchors what the activity returns', async () => {
    const { run, review, store } = await makeGateway([makePay()]);
    const context = newContext();
    await review('pay', context, { args: { amount: 5 } });
    const { anchor } = await run('pay', context, { args: { amount: 5 } });

    const rows = await store.audit.page(context, { after: 0, limit: 10 });

    expect(rows.map(({ entry }) => entry.type)).toEqual(['review', 'attempt', 'outcome']);
    expect(rows.at(-1)).toMatchObject(anchor ?? {});
    expect(JSON.stringify(rows)).not.toContain('"amount"');
  });
});
