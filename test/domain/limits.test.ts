import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addShares,
  DEFAULT_LIMITS,
  describeBudget,
  extendLimits,
  furtherShare,
  reachedLimit,
  usedShare,
} from '../../src/domain/limits.ts';

const usage = { steps: 0, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };

describe('a further share', () => {
  it.each([
    { name: 'half of the limit', reached: { limit: 'steps', used: 30, max: 30 }, first: 30, share: { steps: 15 } },
    { name: 'at least one', reached: { limit: 'steps', used: 1, max: 1 }, first: 1, share: { steps: 1 } },
    {
      name: 'one call where none was allowed',
      reached: { limit: 'toolCalls', used: 0, max: 0 },
      first: 0,
      share: { toolCalls: 1 },
    },
    {
      name: 'parts of a dollar',
      reached: { limit: 'costUsd', used: 0.5, max: 0.5 },
      first: 0.5,
      share: { costUsd: 0.25 },
    },
    {
      name: 'half of what it was at first, after an extension',
      reached: { limit: 'steps', used: 45, max: 45 },
      first: 30,
      share: { steps: 15 },
    },
    {
      name: 'what is used beyond it already, and half of it',
      reached: { limit: 'tokens', used: 1_000, max: 100 },
      first: 100,
      share: { tokens: 950 },
    },
  ] as const)('is $name', ({ reached, first, share }) => {
    expect(furtherShare(reached, first)).toEqual(share);
  });

  it('always makes room for another step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), (max, over) => {
        const limits = { ...DEFAULT_LIMITS, tokens: max };
        const spent = { ...usage, inputTokens: max + over };
        const reached = reachedLimit(limits, spent, 0);
        if (reached === undefined) throw new Error('not reached');

        expect(reachedLimit(extendLimits(limits, furtherShare(reached, max)), spent, 0)).toBeUndefined();
      }),
    );
  });

  it('adds nothing where there is no limit', () => {
    expect(extendLimits(DEFAULT_LIMITS, { costUsd: 5, steps: 1 })).toEqual({ ...DEFAULT_LIMITS, steps: 31 });
  });

  it('adds up with those of before', () => {
    expect(addShares({ steps: 5, costUsd: 1 }, { steps: 5, tokens: 7 })).toEqual({ steps: 10, costUsd: 1, tokens: 7 });
  });
});

describe('a budget review', () => {
  const limits = { ...DEFAULT_LIMITS, costUsd: 2, tokens: 1_000 };
  const point = { share: 0.5, of: ['costUsd', 'tokens'] } as const;

  it.each([
    { name: 'not before the share', spent: { costUsd: 0.99 }, found: undefined },
    { name: 'at the share', spent: { costUsd: 1 }, found: { limit: 'costUsd', used: 1, max: 2 } },
    {
      name: 'by input and output tokens together',
      spent: { inputTokens: 400, outputTokens: 100 },
      found: { limit: 'tokens', used: 500, max: 1_000 },
    },
  ])('is due $name', ({ spent, found }) => {
    expect(usedShare(limits, { ...usage, ...spent }, point)).toEqual(found);
  });

  it('looks at the budgets that it is of, and at no other', () => {
    expect(usedShare(limits, { ...usage, inputTokens: 900 }, { share: 0.5, of: ['costUsd'] })).toBeUndefined();
  });

  it('says how much of what is used, after how much work', () => {
    expect(describeBudget({ limit: 'costUsd', used: 1.019_99, max: 2 }, 7)).toBe(
      '50 % of the budget is used: 1.02 of 2 USD, after 7 steps',
    );
    expect(describeBudget({ limit: 'tokens', used: 900, max: 1_000 }, 1)).toBe(
      '90 % of the budget is used: 900 of 1000 tokens, after 1 step',
    );
  });
});
