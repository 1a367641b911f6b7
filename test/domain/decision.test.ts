import { describe, expect, it } from 'vitest';
import { boundPending, type PendingDecision } from '../../src/domain/decision.ts';
import { jsonBytes } from '../../src/domain/json.ts';

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
