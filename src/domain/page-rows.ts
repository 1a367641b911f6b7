import { escapeKey } from './leaves.ts';
import { cell, widthOfAll } from './markdown.ts';
import type { Origin, Provenance } from './origin.ts';

/** A value of the arguments that has a row of its own. */
export type Row = {
  /** Where it stands, as people read it: `to.iban`, `items[0].sku`. No two values have the same one. */
  readonly path: string;
  /** The path as a cell. */
  readonly name: string;
  readonly value: unknown;
  /** JSON pointers of the values in it; several of a short list. */
  readonly pointers: readonly string[];
  /** Where it comes from, as far as it is known. */
  readonly origin: Origin | undefined;
};

type Open = { readonly path: string; readonly pointer: string; readonly value: unknown };

/** More than these push what a person has to read first off the screen. */
const MAX_ROWS = 25;

/** Columns of a name: the other columns have to be in sight beside it. */
const MAX_NAME = 32;

/** Characters of a list that stands on one row. */
const MAX_LIST = 60;

/** A key as a part of a path. A quoted one cannot pass for two, nor an index for a key. */
const keyOf = (key: string): string => (/^[\w$-]+$/.test(key) ? key : JSON.stringify(key));

/** What is in a value, one level down. */
const innerOf = ({ path, pointer, value }: Open): readonly Open[] =>
  Array.isArray(value)
    ? value.map((each, n) => ({ path: `${path}[${n}]`, pointer: `${pointer}/${n}`, value: each }))
    : Object.entries(value as object).map(([key, each]) => ({
        path: `${path}${path === '' ? '' : '.'}${keyOf(key)}`,
        pointer: `${pointer}/${escapeKey(key)}`,
        value: each,
      }));

const isNest = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isSame = (one: Origin | undefined, other: Origin | undefined): boolean =>
  one?.source === other?.source && one?.item === other?.item;

const originAt = (provenance: Provenance, pointer: string): Origin | undefined =>
  Object.hasOwn(provenance, pointer) ? provenance[pointer] : undefined;

/** A short list of plain values that come from one place: it has one row. */
const isOne = ({ value }: Open, inner: readonly Open[], provenance: Provenance): boolean => {
  if (!Array.isArray(value) || inner.some((each) => isNest(each.value) || String(each.value).length > MAX_LIST))
    return false;
  const text = JSON.stringify(value);
  const [first, ...rest] = inner.map(({ pointer }) => originAt(provenance, pointer));
  return text.length <= MAX_LIST && cell(text) !== undefined && rest.every((each) => isSame(each, first));
};

/** A name as a cell; undefined: it is too long, or has no place in one. */
const nameOf = ({ path }: Open): string | undefined =>
  path.length <= MAX_NAME && widthOfAll(path) <= MAX_NAME ? cell(path) : undefined;

/** What is in a value that has no row itself; nothing: it has one. */
const opened = (at: Open, provenance: Provenance): readonly Open[] => {
  if (!isNest(at.value)) return [];
  const inner = innerOf(at);
  return isOne(at, inner, provenance) ? [] : inner;
};

const rowOf = (at: Open, name: string, provenance: Provenance): Row => {
  const inner = Array.isArray(at.value) ? at.value.map((_, n) => `${at.pointer}/${n}`) : [];
  const pointers = inner.length === 0 ? [at.pointer] : inner;
  return { path: at.path, name, value: at.value, pointers, origin: originAt(provenance, pointers[0] ?? at.pointer) };
};

const isTooWide = ({ value }: Open): boolean => isNest(value) && Object.keys(value).length > MAX_LIST;

/**
 * The values of arguments in their order, a row each. Not recursive, and looks at little more than there are rows.
 * @returns undefined where they are too many, or the name of one has no place in a cell
 */
export const rowsOf = (args: object, provenance: Provenance): readonly Row[] | undefined => {
  const rows: Row[] = [];
  const open: Open[] = Array.isArray(args)
    ? [{ path: 'arguments', pointer: '', value: args }]
    : innerOf({ path: '', pointer: '', value: args }).toReversed();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const name = nameOf(at);
    if (name === undefined || isTooWide(at)) return undefined;
    const inner = opened(at, provenance);
    if (inner.length > 0) open.push(...inner.toReversed());
    else rows.push(rowOf(at, name, provenance));
    // Each value that is still open has a row at least.
    if (rows.length + open.length > MAX_ROWS) return undefined;
  }
  return rows;
};
