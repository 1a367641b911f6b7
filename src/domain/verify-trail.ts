import { isIntact, type TrailAnchor, type TrailRow } from './audit-chain.ts';
import { findPlaces, type Place } from './trail-places.ts';

/** Something that was done to a trail. `seq` is the number under which the entry stands, or stood where it is gone. */
export type TrailProblem = {
  readonly seq: number;
  readonly kind: 'changed' | 'removed' | 'inserted' | 'reordered';
  /** For people. */
  readonly problem: string;
};

/** Whether a trail is as it was written. */
export type TrailVerdict =
  | { readonly ok: true; readonly entries: number }
  | { readonly ok: false; readonly problems: readonly TrailProblem[] };

type Located = { readonly row: TrailRow; readonly place: Place | undefined };

const changed = (seq: number, problem: string): TrailProblem => ({ seq, kind: 'changed', problem });
const inserted = (seq: number): TrailProblem => ({
  seq,
  kind: 'inserted',
  problem: `entry ${seq} was put in: it is not part of the chain`,
});

/** Rows for which no place is known: changed where one is free between their neighbours, else put in. */
const judgeLost = (located: readonly Located[]): { lost: TrailProblem[]; taken: number[] } => {
  const lost: TrailProblem[] = [];
  const taken: number[] = [];
  let free = 1;
  for (const [i, { row, place }] of located.entries()) {
    if (place !== undefined) {
      free = place.seq + 1;
      continue;
    }
    const next = located.slice(i + 1).find((each) => each.place !== undefined)?.place?.seq ?? Number.POSITIVE_INFINITY;
    if (free >= next) lost.push(inserted(row.seq));
    else {
      lost.push(changed(row.seq, `entry ${row.seq} was changed, or does not follow from the entry before it`));
      taken.push(free++);
    }
  }
  return { lost, taken };
};

/** Of several rows for one place, the one that the chain goes on from is the true one. */
const findInserted = (located: readonly Located[], isFollowed: (hash: string) => boolean): readonly Located[] => {
  const rank = ({ row, place }: Located): number => (isFollowed(row.hash) ? 2 : 0) + (place?.by === 'proven' ? 1 : 0);
  const holders = new Map<number, Located>();
  const extra: Located[] = [];
  for (const each of located) {
    if (each.place === undefined) continue;
    const holder = holders.get(each.place.seq);
    const isBetter = holder === undefined || rank(each) > rank(holder);
    if (isBetter) holders.set(each.place.seq, each);
    const worse = isBetter ? holder : each;
    if (worse !== undefined) extra.push(worse);
  }
  return extra;
};

/** Rows whose hash others vouch for, and whose content does not give it although the entry before is there. */
const judgeVouched = (located: readonly Located[], anchors: readonly TrailAnchor[]): readonly TrailProblem[] => {
  const present = new Map(
    located.flatMap(({ row, place }) => (place === undefined ? [] : [[place.seq, row] as const])),
  );
  return located.flatMap(({ row, place }) => {
    if (place?.by !== 'vouched' || (place.seq > 1 && !present.has(place.seq - 1))) return [];
    const anchor = anchors.find(({ seq }) => seq === place.seq - 1);
    if (place.seq === 1 || anchor?.hash === present.get(place.seq - 1)?.hash) {
      return [changed(row.seq, `entry ${row.seq} was changed`)];
    }
    if (anchor !== undefined) return [];
    return [changed(row.seq, `entry ${row.seq} was changed, or entry ${row.seq - 1} with its hash`)];
  });
};

/** Numbers up to the highest that is known for which there is no row. */
const findMissing = (found: ReadonlySet<number>, highest: number): readonly TrailProblem[] => {
  const problems: TrailProblem[] = [];
  for (let seq = 1; seq <= highest; seq++) {
    if (found.has(seq)) continue;
    problems.push({ seq, kind: 'removed', problem: `entry ${seq} was removed` });
  }
  return problems;
};

const judgeOrder = (located: readonly Located[]): readonly TrailProblem[] => {
  const placed = located.filter(({ place }) => place !== undefined);
  const sorted = placed.map(({ place }) => place?.seq ?? 0).sort((a, b) => a - b);
  return placed.flatMap(({ row, place }, i) =>
    place?.seq === sorted[i]
      ? []
      : [
          {
            seq: row.seq,
            kind: 'reordered' as const,
            problem: `entry ${row.seq} was moved: it was written as entry ${place?.seq}`,
          },
        ],
  );
};

const judgeAnchors = (located: readonly Located[], anchors: readonly TrailAnchor[]): readonly TrailProblem[] => {
  const bySeq = new Map(
    located.flatMap(({ row, place }) => (place === undefined ? [] : [[place.seq, row.hash] as const])),
  );
  const wrong = [...anchors]
    .sort((a, b) => a.seq - b.seq)
    .find(({ seq, hash }) => bySeq.has(seq) && bySeq.get(seq) !== hash);
  if (wrong === undefined) return [];
  return [
    changed(
      wrong.seq,
      `entry ${wrong.seq}, or one before it, was changed together with its hash: history has another hash`,
    ),
  ];
};

const judgeNumbers = (located: readonly Located[]): readonly TrailProblem[] =>
  located.flatMap(({ row, place }) =>
    place === undefined || place.seq === row.seq
      ? []
      : [changed(row.seq, `the number of entry ${row.seq} was changed: it was written as entry ${place.seq}`)],
  );

const diagnose = (rows: readonly TrailRow[], anchors: readonly TrailAnchor[]): readonly TrailProblem[] => {
  const { places, isFollowed } = findPlaces(rows, anchors);
  const all = rows.map((row, i) => ({ row, place: places[i] }));
  const extra = new Set(findInserted(all, isFollowed));
  const located = all.filter((each) => !extra.has(each));
  const { lost, taken } = judgeLost(located);
  const found = new Set([...located.flatMap(({ place }) => place?.seq ?? []), ...taken]);
  const highest = [...found, ...anchors.map(({ seq }) => seq)].reduce((most, seq) => Math.max(most, seq), 0);
  const problems = [
    ...[...extra].map(({ row }) => inserted(row.seq)),
    ...lost,
    ...judgeVouched(located, anchors),
    ...findMissing(found, highest),
    ...judgeOrder(located),
    ...judgeAnchors(located, anchors),
  ];
  const told = problems.length > 0 ? problems : judgeNumbers(located);
  return told.length > 0 ? told : [changed(1, 'the trail is not as it was written')];
};

/**
 * Checks an audit trail and names every entry that was changed, removed, put in or moved. Without anchors the removal of the
 * last entries, and a trail that was written anew as a whole, cannot be seen: `anchors` are those that history holds.
 */
export const verifyTrail = (rows: readonly TrailRow[], anchors: readonly TrailAnchor[]): TrailVerdict =>
  isIntact(rows, anchors)
    ? { ok: true, entries: rows.length }
    : { ok: false, problems: [...diagnose(rows, anchors)].sort((a, b) => a.seq - b.seq) };
