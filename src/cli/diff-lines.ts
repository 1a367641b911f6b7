import type { Change } from '../domain/decision.ts';
import type { Paint } from './terminal.ts';
import { block, clean } from './text.ts';

const MAX_LINES = 80;
const MAX_COLUMNS = 400;

/** A line without control characters; what is cut is counted, so that nobody takes a part for the whole. */
const cutLine = (line: string): string =>
  line.length > MAX_COLUMNS ? `${line.slice(0, MAX_COLUMNS)}… +${line.length - MAX_COLUMNS} characters` : line;

/** A unified diff for a terminal. Only the first character of a line gives it its colour, and headers stand above the first hunk. */
export const diffLines = (diff: string, paint: Paint): string[] => {
  const lines = clean(diff.endsWith('\n') ? diff.slice(0, -1) : diff).split('\n');
  const firstHunk = lines.findIndex((line) => line.startsWith('@@'));
  const painted = lines.slice(0, MAX_LINES).map((line, at) => {
    const text = cutLine(line);
    if (at < firstHunk) return paint.bold(text);
    if (line.startsWith('+')) return paint.green(text);
    if (line.startsWith('-')) return paint.red(text);
    return line.startsWith('@@') ? paint.cyan(text) : text;
  });
  const rest = lines.length - MAX_LINES;
  return [...painted, ...(rest > 0 ? [paint.yellow(`… ${rest} more lines`)] : [])];
};

/** What a call would change. */
export const changeLines = ({ diff, before, isCut }: Change, paint: Paint): string[] => [
  ...(diff === undefined ? [] : diffLines(diff, paint).map((line) => `    ${line}`)),
  ...(diff !== undefined || before === undefined
    ? []
    : [`    ${paint.dim('as it is now:')}`, block(before, { indent: '    ', max: 30 })]),
  ...(isCut === true ? [`    ${paint.yellow('not all of the change is shown')}`] : []),
];
