import type { PendingDecision } from './decision.ts';
import { utf8Bytes } from './json.ts';
import { cell, fitsBlock, pretty, widthOfAll } from './markdown.ts';
import { inLine, isLong, MAX_BLOCKS, named, type ShownArgs } from './page-args.ts';
import { type Row, rowsOf } from './page-rows.ts';
import { originNotes, originWords } from './page-why.ts';

/** Columns of a value that stands in its row. */
const MAX_VALUE = 100;

/** Columns of a row that are in sight in a window 1200 px wide. */
const COLUMNS = 60;

/** The least that a value has of them; the narrowest a column of origins is. */
const LEAST = 12;

/** Columns of what a browser does not break: it breaks after spaces and hyphens. */
const longestWord = (text: string): number =>
  Math.max(0, ...text.split(/(?<=[ -])/).map((word) => widthOfAll(word.trimEnd())));

/** What a cell of origins takes: its letters are escaped, and narrower than those of values. */
const widthOfOrigin = (words: string): number => longestWord(words.replace(/&#\d+;/g, '.').replaceAll('*', ''));

/** Where the values of a row come from, as a cell; of what was not asked or is not told, a dash. */
const fromOf = (row: Row, pending: PendingDecision): string =>
  row.origin === undefined ? '—' : originWords(row.origin, pending);

/** A value as JSON in a cell, so that `"100"` and `100` are two; undefined: it is too long, or too wide, or has no place in one. */
const cellOf = (value: unknown, maxWord: number): string | undefined => {
  if ((typeof value === 'string' && value.length > MAX_VALUE) || isLong(value)) return undefined;
  const text = JSON.stringify(value) ?? 'null';
  const shown = cell(text);
  return shown === undefined || widthOfAll(shown) > MAX_VALUE || longestWord(shown) > maxWord ? undefined : shown;
};

/** A value as it stands below: a text as it is, unless it would be taken for something else. */
const textOf = (value: unknown): string => (isLong(value) ? pretty(value) : inLine(value));

const bytesOf = (value: unknown): number => utf8Bytes(typeof value === 'string' ? value : textOf(value));

const widest = (widths: readonly number[]): number => Math.max(LEAST, ...widths);

type Shown = Row & { readonly from: string; readonly shown: string | undefined };

/** What each row says: where its value comes from, and the value, where there is room for it. */
const shownRows = (rows: readonly Row[], pending: PendingDecision): readonly Shown[] => {
  const from = rows.map((row) => fromOf(row, pending));
  const taken = widest(rows.map(({ path }) => widthOfAll(path))) + widest(from.map(widthOfOrigin));
  const room = Math.max(LEAST, COLUMNS - taken);
  return rows.map((row, n) => ({ ...row, from: from[n] ?? '', shown: cellOf(row.value, room) }));
};

/** A table has no lines in the UI: a space at the end of a cell keeps it apart from the next one. */
const GAP = '&#160;';

const FIRST = `| Argument${GAP} |`;

/** Tells whether a page may have such a table: also where content looks like one. */
export const hasArgsTable = (page: string): boolean => page.includes(FIRST);

const tableOf = (rows: readonly Shown[], hasOrigins: boolean): string => {
  const lines = rows.map(({ name, value, from, shown }) => [name, shown ?? `${bytesOf(value)} bytes, below`, from]);
  const cells = (line: readonly string[], gap: string) =>
    hasOrigins ? `| ${line.join(`${gap} | `)} |` : `| ${line.slice(0, 2).join(`${gap} | `)} |`;
  return [
    cells(['Argument', 'Value', 'Comes from'], GAP),
    cells([':--', ':--', ':--'], ''),
    ...lines.map((line) => cells(line, GAP)),
  ].join('\n');
};

/**
 * The arguments of a call as a table: what each is, exactly, and where it comes from. Long values have blocks of their own below.
 * INVARIANT T4: a table is whole, or none.
 * @returns undefined where it does not fit, or has no place for something: they stand in blocks then
 */
export const argsTable = (pending: PendingDecision, maxBytes: number): ShownArgs | undefined => {
  const { args, provenance = {} } = pending;
  const found = typeof args === 'object' && args !== null ? rowsOf(args, provenance) : undefined;
  if (found === undefined || found.length === 0) return undefined;
  const rows = shownRows(found, pending);
  const hasOrigins = rows.some(({ origin }) => origin !== undefined);
  const long = rows.filter(({ shown }) => shown === undefined);
  const table = tableOf(rows, hasOrigins);
  if (long.length > MAX_BLOCKS || utf8Bytes(table) > maxBytes) return undefined;
  const notes = hasOrigins ? originNotes(pending) : '';
  return {
    isCut: long.some(({ value }) => !fitsBlock(textOf(value), maxBytes)),
    short: notes === '' ? table : `${table}\n\n${notes}`,
    long: long.map(({ path, value }) => named(path, textOf(value), maxBytes)),
    told: new Set(rows.flatMap(({ origin, pointers }) => (origin === undefined ? [] : pointers))),
  };
};
