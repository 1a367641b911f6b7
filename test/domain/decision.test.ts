import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundPending, type PendingDecision } from '../../src/domain/decision.ts';
import { jsonBytes } from '../../src/domain/json.ts';
import { SIZES } from '../../src/domain/sizes.ts';

const makePending = (fields: Partial<PendingDecision> = {}): PendingDecision => ({
  id: 's1.c1-7f3a',
  taskId: 't',
  kind: 'approval',
  callId: 's1.c1',
  tool: 'files.write',
  args: { path: 'a' },
  reasons: [],
  digest: 'sha256:7f3a',
  since: '2026-01-01T00:00:00.000Z',
  may: ['approve', 'deny'],
  ...fields,
});

describe('INVARIANT H1: pending decisions in bounds', () => {
  it('are whole where they fit', () => {
    const pending = [makePending({ output: 'x'.repeat(100) })];
    expect(boundPending(pending, { all: 10_000, each: 1_000 })).toEqual(pending);
  });

  it('lose what explains before an argument is cut', () => {
    const args = { content: 'x'.repeat(500) };
    const [shown] = boundPending([makePending({ args, output: 'y'.repeat(2_000) })], { all: 10_000, each: 1_000 });
    expect(shown).toEqual(makePending({ args }));
  });

  it('lose what changes and what follows first, and never who may decide until when', () => {
    const terms: Partial<PendingDecision> = {
      risk: 'high',
      rule: 'ledger',
      who: { roles: ['clerk'], quorum: 2, verified: false, not: ['ana'] },
      votes: [{ by: 'ben', issuer: 'sso', roles: ['clerk'], at: '2026-01-01T00:00:00.000Z' }],
      deadline: '2026-01-02T00:00:00.000Z',
    };
    const follows: Partial<PendingDecision> = {
      change: { diff: 'z'.repeat(5_000) },
      timeline: [{ at: '2026-01-02T00:00:00.000Z', do: 'expire', then: 'deny' }],
    };

    const [shown] = boundPending([makePending({ ...terms, ...follows, output: 'kept' })], { all: 10_000, each: 1_000 });
    const [, least] = boundPending([makePending(terms), makePending({ ...terms, ...follows })], {
      all: 600,
      each: 9_000,
    });

    expect(shown).toEqual(makePending({ ...terms, output: 'kept' }));
    expect(least).toEqual({ ...makePending(terms), args: undefined });
  });

  it('name voters in short where they are too many to be shown whole, and count all of them', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 });
    const vote = fc.record({
      by: fc.oneof(name, fc.constant('b'.repeat(200))),
      issuer: fc.oneof(name, fc.constant(`https://${'i'.repeat(190)}`)),
      roles: fc.array(name, { maxLength: 12 }),
      at: fc.constant('2026-01-01T00:00:00.000Z'),
    });
    fc.assert(
      fc.property(fc.array(vote, { maxLength: 20 }), fc.boolean(), (votes, isLast) => {
        const long = makePending({ args: { content: 'x'.repeat(20_000) }, votes });
        const bounds = { all: isLast ? 1 : SIZES.memo, each: SIZES.pending };

        const [shown] = boundPending([long], bounds);

        expect(shown?.votes?.map(({ at }) => at)).toEqual(votes.map(({ at }) => at));
        expect(jsonBytes(shown?.votes)).toBeLessThanOrEqual(20 * 300);
        expect(jsonBytes(shown)).toBeLessThanOrEqual(SIZES.pending);
        for (const each of shown?.votes ?? []) expect(each.by.isWellFormed()).toBe(true);
      }),
    );
  });

  it.each(['diff', 'before'] as const)('show as much of what changes (%s) as there is room for', (field) => {
    const lines = '+ a line of it\n'.repeat(500);
    const args = { content: 'x'.repeat(2_000) };
    const [shown] = boundPending([makePending({ args, change: { [field]: lines } })], { all: 10_000, each: 5_000 });

    expect(shown).toMatchObject({ args, change: { isCut: true } });
    expect(shown?.change?.[field]?.length).toBeGreaterThan(1_000);
    expect(lines).toContain(shown?.change?.[field]?.slice(0, 1_000));
    expect(jsonBytes(shown)).toBeLessThanOrEqual(5_000);
  });

  it('are cut where the arguments alone are too long, and come without any where all are too many', () => {
    const long = makePending({ args: { content: 'x'.repeat(5_000) } });
    const shown = boundPending([long, long, long], { all: 1_200, each: 1_000 });
    expect(shown.map(({ args }) => typeof args)).toEqual(['string', 'string', 'undefined']);
    for (const each of shown) expect(jsonBytes(each)).toBeLessThan(1_000);
  });
});
