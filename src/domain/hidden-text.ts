/**
 * Code points that a reviewer cannot see or that reorder what is seen: bidirectional controls, zero-width characters,
 * tag characters, variation-selector supplements, C0/C1 controls other than tab, line feed and carriage return, and lone
 * surrogates. Source: Unicode TR36 §3, and "Trojan Source" (Boucher and Anderson, 2021).
 */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- the control characters are what is looked for
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\u{E0000}-\u{E007F}]|[\u{E0100}-\u{E01EF}]|\p{Surrogate}/u;

const HIDDEN_ALL = new RegExp(HIDDEN.source, 'gu');

/** The first hidden code point of a text as `U+202E`, or undefined. */
const findHidden = (text: string): string | undefined => {
  const found = HIDDEN.exec(text)?.[0];
  return found === undefined
    ? undefined
    : `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
};

/** Shows each hidden code point as `⟨U+202E⟩`, so that a person sees that it is there (INVARIANT T4). */
export const revealHidden = (text: string): string => text.replace(HIDDEN_ALL, (char) => `⟨${findHidden(char)}⟩`);

/**
 * INVARIANT T3: arguments with hidden or bidirectional code points are rejected.
 * @returns where (JSON pointer) and what, for the first one found in any string or key of a value
 */
export const findHiddenIn = (value: unknown, path = ''): { path: string; codePoint: string } | undefined => {
  if (typeof value === 'string') {
    const codePoint = findHidden(value);
    return codePoint === undefined ? undefined : { path: path === '' ? '/' : path, codePoint };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const inKey = findHidden(key);
    if (inKey !== undefined) return { path: `${path}/${revealHidden(key)}`, codePoint: inKey };
    const found = findHiddenIn(inner, `${path}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
};
