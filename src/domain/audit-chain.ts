import { canonicalJson, type Digest, digestText } from './digest.ts';

/** What of an audit entry is hashed. */
export type HashedEntry = { readonly seq: number; readonly at: string; readonly entry: unknown };

/** An entry as it is stored. */
export type TrailRow = HashedEntry & { readonly hash: string };

/** What history says of a trail: the hash of one of its entries. */
export type TrailAnchor = { readonly seq: number; readonly hash: string };

/** The hash of an entry: SHA-256 of the hash before it (empty for the first), a line feed, and its canonical JSON. */
export const auditHash = (previous: string, { seq, at, entry }: HashedEntry): Digest =>
  digestText(`${previous}\n${canonicalJson({ seq, at, entry })}`);

/** Whether every row follows from the one before it, and every anchor holds. */
export const isIntact = (rows: readonly TrailRow[], anchors: readonly TrailAnchor[]): boolean =>
  rows.every((row, i) => row.seq === i + 1 && row.hash === auditHash(rows[i - 1]?.hash ?? '', row)) &&
  anchors.every(({ seq, hash }) => rows[seq - 1]?.hash === hash);
