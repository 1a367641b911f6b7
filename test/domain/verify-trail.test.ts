import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditHash, type TrailAnchor, type TrailRow } from '../../src/domain/audit-chain.ts';
import { verifyTrail } from '../../src/domain/verify-trail.ts';

const makeTrail = (length: number): TrailRow[] => {
  const rows: TrailRow[] = [];
  for (let seq = 1; seq <= length; seq++) {
    const hashed = { seq, at: '2026-01-01T00:00:00.000Z', entry: { tool: 'refund', n: seq } };
    rows.push({ ...hashed, hash: auditHash(rows.at(-1)?.hash ?? '', hashed) });
  }
  return rows;
};

const anchorOf = (rows: readonly TrailRow[], seq: number): TrailAnchor => ({ seq, hash: rows[seq - 1]?.hash ?? '' });
const renumber = (rows: readonly TrailRow[]): TrailRow[] => rows.map((row, i) => ({ ...row, seq: i + 1 }));
const rehash = (rows: readonly TrailRow[]): TrailRow[] => {
  const chained: TrailRow[] = [];
  for (const row of rows) chained.push({ ...row, hash: auditHash(chained.at(-1)?.hash ?? '', row) });
  return chained;
};
const forge = (row: TrailRow): TrailRow => ({ ...row, entry: { tool: 'refund', n: 1_000 } });
const own = (rows: readonly TrailRow[], row: TrailRow, i: number): TrailRow => ({
  ...row,
  hash: auditHash(rows[i - 1]?.hash ?? '', row),
});

type Problem = { readonly seq: number; readonly kind: string };
const problemsOf = (rows: readonly TrailRow[], anchors: readonly TrailAnchor[] = []): readonly Problem[] => {
  const verdict = verifyTrail(rows, anchors);
  return verdict.ok ? [] : verdict.problems.map(({ seq, kind }) => ({ seq, kind }));
};

const trail = makeTrail(8);
const end = anchorOf(trail, 8);
const [, , third = trail[0] as TrailRow] = trail;

describe('an audit trail', () => {
  it('is intact as it was written, with every anchor, empty too', () => {
    const anchors = trail.map((_, i) => anchorOf(trail, i + 1));
    expect(verifyTrail(trail, anchors)).toEqual({ ok: true, entries: 8 });
    expect(verifyTrail([], [])).toEqual({ ok: true, entries: 0 });
  });

  it('is hashed over the hash before it, a line feed and canonical JSON', () => {
    expect(auditHash('', { seq: 1, at: 'now', entry: { b: 1, a: 'ü' } })).toBe(
      'sha256:5f013a6097bffa69b4c7d996a2e45253d6513615cfc8e9e71028903483e90606',
    );
  });

  it.each([
    { name: 'changed', rows: trail.with(2, forge(third)), found: { seq: 3, kind: 'changed' } },
    {
      name: 'changed, its time',
      rows: trail.with(2, { ...third, at: '2026-01-01T00:00:00.001Z' }),
      found: { seq: 3, kind: 'changed' },
    },
    {
      name: 'changed, its hash',
      rows: trail.with(2, { ...third, hash: end.hash.replace('a', 'b') }),
      found: { seq: 3, kind: 'changed' },
    },
    {
      name: 'changed, the first',
      rows: trail.with(0, forge(trail[0] as TrailRow)),
      found: { seq: 1, kind: 'changed' },
    },
    { name: 'changed, the last', rows: trail.with(7, forge(trail[7] as TrailRow)), found: { seq: 8, kind: 'changed' } },
    { name: 'removed', rows: trail.toSpliced(2, 1), found: { seq: 3, kind: 'removed' } },
    {
      name: 'removed and the rest renumbered',
      rows: renumber(trail.toSpliced(2, 1)),
      found: { seq: 3, kind: 'removed' },
    },
    { name: 'removed, the first', rows: trail.slice(1), found: { seq: 1, kind: 'removed' } },
    {
      name: 'removed, the first, and the rest renumbered',
      rows: renumber(trail.slice(1)),
      found: { seq: 1, kind: 'removed' },
    },
    { name: 'removed, the last', rows: trail.slice(0, -1), found: { seq: 8, kind: 'removed' } },
    { name: 'put in', rows: renumber(trail.toSpliced(2, 0, forge(third))), found: { seq: 3, kind: 'inserted' } },
    {
      name: 'put in with a hash that fits',
      rows: renumber(trail.toSpliced(2, 0, own(trail, forge(third), 2))),
      found: { seq: 3, kind: 'inserted' },
    },
  ])('names an entry that was $name', ({ rows, found }) => {
    expect(problemsOf(rows, [end])).toEqual([found]);
  });

  it('names all entries that were removed', () => {
    expect(problemsOf(trail.toSpliced(2, 3), [end]).map(({ seq }) => seq)).toEqual([3, 4, 5]);
    expect(problemsOf([], [anchorOf(trail, 3)]).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('names both of two entries that changed places, renumbered or not', () => {
    const [a, b] = [trail[2] as TrailRow, trail[4] as TrailRow];
    const swapped = trail.with(2, b).with(4, a);
    const reordered = [
      { seq: 3, kind: 'reordered' },
      { seq: 5, kind: 'reordered' },
    ];
    expect(problemsOf(renumber(swapped), [end])).toEqual(reordered);
    expect(problemsOf(swapped, [end])).toEqual(reordered);
  });

  it('names an entry that was changed with its hash where history anchors it, the pair where it does not', () => {
    const rows = trail.with(2, own(trail, forge(third), 2));
    expect(problemsOf(rows, [anchorOf(trail, 3), end])).toEqual([{ seq: 3, kind: 'changed' }]);
    const verdict = verifyTrail(rows, [end]);
    expect(verdict).toMatchObject({ problems: [{ seq: 4, problem: expect.stringContaining('entry 3') }] });
  });

  it('names the first anchor that a trail misses which was written anew as a whole', () => {
    const rows = rehash(trail.with(2, forge(third)));
    expect(problemsOf(rows, [anchorOf(trail, 2), anchorOf(trail, 5), end])).toEqual([{ seq: 5, kind: 'changed' }]);
    expect(problemsOf(rows, [])).toEqual([]);
  });

  it('is never taken for intact once an entry differs, is gone, twice, or elsewhere', () => {
    const long = makeTrail(12);
    const place = fc.integer({ min: 0, max: 11 });
    const change = fc.oneof(
      place.map((i) => (rows: TrailRow[]) => rows.with(i, forge(rows[i] as TrailRow))),
      place.map((i) => (rows: TrailRow[]) => renumber(rows.toSpliced(i, 1))),
      place.map((i) => (rows: TrailRow[]) => renumber(rows.toSpliced(i, 0, rows[i] as TrailRow))),
      fc
        .tuple(place, place)
        .filter(([a, b]) => a !== b)
        .map(
          ([a, b]) =>
            (rows: TrailRow[]) =>
              renumber(rows.with(a, rows[b] as TrailRow).with(b, rows[a] as TrailRow)),
        ),
    );
    const found = fc.property(change, (tamper) => problemsOf(tamper([...long]), [anchorOf(long, 12)]).length > 0);
    expect(fc.check(found).failed).toBe(false);
  });

  it('is judged within seconds when it is long and broken in many places', () => {
    const long = makeTrail(3_000);
    const rows = long.filter(({ seq }) => seq % 100 !== 0).map((row) => (row.seq % 7 === 0 ? forge(row) : row));
    const started = performance.now();
    expect(problemsOf(rows, [anchorOf(long, 3_000)]).length).toBeGreaterThan(400);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
