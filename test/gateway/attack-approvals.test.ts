import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../src/tools/define-tool.ts';
import { approve, makeGateway, newContext, rule, vote } from './support.ts';

const store = () => {
  const ran: unknown[] = [];
  const tool = defineTool({
    name: 'act',
    description: 'Act',
    effect: 'write',
    unattended: false,
    input: z.object({ data: z.any() }),
    execute: ({ data }) => {
      ran.push(data);
      return 'done';
    },
  });
  return { tool, ran };
};

describe('INVARIANT A1: arguments that no digest can be made of', () => {
  it.each(['{"data":1e999}', '{"data":{"a":[-1e999]}}'])('are refused, and fail no review: %s', async (args) => {
    const { gateway } = await makeGateway([store().tool]);
    const call = { id: 's1.c1', providerId: '', name: 'act', arguments: args };

    const { reviews } = await gateway.review({ calls: [call], context: newContext(), needsDecision: false });

    expect(reviews).toMatchObject([{ verdict: { outcome: 'reject', reasons: [{ code: 'invalid_arguments' }] } }]);
  });
});

describe('INVARIANT A1: an approval', () => {
  it.each([
    { name: 'a text for a number', approved: { data: 1 }, runs: { data: '1' } },
    { name: 'null for nothing', approved: { data: {} }, runs: { data: { to: null } } },
    { name: 'another order in a list', approved: { data: [1, 2] }, runs: { data: [2, 1] } },
    { name: 'a list for an object', approved: { data: { 0: 'a' } }, runs: { data: ['a'] } },
    { name: 'another composition of a letter', approved: { data: 'é' }, runs: { data: 'e\u0301' } },
    { name: 'a number that rounds to it', approved: { data: 0.1 + 0.2 }, runs: { data: 0.3 } },
  ])('is not of $name', async ({ approved, runs }) => {
    const { tool, ran } = store();
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('act', context, { args: approved }));

    const result = await run('act', context, { args: runs, approval });

    expect(result.ask?.verdict.outcome).toBe('ask');
    expect(ran).toEqual([]);
  });

  it.each([
    ['key order', { data: { a: 1, b: 2 } }, { data: { b: 2, a: 1 } }],
    ['the form of a number', { data: 1 }, JSON.parse('{"data":1.0e0}') as object],
  ])('is of the same value: %s is no difference', async (_, approved, runs) => {
    const { tool, ran } = store();
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const approval = approve(context, await review('act', context, { args: approved }));

    await run('act', context, { args: runs, approval });

    expect(ran).toHaveLength(1);
  });

  it.each([
    { name: 'another life of the task', epoch: 'e2' },
    { name: 'another task', taskId: 't-other' },
    { name: 'a task whose id ends alike', taskId: 'x/e1/s1.c1' },
  ])('is not of $name', async ({ name: _, ...other }) => {
    const { tool, ran } = store();
    const { review, run } = await makeGateway([tool]);
    const context = newContext();
    const args = { data: 1 };
    const approval = approve(context, await review('act', context, { args }));

    const result = await run('act', { ...context, ...other }, { args, approval });

    expect(result.ask?.verdict.reasons).toMatchObject([{}, { code: 'approval_of_another' }]);
    expect(ran).toEqual([]);
  });

  it('INVARIANT A3: of one person under two spellings and two issuers is no quorum', async () => {
    const { tool, ran } = store();
    const twoOf = rule({ roles: ['finance'], quorum: 2 });
    const { review, run } = await makeGateway([tool], { approvalRules: [twoOf] });
    const context = newContext();
    const args = { data: 1 };
    const votes = [vote('Ben', 'finance'), { ...vote('ben', 'finance'), issuer: 'other' }];
    const approval = approve(context, await review('act', context, { args }), { verified: true, votes });

    const result = await run('act', context, { args, approval });

    expect(result.ask?.verdict.reasons.map(({ code }) => code)).toContain('approval_insufficient');
    expect(ran).toEqual([]);
  });
});
