import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../src/domain/desk-event.ts';
import { deskEvent, firstBatch, isReported, revokedEvent } from '../../src/domain/desk-events.ts';
import { jsonBytes, utf8Bytes } from '../../src/domain/json.ts';
import { SIZES } from '../../src/domain/sizes.ts';
import type { Standing } from '../../src/domain/standing.ts';
import { makeEvent } from '../support/desk-events.ts';
import { anybody, makePending } from './desk-support.ts';

const at = '2026-01-01T00:00:01.000Z';

describe('what happened at the desk', () => {
  it('is told with what was asked, and why', () => {
    const pending = makePending('s1.c1-aaaa', {
      risk: 'high',
      rule: 'money',
      reasons: [
        { code: 'policy_forbids', message: 'more than\n 100', policy: 'p1' },
        { code: 'policy_forbids', message: 'at night', policy: 'p1' },
      ],
      who: { ...anybody, roles: ['finance'], quorum: 2 },
      decision: { rationale: 'r', alternatives: [], confidence: 0.5, basis: [] },
    });
    const human = { decision: 'edited', verified: true, at, by: 'ben', args: { secret: 1 }, note: 'n' } as const;

    expect(deskEvent('decided', pending, { at, human })).toEqual({
      id: 's1.c1-aaaa/decided',
      type: 'decided',
      at,
      decisionId: 's1.c1-aaaa',
      kind: 'approval',
      callId: 's1.c1',
      tool: 'refund',
      risk: 'high',
      rule: 'money',
      codes: ['policy_forbids'],
      policies: ['p1'],
      confidence: 0.5,
      since: pending.since,
      roles: ['finance'],
      quorum: 2,
      signed: true,
      summary: 'more than 100',
      human: { decision: 'edited', verified: true, at, by: 'ben', note: 'n' },
    });
  });

  it('has an id of its own, the same for every attempt', () => {
    const pending = makePending('s1.c1-aaaa');
    const votes = [{ by: 'ben', issuer: 'i', roles: [], at }];
    const ids = [
      deskEvent('asked', pending, { at }).id,
      deskEvent('escalated', pending, { at }).id,
      deskEvent('escalated', pending, { at: '2026-01-02T00:00:00.000Z' }).id,
      deskEvent('voted', { ...pending, votes }, { at }).id,
      deskEvent('voted', { ...pending, votes: [...votes, ...votes] }, { at }).id,
    ];

    expect(new Set(ids).size).toBe(ids.length);
    expect(deskEvent('escalated', pending, { at }).id).toBe(ids[1]);
  });

  it('is bounded, whatever was asked and said', () => {
    const text = fc.string({ unit: 'binary', minLength: 200, maxLength: 2_000 });
    fc.assert(
      fc.property(text, text, fc.boolean(), (words, note, isQuestion) => {
        const asked = isQuestion ? { question: words } : { reasons: [{ code: 'policy', message: words }] };
        const human = { decision: 'denied', verified: false, at, note, by: words } as const;

        const event = deskEvent('decided', makePending('s1.c1-aaaa', { ...asked, tool: words }), { at, human });

        expect(utf8Bytes(event.summary)).toBeLessThanOrEqual(300);
        expect(event.summary.isWellFormed()).toBe(true);
        expect(jsonBytes(event)).toBeLessThan(12_000);
      }),
    );
  });

  it('INVARIANT H1: is bounded, whoever approved, and was so in tasks of before', () => {
    const roles = Array.from({ length: 32 }, (_, at) => `${'r'.repeat(240)}${at}`);
    const votes = Array.from({ length: 20 }, (_, at) => ({
      by: `${'b'.repeat(198)}${at}`,
      issuer: 'i',
      roles,
      at: '',
    }));
    const human = { decision: 'approved', verified: true, at, votes } as const;

    const event = deskEvent('decided', makePending('s1.c1-aaaa'), { at, human });

    expect(event.human?.votes).toHaveLength(20);
    expect(jsonBytes(event)).toBeLessThan(20 * (SIZES.voteRoles + 400));
  });

  it('INVARIANT H1: is reported in parts that are in bounds, in order, each once', () => {
    const sizes = fc.array(fc.nat({ max: 100_000 }), { maxLength: 130 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const events = lengths.map((length, at) =>
          makeEvent({ id: `s${at}`, summary: 'é'.repeat(Math.floor(length / 2)) }),
        );
        const parts: (readonly DeskEvent[])[] = [];
        for (let left: readonly DeskEvent[] = events; left.length > 0; left = left.slice(parts.at(-1)?.length ?? 0))
          parts.push(firstBatch(left));

        expect(parts.flat()).toEqual(events);
        for (const part of parts) {
          expect(part.length).toBeGreaterThan(0);
          expect(part.length).toBeLessThanOrEqual(50);
          expect(part.length === 1 || jsonBytes(part) <= SIZES.report + 2).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
    expect(firstBatch([])).toEqual([]);
  });

  it('is told of an approval that was taken back', () => {
    const standing = {
      id: 's1.c1-aaaa',
      scope: 'tool',
      tool: 'refund',
      reasons: [{ code: 'policy' }],
      at,
    } as unknown as Standing;

    expect(revokedEvent(standing, { at, by: 'ben' })).toMatchObject({
      id: 's1.c1-aaaa/revoked',
      type: 'revoked',
      callId: 's1.c1',
      rule: 'default',
      codes: ['policy'],
      summary: 'The approval of refund for this task (tool) was taken back by ben',
    });
  });

  it.each([
    { reports: undefined, types: [] },
    { reports: 'decisions' as const, types: ['decided', 'expired', 'withdrawn', 'revoked'] },
    { reports: 'all' as const, types: ['asked', 'voted', 'decided', 'expired', 'withdrawn', 'revoked'] },
  ])('is reported as the admission says: $reports', ({ reports, types }) => {
    const all = ['asked', 'voted', 'decided', 'expired', 'withdrawn', 'revoked'] as const;

    expect(all.filter((type) => isReported(type, reports))).toEqual(types);
  });
});
