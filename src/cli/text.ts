import { stripVTControlCharacters } from 'node:util';
import { revealHidden } from '../domain/hidden-text.ts';
import { shellWord as quoted } from '../domain/shell-word.ts';

// What is shown here was written by models, tools and strangers. `revealHidden` makes every control character visible, so
// that no text can move the cursor, recolour the terminal or reorder what a person reads (INVARIANT T4).

/** A text for a terminal: harmless, its lines kept. */
export const clean = (text: string): string => revealHidden(text.replaceAll('\r\n', '\n')).replaceAll('\r', '⏎');

/** A text for a terminal on one line, cut to at most `max` characters. */
export const oneLine = (text: string, max = 100): string => {
  // A huge text is cut before it is worked on; four times as much leaves room for what is replaced.
  const line = clean(text.slice(0, max * 4 + 4))
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ⏎ ')
    .replaceAll('\t', ' ');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
};

/** A value as JSON that a person edits: what cannot be seen stands there escaped, as JSON allows. */
export const editable = (value: unknown): string =>
  Array.from(JSON.stringify(value) ?? 'null', (char) =>
    revealHidden(char) === char
      ? char
      : char.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  ).join('');

/** Any value on one line: texts as they are, the rest as JSON. */
export const brief = (value: unknown, max = 100): string =>
  oneLine(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), max);

/** The arguments of a call on one line: `path=a.txt, count=3`. */
export const briefArgs = (args: unknown, max = 100): string => {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return brief(args, max);
  const pairs = Object.entries(args).map(([key, value]) => `${oneLine(key, 40)}=${brief(value, 60)}`);
  return oneLine(pairs.join(', '), max);
};

/** What came with a message, its signature left out: nobody reads that. */
export const withoutToken = (payload: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  typeof payload['token'] === 'string' ? { ...payload, token: '(signed)' } : payload;

/** Why something failed, on one line: parsers draw the place below their first paragraph. */
export const firstReason = (error: unknown): string => {
  const [paragraph = ''] = (error instanceof Error ? error.message : String(error)).split(/\n\s*\n/, 1);
  return oneLine(paragraph, 600).replace(/:$/, '');
};

/** A text of several lines, each one indented, at most `max` of them. */
export const block = (text: string, options: { readonly indent: string; readonly max?: number }): string => {
  const { indent, max = 12 } = options;
  const lines = clean(text).split('\n');
  const shown = lines.slice(0, max).map((line) => `${indent}${line.length > 400 ? `${line.slice(0, 399)}…` : line}`);
  return [...shown, ...(lines.length > max ? [`${indent}… ${lines.length - max} more lines`] : [])].join('\n');
};

/** A value over several lines: texts as they are, the rest as indented JSON. */
export const valueBlock = (value: unknown, options: { readonly indent: string; readonly max?: number }): string =>
  block(typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'nothing'), options);

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** A time span in words: `850 ms`, `12 s`, `3 m`, `2 h`, `5 d`. */
export const span = (ms: number): string => {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const [unit, seconds] = UNITS.find(([, size]) => ms >= size * 1_000) ?? UNITS[3];
  const count = ms / 1_000 / seconds;
  return `${count < 10 && unit === 's' ? count.toFixed(1) : Math.floor(count)} ${unit}`;
};

/** How long ago an ISO 8601 time was. */
export const ago = (iso: string | null): string => (iso === null ? '' : `${span(Date.now() - Date.parse(iso))} ago`);

/** When an ISO 8601 time is, from here: `in 2 h`, `3 m ago`. */
export const whenText = (iso: string): string => {
  const ms = Date.parse(iso) - Date.now();
  return ms >= 0 ? `in ${span(ms)}` : `${span(-ms)} ago`;
};

/** Names one after another, each harmless and short; those that are too many are counted. */
export const listed = (names: readonly string[], between = ', ', max = 8): string => {
  const rest = names.length - max;
  const shown = names.slice(0, max).map((name) => oneLine(name, 60));
  return `${shown.join(between)}${rest > 0 ? ` and ${rest} more` : ''}`;
};

const width = (cell: string): number => Array.from(stripVTControlCharacters(cell)).length;

/** Rows in columns; cells may have colours. */
export const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  const pad = (cell: string, column: number): string =>
    cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
};

/** A word as a POSIX shell reads it back; one that a terminal must not be shown is shown harmless, and means nothing to a shell. */
export const shellWord = (word: string): string => quoted(clean(word).replaceAll('\n', '⏎'));
