import { jsonBytes } from '../domain/json.ts';
import { compareLines, type Hunk } from './diff-lines.ts';

/** A text to be compared; null: there is nothing. */
export type Side = string | null;

/** A unified diff; `isCut`: not all of it stands there. */
export type DiffText = { readonly diff: string; readonly isCut: boolean };

/** How much is shown: lines of one kind in a row, and characters of a line. */
type Room = { readonly run: number; readonly width: number };

/** Tried in turn until the whole fits: something of every place is better than all of the first one. */
const ROOMS: readonly Room[] = [
  { run: 1_000, width: 400 },
  { run: 40, width: 300 },
  { run: 12, width: 160 },
  { run: 4, width: 100 },
];

const KINDS: Readonly<Record<string, string>> = { '-': 'removed', '+': 'added', ' ': 'unchanged' };

/** No line of a content begins like this: words about a cut cannot be forged by one. */
const mark = (words: string): string => `~ ${words}`;

/** A line that is too long: its beginning. A surrogate pair is not split. */
const cutLine = (line: string, width: number): readonly string[] => {
  if (line.length <= width) return [line];
  const head = line.slice(0, width);
  return [head.isWellFormed() ? head : head.slice(0, -1), mark(`${line.length - width} more characters in that line`)];
};

/** How many characters two lines begin with alike. */
const alike = (one: string, other: string): number => {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return at;
};

/** What is kept of the beginning that two long lines share. */
const KEPT = 40;

/** Two long lines, one in the place of the other, from shortly before where they differ: a beginning alone would look the same. */
const narrow = (gone: string, come: string, width: number): readonly [string, string] => {
  const same = alike(gone.slice(1), come.slice(1));
  const left = same - KEPT;
  if (left <= width / 2 || (gone.length <= width && come.length <= width)) return [gone, come];
  const rest = (line: string) => `${line[0]}[${left} same] ${line.slice(1 + left).toWellFormed()}`;
  return [rest(gone), rest(come)];
};

/** Lines of one kind that follow each other. */
const runsOf = (lines: readonly string[]): readonly (readonly string[])[] => {
  const runs: string[][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    // That a line feed is missing belongs to the line before.
    if (last !== undefined && (last[0]?.[0] === line[0] || line.startsWith('\\'))) last.push(line);
    else runs.push([line]);
  }
  return runs;
};

const showRun = (run: readonly string[], { run: most, width }: Room): readonly string[] => {
  const shown = run.slice(0, most).flatMap((line) => cutLine(line, width));
  const left = run.length - most;
  return left <= 0 ? shown : [...shown, mark(`${left} more lines ${KINDS[run[0]?.[0] ?? ''] ?? ''}`.trimEnd())];
};

const narrowed = (runs: readonly (readonly string[])[], { run: most, width }: Room): readonly (readonly string[])[] =>
  runs.map((run, index) => {
    const kind = run[0]?.[0];
    const other = kind === '-' ? runs[index + 1] : kind === '+' ? runs[index - 1] : undefined;
    if (other === undefined || other[0]?.[0] !== (kind === '-' ? '+' : '-')) return run;
    return run.map((line, at) => {
      const pair = at < most ? other[at] : undefined;
      if (pair === undefined) return line;
      return kind === '-' ? narrow(line, pair, width)[0] : narrow(pair, line, width)[1];
    });
  });

const showHunk = ({ head, lines }: Hunk, room: Room): string =>
  [head, ...narrowed(runsOf(lines), room).flatMap((run) => showRun(run, room))].join('\n');

/** As many places as there is room for. */
const fill = (header: string, hunks: readonly string[], maxBytes: number): string => {
  const shown = [header];
  let bytes = jsonBytes(header);
  for (const [index, hunk] of hunks.entries()) {
    const rest = mark(`${hunks.length - index} more places`);
    bytes += jsonBytes(hunk);
    if (bytes + rest.length > maxBytes) return [...shown, rest].join('\n');
    shown.push(hunk);
  }
  return shown.join('\n');
};

/**
 * Compares two texts, line by line, in bounded time and size.
 * @param maxBytes of the diff as JSON
 */
export const diffTexts = (before: Side, after: Side, maxBytes: number): DiffText => {
  // A line feed that is missing, or an overprinted line, is something that a person has to see.
  const [from, to] = [before, after].map((side) => (side ?? '').replaceAll('\r', '␍'));
  const header = `--- ${before === null ? '/dev/null' : 'before'}\n+++ ${after === null ? '/dev/null' : 'after'}`;
  const hunks = from === to ? [] : compareLines(from ?? '', to ?? '');
  const whole = [header, ...hunks.flatMap(({ head, lines }) => [head, ...lines])].join('\n');
  for (const room of ROOMS) {
    const diff = [header, ...hunks.map((hunk) => showHunk(hunk, room))].join('\n');
    if (jsonBytes(diff) <= maxBytes) return { diff, isCut: diff !== whole };
  }
  const [last = { run: 1, width: 1 }] = ROOMS.slice(-1);
  const shown = hunks.map((hunk) => showHunk(hunk, last));
  return { diff: fill(header, shown, maxBytes), isCut: true };
};
