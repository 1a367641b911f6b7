import { isRecord, utf8Bytes } from './json.ts';
import { block, escapeText, fitsBlock, pretty } from './markdown.ts';

/** Arguments as they are shown: short ones together, the others as blocks of their own. */
export type ShownArgs = {
  /** Only a part of them is there. */
  readonly isCut: boolean;
  readonly short: string;
  readonly long: readonly string[];
  /** JSON pointers of the values beside which it stands where they come from. */
  readonly told?: ReadonlySet<string>;
};

/** Blocks of which a page has room. */
export const MAX_BLOCKS = 8;

/** A short value on a line: a text as it is, unless it would be taken for something else. */
export const inLine = (of: unknown): string =>
  typeof of === 'string' && /^[^\s"[{\d-].*\S$/.test(of) && !/^(true|false|null)$/.test(of)
    ? of
    : (JSON.stringify(of) ?? 'null');

/** Tells whether a value is shown as it is, in lines of its own. */
export const isLong = (of: unknown): boolean =>
  typeof of === 'string' ? of.length > 200 || /[\r\n]/.test(of.trimEnd()) : (JSON.stringify(of) ?? '').length > 200;

/** A value in a block of its own, under its name. */
export const named = (name: string, text: string, maxBytes: number): string =>
  `**${escapeText(name, 100)}**\n\n${block(text, maxBytes)}`;

/** What stands in the place of a long value: a text and the JSON that looks like it are told apart. */
const below = (of: unknown): string =>
  `(${utf8Bytes(pretty(of))} bytes${typeof of === 'string' ? '' : ' of JSON'}, below)`;

/** Arguments in blocks, each in at most `maxBytes`: short ones as lines of one block. */
export const argsBlocks = (given: unknown, maxBytes: number): ShownArgs => {
  const entries = isRecord(given) ? Object.entries(given) : [['arguments', given] as const];
  const long = entries.filter(([, each]) => isLong(each));
  const lines = entries.map(([key, each]) => {
    const name = /^[\w.-]+$/.test(key) ? key : JSON.stringify(key);
    return `${name}: ${isLong(each) ? below(each) : inLine(each)}`;
  });
  const short = lines.length === 0 ? '(no arguments)' : lines.join('\n');
  return {
    isCut:
      long.length > MAX_BLOCKS ||
      [short, ...long.map(([, each]) => pretty(each))].some((text) => !fitsBlock(text, maxBytes)),
    short: block(short, maxBytes),
    long: long.slice(0, MAX_BLOCKS).map(([key, each]) => named(key, pretty(each), maxBytes)),
  };
};
