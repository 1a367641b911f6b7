import { auditHash, type TrailAnchor, type TrailRow } from './audit-chain.ts';

/**
 * Where a row was when it was written. `proven`: its hash covers its content at this number, behind an entry that is known.
 * `vouched`: the entry after it names its hash; its own content may be another by now.
 */
export type Place = { readonly seq: number; readonly by: 'proven' | 'vouched' };

/** Rows out of place for which every known hash is tried as the one before; beyond, their neighbours only. */
const WIDE_SEARCH = 200;

/** Rows for which every number is tried at once. */
const BRIDGES = 20;

/** Finds the places in which rows were written, by trying which predecessor and number their hash was made with. */
class Locator {
  readonly places: (Place | undefined)[];
  /** Hashes of which the number is known. */
  readonly #known: Map<string, number>;
  readonly #followed = new Set<string>();
  /** Of a proven row, the hash it was written behind. */
  readonly #after: string[] = [];
  readonly #rows: readonly TrailRow[];

  constructor(rows: readonly TrailRow[], anchors: readonly TrailAnchor[]) {
    this.#rows = rows;
    this.places = rows.map(() => undefined);
    this.#known = new Map([['', 0], ...anchors.map(({ seq, hash }) => [hash, seq] as const)]);
  }

  isFollowed(hash: string): boolean {
    return this.#followed.has(hash);
  }

  /** Proves what can be proven from what is known, until nothing is new. */
  settle(): void {
    while (this.#open().filter((i) => this.#proveByKnown(i)).length > 0);
  }

  /** A gap hides how far the numbers behind it were moved: tries all for the first row that follows its neighbour. */
  bridge(highest: number): boolean {
    return this.#open()
      .slice(0, BRIDGES)
      .some((i) => {
        for (let seq = 1; seq <= highest; seq++) if (this.#prove(i, this.#before(i), seq)) return true;
        return false;
      });
  }

  /** Rows that could not be proven and that a proven one follows. */
  vouch(): void {
    const successors = new Map<string, number>();
    for (const [i, place] of this.places.entries())
      if (place !== undefined) successors.set(this.#after[i] ?? '', place.seq);
    for (const i of this.#open()) {
      const next = successors.get(this.#rows[i]?.hash ?? '');
      if (next !== undefined) this.places[i] = { seq: next - 1, by: 'vouched' };
    }
  }

  #open(): number[] {
    return this.places.flatMap((place, i) => (place === undefined ? [i] : []));
  }

  #before(i: number): string {
    return this.#rows[i - 1]?.hash ?? '';
  }

  #prove(i: number, previous: string, seq: number): boolean {
    const row = this.#rows[i];
    if (row === undefined || auditHash(previous, { ...row, seq }) !== row.hash) return false;
    this.places[i] = { seq, by: 'proven' };
    this.#after[i] = previous;
    this.#known.set(row.hash, seq);
    this.#followed.add(previous);
    return true;
  }

  #proveByKnown(i: number): boolean {
    const previous = this.#before(i);
    if (this.#prove(i, previous, (this.#known.get(previous) ?? 0) + 1)) return true;
    if (this.#prove(i, previous, this.#rows[i]?.seq ?? 0)) return true;
    if (this.#open().length > WIDE_SEARCH) return false;
    return [...this.#known].some(([hash, seq]) => this.#prove(i, hash, seq + 1));
  }
}

/** The place of each row, undefined where none can be told; `isFollowed` tells whether an entry follows a hash. */
export const findPlaces = (
  rows: readonly TrailRow[],
  anchors: readonly TrailAnchor[],
): { readonly places: readonly (Place | undefined)[]; readonly isFollowed: (hash: string) => boolean } => {
  const locator = new Locator(rows, anchors);
  do locator.settle();
  while (locator.bridge(rows.length + WIDE_SEARCH));
  locator.vouch();
  return { places: locator.places, isFollowed: (hash) => locator.isFollowed(hash) };
};
