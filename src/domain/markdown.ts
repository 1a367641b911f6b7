import { revealHidden } from './hidden-text.ts';
import { utf8Bytes } from './json.ts';

/** Marks over and under letters, by their blocks; written out, as the ranges of hidden characters are. */
const MARK =
  '[\\u0300-\\u036F]|[\\u0483-\\u0489]|[\\u1AB0-\\u1AFF]|[\\u1DC0-\\u1DFF]|[\\u20D0-\\u20FF]|[\\uFE20-\\uFE2F]';

/**
 * What is no hidden character and can still mislead the eye: separators that a browser may break lines at, and marks that
 * pile up over the lines around them.
 */
const MISLEADING = new RegExp(`[\\u2028\\u2029]|(?<=(?:${MARK}){4})(?:${MARK})`, 'g');

const named = (char: string): string => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;

/** Shows as `⟨U+202E⟩` what a person would not see, or not as it is. */
const reveal = (text: string): string => revealHidden(text).replace(MISLEADING, named);

/** The first units of a text, without half a character at the end. */
const firstUnits = (text: string, count: number): string => {
  const last = text.charCodeAt(count - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? count - 1 : count);
};

/**
 * At most so many bytes of a text, revealed; a cut is marked. Looks at no more of the text than can be shown: a page is drawn in
 * the workflow, whose thread must not be held by 100 KB of somebody's arguments.
 */
const fit = (text: string, maxBytes: number): string => {
  const head = reveal(firstUnits(text, maxBytes));
  if (text.length <= maxBytes && utf8Bytes(head) <= maxBytes) return head;
  let kept = firstUnits(head, maxBytes);
  while (utf8Bytes(kept) > maxBytes) kept = firstUnits(head, Math.floor(kept.length * 0.9));
  return `${kept}\n[cut here: ${text.length} characters in all]`;
};

const fitsUncut = (text: string, maxBytes: number): boolean =>
  text.length <= maxBytes && utf8Bytes(reveal(text)) <= maxBytes;

/** Letters that are written from right to left; numbers and signs beside them change places on the screen. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]|[\uD802\uD803\uD83A\uD83B][\uDC00-\uDFFF]/;

/** Tells whether a text may stand on the screen in another order than it has. */
export const isReordered = (text: string): boolean => RIGHT_TO_LEFT.test(text);

/**
 * INVARIANT T4: content is shown as text: no links, images, HTML, table breaks or hidden characters come through. All
 * punctuation is escaped, because the UI's renderer also changes text that is no markup: `--` to –, `1/2` to ½, `$x$`.
 * Quotation marks become curly all the same; what has to be exact stands in blocks and code spans.
 */
export const escapeText = (text: string, maxBytes = 500): string =>
  fit(text, maxBytes)
    .replace(/[\r\n]+/g, ' ⏎ ')
    .replace(/\s+/g, ' ')
    .replace(/[!-+\--/:-@[-`{-~]/g, (char) => `&#${char.charCodeAt(0)};`);

/** Columns of a block that are in sight in a window 1200 px wide; the UI does not wrap blocks. */
const COLUMNS = 64;

const ASCII = /^[\t -~]*$/;

/** Most scripts beyond these are wider than a column; what is not loses nothing but room. */
const widthOf = (char: string): number => (char > '\u10FF' && char !== '⟨' && char !== '⟩' ? 2 : 1);

/** A line is broken after a space where one stands beyond this: a number in two halves is read as another one. */
const SPACE_FROM = 24;

/** Columns that a text takes on the screen. */
export const widthOfAll = (text: string): number => Array.from(text).reduce((sum, char) => sum + widthOf(char), 0);

/** A line of other letters than ASCII in pieces, each at most `COLUMNS` wide. */
const pieces = (line: string): readonly string[] => {
  const done: string[] = [];
  let [piece, width] = ['', 0];
  for (const char of line) {
    if (width + widthOf(char) > COLUMNS) {
      const space = piece.lastIndexOf(' ') + 1;
      const end = space > SPACE_FROM ? space : piece.length;
      done.push(piece.slice(0, end));
      piece = piece.slice(end);
      width = widthOfAll(piece);
    }
    piece += char;
    width += widthOf(char);
  }
  return [...done, piece];
};

const ASCII_PIECE = new RegExp(`(?=.{${COLUMNS + 1}})(?:.{${SPACE_FROM},${COLUMNS - 1}} |.{${COLUMNS}})`, 'gs');

const wrapLine = (line: string): string => {
  if (line.length * 2 <= COLUMNS) return line;
  if (!ASCII.test(line)) return pieces(line).join('\n↪ ');
  return line.length <= COLUMNS ? line : line.replace(ASCII_PIECE, '$&\n↪ ');
};

/** Breaks long lines, marked. The mark never comes from content: a line feed must not pass for a break of ours. */
const wrap = (text: string): string => text.replaceAll('↪', '⟨U+21AA⟩').split('\n').map(wrapLine).join('\n');

/** Content as a block of its own, between fences longer than any run of backticks in it. */
export const fenced = (shown: string, language: 'text' | 'diff' = 'text'): string => {
  const fence = '`'.repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}${language}\n${shown}\n${fence}`;
};

/** Line ends as a block has them: a carriage return alone is none. */
const toLines = (text: string): string => text.replaceAll('\r\n', '\n').replaceAll('\r', '⟨U+000D⟩');

/** Content as lines of a block, cut to `maxBytes`, hidden characters made visible. */
export const block = (text: string, maxBytes: number, language?: 'diff'): string =>
  fenced(wrap(fit(toLines(text), maxBytes)), language);

/** Tells whether a block holds all of a text. */
export const fitsBlock = (text: string, maxBytes: number): boolean =>
  text.length <= maxBytes * 2 && fitsUncut(toLines(text), maxBytes);

/** JSON to copy: as it is, so that what is pasted is what was shown. */
export const paste = (value: unknown): string => fenced(reveal(JSON.stringify(value, null, 2)));

/** Content as a code span: exact, on one line. */
export const span = (text: string, maxBytes: number): string => {
  const shown = fit(text, maxBytes).replace(/\s+/g, ' ');
  const ticks = '`'.repeat(Math.max(1, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${ticks} ${shown} ${ticks}`;
};

/** What no cell of a table holds for sure: renderers differ over pipes in code, and a browser draws white space as one space. */
const NO_CELL = /[|`\r\n\t\f\v]|\s\s|^\s|\s$|\\$|^$/;

/**
 * Content as a code span in a cell of a table: exact, hidden characters made visible. INVARIANT T4: it cannot get out of its cell,
 * whichever renderer draws it. @returns undefined where that cannot be: it has to stand elsewhere
 */
export const cell = (text: string): string | undefined => {
  const shown = reveal(text);
  return NO_CELL.test(shown) ? undefined : `\`${shown}\``;
};

/** A value as text: texts as they are, the rest as indented JSON. */
export const pretty = (of: unknown): string => (typeof of === 'string' ? of : (JSON.stringify(of, null, 2) ?? 'null'));
