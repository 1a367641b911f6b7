/** Any value that survives `JSON.stringify` unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Tells whether a value is an object with string keys (not null, not an array). */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** How deep data may be nested: deeper nests serve only to break what reads them, `JSON.stringify` among it. */
export const MAX_DEPTH = 40;

/** Tells whether a value is nested deeper than `levels`. Looks no deeper than that itself. */
export const isDeeperThan = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1)));

/** Tells whether every number in a value is one that JSON can hold: a reader takes `1e999` for infinite. Not for deep nests. */
export const isFiniteDeep = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(isFiniteDeep)
    : typeof value !== 'number' || Number.isFinite(value);

/** Bytes of a text in UTF-8, without allocating the encoded form. */
export const utf8Bytes = (text: string): number => {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code >= 0xd800 && code <= 0xdbff && i + 1 < text.length) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
};

/** Bytes of a value once it is JSON in UTF-8; what Temporal's default converter stores. */
export const jsonBytes = (value: unknown): number => utf8Bytes(JSON.stringify(value) ?? '');

/**
 * Cuts a text to at most `maxBytes` of UTF-8 without splitting a character.
 * The cut is marked, with how much is missing, so that no reader takes a part for the whole.
 */
export const cutText = (text: string, maxBytes: number): string => {
  const total = utf8Bytes(text);
  if (total <= maxBytes) return text;
  let kept = Math.min(text.length, maxBytes);
  while (kept > 0 && utf8Bytes(text.slice(0, kept)) > maxBytes) kept = Math.floor(kept * 0.9);
  const last = text.charCodeAt(kept - 1);
  if (last >= 0xd800 && last <= 0xdbff) kept -= 1;
  const head = text.slice(0, kept);
  return `${head}\n[cut: ${utf8Bytes(head)} of ${total} bytes shown]`;
};
