/** Where a value came from. `model`: from nowhere that is in the transcript. */
export type Source = 'principal' | 'trusted' | 'untrusted' | 'model';

/** What is known of one value. */
export type Origin = { readonly source: Source; readonly item?: string };

/** JSON pointer of each leaf of a call's arguments → where it came from, and by which transcript item. */
export type Provenance = Readonly<Record<string, Origin>>;

const DOUBT = { principal: 0, trusted: 1, model: 2, untrusted: 3 } as const satisfies Record<Source, number>;

/** The more doubtful one of two. */
export const worse = (a: Origin | undefined, b: Origin): Origin =>
  a === undefined || DOUBT[b.source] > DOUBT[a.source] ? b : a;

/** The most doubtful ones of the origins, first the worst; what the principal wrote comes last. */
export const mostDoubtful = (provenance: Provenance, count: number): Provenance =>
  Object.fromEntries(
    Object.entries(provenance)
      .toSorted(([, a], [, b]) => DOUBT[b.source] - DOUBT[a.source])
      .slice(0, count),
  );
