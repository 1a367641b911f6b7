import { revealHidden } from './hidden-text.ts';
import { cutText, isRecord, utf8Bytes } from './json.ts';

/**
 * INVARIANT T4: content is shown as text: no links, images, HTML, table breaks or hidden characters come through. All
 * punctuation is escaped, because the UI's renderer also changes text that is no markup: `--` to –, `1/2` to ½, `$x$`.
 * Quotation marks become curly all the same; what has to be exact stands in blocks and code spans.
 */
export const escapeText = (text: string, maxBytes = 500): string =>
  cutText(revealHidden(text), maxBytes)
    .replace(/[\r\n]+/g, ' ⏎ ')
    .replace(/[!-+\--/:-@[-`{-~]/g, (char) => `&#${char.charCodeAt(0)};`);

/** Columns of a block that are in sight in a window 1200 px wide; the UI does not wrap blocks. */
const COLUMNS = 64;

/** Breaks long lines, marked. The mark never comes from content: a line feed must not pass for a break of ours. */
const wrap = (text: string): string =>
  text
    .replaceAll('↪', '⟨U+21AA⟩')
    .split('\n')
    .map((line) => (line.length <= COLUMNS ? line : line.replace(new RegExp(`.{${COLUMNS}}(?=.)`, 'gsu'), '$&\n↪ ')))
    .join('\n');

/** Content as a block of its own, between fences longer than any run of backticks in it. */
export const fenced = (shown: string): string => {
  const fence = '`'.repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}text\n${shown}\n${fence}`;
};

/** Content as lines of a block, cut to `maxBytes`, hidden characters made visible. */
export const block = (text: string, maxBytes: number): string => {
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\r', '⟨U+000D⟩');
  return fenced(wrap(cutText(revealHidden(lines), maxBytes)));
};

/** Content as a code span: exact, on one line. */
export const span = (text: string, maxBytes: number): string => {
  const shown = cutText(revealHidden(text), maxBytes).replace(/\s+/g, ' ');
  const ticks = '`'.repeat(Math.max(1, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${ticks} ${shown} ${ticks}`;
};

/** A value as text: texts as they are, the rest as indented JSON. */
export const pretty = (of: unknown): string => (typeof of === 'string' ? of : (JSON.stringify(of, null, 2) ?? 'null'));

/** A short value on a line: a text as it is, unless it would be taken for something else. */
const inLine = (of: unknown): string =>
  typeof of === 'string' && /^[^\s"[{\d-].*\S$/.test(of) && !/^(true|false|null)$/.test(of)
    ? of
    : (JSON.stringify(of) ?? 'null');

const isLong = (of: unknown): boolean =>
  typeof of === 'string' ? of.length > 200 || /[\r\n]/.test(of.trimEnd()) : (JSON.stringify(of) ?? '').length > 200;

const MAX_BLOCKS = 8;

/** Arguments: short ones as lines of one block, the others as blocks below it. Says first when something is left out. */
export const argsBlocks = (given: unknown, maxBytes: number): string => {
  const entries = isRecord(given) ? Object.entries(given) : [['arguments', given] as const];
  const long = entries.filter(([, each]) => isLong(each));
  const lines = entries.map(([key, each]) => {
    const name = /^[\w.-]+$/.test(key) ? key : JSON.stringify(key);
    return `${name}: ${isLong(each) ? `(${utf8Bytes(pretty(each))} bytes, below)` : inLine(each)}`;
  });
  const short = lines.length === 0 ? '(no arguments)' : lines.join('\n');
  const isCut =
    long.length > MAX_BLOCKS ||
    [short, ...long.map(([, each]) => pretty(each))].some((text) => utf8Bytes(text) > maxBytes);
  return [
    isCut
      ? '**Only a part of the arguments fits here.** All of them: tab **Queries**, query `pending`. Do not approve a part.'
      : '',
    block(short, maxBytes),
    ...long
      .slice(0, MAX_BLOCKS)
      .map(([key, each]) => `**${escapeText(key, 100)}**\n\n${block(pretty(each), maxBytes)}`),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};
