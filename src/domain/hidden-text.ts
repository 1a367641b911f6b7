/**
 * Code points that a reviewer cannot see or that reorder what is seen: C0 and C1 controls other than tab, line feed and
 * carriage return, bidirectional controls, zero-width and other ignorable characters, fillers, tag characters, variation
 * selectors that no emoji needs, and lone surrogates. Sources: Unicode TR36 §3, the property Default_Ignorable_Code_Point,
 * and "Trojan Source" (Boucher and Anderson, 2021). Ranges are written out: what a workflow computes must not change with
 * the Unicode version of its runtime.
 */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- the control characters are what is looked for
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF0-\uFFFB]|\u034F|[\uFE00-\uFE0D]|[\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0000}-\u{E0FFF}]|(?<=[\uFE0E\uFE0F])[\uFE0E\uFE0F]|\p{Surrogate}/u;

const HIDDEN_ALL = new RegExp(HIDDEN.source, 'gu');

/** Most texts hold nothing but these, which is quick to see. */
const PLAIN = /^[\t\n\r\u0020-\u007E]*$/;

/** Colours and cursor movements of terminals; without its first character the rest would stay as litter. */
// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const TERMINAL_SEQUENCE = /\u001B\[[0-?]{0,64}[ -/]{0,8}[@-~]/g;

/** The first hidden code point of a text as `U+202E`, or undefined. */
const findHidden = (text: string): string | undefined => {
  if (PLAIN.test(text)) return undefined;
  const found = HIDDEN.exec(text)?.[0];
  return found === undefined
    ? undefined
    : `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
};

/** Shows each hidden code point as `⟨U+202E⟩`, so that a person sees that it is there (INVARIANT T4). */
export const revealHidden = (text: string): string => text.replace(HIDDEN_ALL, (char) => `⟨${findHidden(char)}⟩`);

/**
 * A text without hidden code points and terminal sequences (INVARIANT T3). What is left holds none, also where removing
 * one brought others together.
 */
export const removeHidden = (text: string): string => {
  if (PLAIN.test(text)) return text;
  let clean = text.replaceAll(TERMINAL_SEQUENCE, '');
  // Twice at most: a variation selector is hidden only next to another one.
  for (let pass = 0; pass < 2 && HIDDEN.test(clean); pass++) clean = clean.replaceAll(HIDDEN_ALL, '');
  return clean;
};

/**
 * INVARIANT T3: arguments with hidden or bidirectional code points are rejected.
 * Not recursive: arguments may be nested as deep as their size allows.
 * @returns where (JSON pointer) and what, for the first one found in any string or key of a value
 */
export const findHiddenIn = (value: unknown): { path: string; codePoint: string } | undefined => {
  const open: { readonly value: unknown; readonly path: string }[] = [{ value, path: '' }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { value, path } = at;
    const inText = typeof value === 'string' ? findHidden(value) : undefined;
    if (inText !== undefined) return { path: path === '' ? '/' : path, codePoint: inText };
    if (typeof value !== 'object' || value === null) continue;
    const entries = Object.entries(value);
    for (const [key] of entries) {
      const inKey = findHidden(key);
      if (inKey !== undefined) return { path: `${path}/${revealHidden(key)}`, codePoint: inKey };
    }
    for (const [key, inner] of entries.toReversed()) open.push({ value: inner, path: `${path}/${key}` });
  }
  return undefined;
};
