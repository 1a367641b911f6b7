import { utf8Bytes } from '../../domain/json.ts';

/** Characters that JSON escapes with a backslash and one more. */
const SHORT_ESCAPES = new Set(['"', '\\', '\n', '\r', '\t', '\b', '\f'].map((char) => char.charCodeAt(0)));

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

/** Bytes of one UTF-16 unit in JSON; a pair of surrogates has four, two for each. */
const unitBytes = (code: number): number => {
  if (SHORT_ESCAPES.has(code)) return 2;
  if (code < 0x20) return 6;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code >= 0xd800 && code <= 0xdfff ? 2 : 3;
};

/** The longest beginning of a well-formed text whose JSON, without quotes, has at most `maxBytes`; no character is split. */
export const jsonPrefix = (text: string, maxBytes: number): string => {
  let bytes = 0;
  let at = 0;
  for (; at < text.length; at++) {
    bytes += unitBytes(text.charCodeAt(at));
    if (bytes > maxBytes) break;
  }
  if (at > 0 && at < text.length && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at))) at -= 1;
  return text.slice(0, at);
};

/** The longest beginning of a well-formed text that has at most `maxBytes` in UTF-8; no character is split. */
export const utf8Prefix = (text: string, maxBytes: number): string => {
  if (text.length * 3 <= maxBytes || utf8Bytes(text) <= maxBytes) return text;
  const bytes = Buffer.from(text, 'utf8').subarray(0, maxBytes);
  return new TextDecoder('utf-8').decode(bytes, { stream: true });
};
