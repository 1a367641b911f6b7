import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkShare } from '../../src/domain/budget-share.ts';

describe('a share of a budget', () => {
  it('is read in the units of the limits', () => {
    expect(checkShare({ costUsd: 0.5, tokens: 1_000, steps: 3, toolCalls: 4, duration: '1.5h' })).toEqual({
      ok: true,
      value: { costUsd: 0.5, tokens: 1_000, steps: 3, toolCalls: 4, durationMs: 5_400_000 },
    });
    expect(checkShare({ durationMs: 60_000 })).toEqual({ ok: true, value: { durationMs: 60_000 } });
  });

  it.each([
    { args: undefined, says: 'an object' },
    { args: [1], says: 'an object' },
    { args: {}, says: 'nothing' },
    { args: { cost: 1 }, says: 'costUsd, tokens, steps, toolCalls, duration' },
    { args: { invalidProposals: 9 }, says: 'unknown limit' },
    { args: { toString: 1 }, says: 'unknown limit' },
    { args: JSON.parse('{"__proto__":1}') as unknown, says: 'unknown limit' },
    { args: { costUsd: '5' }, says: 'a number above 0' },
    { args: { costUsd: 0 }, says: 'a number above 0' },
    { args: { costUsd: -1 }, says: 'a number above 0' },
    { args: { costUsd: Number.POSITIVE_INFINITY }, says: 'a number above 0' },
    { args: { costUsd: Number.NaN }, says: 'a number above 0' },
    { args: { tokens: 1e300 }, says: 'at most' },
    { args: { steps: 1.5 }, says: 'a whole number' },
    { args: { duration: 30 }, says: '"30m"' },
    { args: { duration: 'soon' }, says: '"30m"' },
    { args: { duration: '0s' }, says: 'above 0' },
    { args: { duration: '9999d' }, says: 'at most' },
    { args: { duration: '9'.repeat(1_000_000) }, says: '"30m"' },
    { args: { duration: '1m', durationMs: 1 }, says: 'or "durationMs"' },
    { args: { duration: { m: 1 } }, says: '"30m"' },
    { args: { ['x'.repeat(1_000_000)]: 1 }, says: 'unknown limit' },
  ])('is refused in words: $says', ({ args, says }) => {
    const checked = checkShare(args);

    expect(checked).toMatchObject({ ok: false, refusal: expect.stringContaining(says) });
    expect(checked.ok ? '' : checked.refusal.length).toBeLessThan(200);
  });

  it('only ever allows more, by a finite amount, of what has a limit', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom('costUsd', 'steps', 'duration', 'tokens'), fc.jsonValue()),
        ),
        (args) => {
          const checked = checkShare(args);
          if (!checked.ok) return;
          for (const [limit, amount] of Object.entries(checked.value)) {
            expect(['costUsd', 'tokens', 'steps', 'toolCalls', 'durationMs']).toContain(limit);
            expect(amount > 0 && Number.isFinite(amount)).toBe(true);
          }
        },
      ),
    );
  });
});
