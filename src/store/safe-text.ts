/** Marks a text that is stored as JSON. A clean text never begins with it. */
const MARK = '\u{1}json:';

/**
 * A text that PostgreSQL can store: one with NUL, which it refuses, or with lone surrogates, which UTF-8 has no form for,
 * becomes JSON behind a mark. Every other text, and all JSON, stays as it is.
 */
export const packText = (text: string): string =>
  text.includes('\0') || text.startsWith(MARK) || !text.isWellFormed() ? MARK + JSON.stringify(text) : text;

/** Undoes `packText`. */
export const unpackText = (text: string): string =>
  text.startsWith(MARK) ? String(JSON.parse(text.slice(MARK.length))) : text;
