import { structuredPatch } from 'diff';

/** One place that changes: its head (`@@ -1,3 +1,4 @@`) and its lines, each with ` `, `-`, `+` or `\` in front. */
export type Hunk = { readonly head: string; readonly lines: readonly string[] };

/** Larger texts are not compared line by line, characters. */
const MAX_TEXT = 400_000;
/** Bounds of the comparison's work: it grows with the square of what differs. */
const MAX_EDITS = 500;
const MAX_MS = 200;
const CONTEXT = 3;

/** Of the format: a place of no lines is named by the line before it. */
const range = (start: number, length: number): string =>
  length === 1 ? `${start}` : `${length === 0 ? start - 1 : start},${length}`;

const headOf = (from: readonly [number, number], to: readonly [number, number]): string =>
  `@@ -${range(...from)} +${range(...to)} @@`;

/** Lines as the comparison sees them: what ends the last one is no line of its own. */
const linesOf = (text: string): string[] => {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

const commonStart = (before: readonly string[], after: readonly string[]): number => {
  const length = Math.min(before.length, after.length);
  let same = 0;
  while (same < length && before[same] === after[same]) same++;
  return same;
};

/** What there is between the beginning and the end that two texts share: one place. Linear, so it is always done in time. */
const replaced = (before: string, after: string): readonly Hunk[] => {
  const [from, to] = [linesOf(before), linesOf(after)];
  const start = commonStart(from, to);
  const [restFrom, restTo] = [from.slice(start), to.slice(start)];
  const end = commonStart(restFrom.toReversed(), restTo.toReversed());
  const gone = restFrom.slice(0, restFrom.length - end);
  const come = restTo.slice(0, restTo.length - end);
  const first = Math.max(0, start - CONTEXT);
  const head = from.slice(first, start);
  const tail = restFrom.slice(restFrom.length - end).slice(0, CONTEXT);
  const around = head.length + tail.length;
  const lines = [
    ...head.map((line) => ` ${line}`),
    ...gone.map((line) => `-${line}`),
    ...come.map((line) => `+${line}`),
    ...tail.map((line) => ` ${line}`),
  ];
  return [{ head: headOf([first + 1, gone.length + around], [first + 1, come.length + around]), lines }];
};

/** The places where two texts differ. The work is bounded: texts that are too large, or too different, differ in one place. */
export const compareLines = (before: string, after: string): readonly Hunk[] => {
  if (before.length > MAX_TEXT || after.length > MAX_TEXT) return replaced(before, after);
  const options = { context: CONTEXT, maxEditLength: MAX_EDITS, timeout: MAX_MS };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  if (patch === undefined) return replaced(before, after);
  return patch.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
    head: headOf([oldStart, oldLines], [newStart, newLines]),
    lines,
  }));
};
