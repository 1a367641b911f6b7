import { hexToBytes } from '@noble/hashes/utils.js';

const BASE64 = /[A-Za-z0-9+/_-]{8,}={0,2}/g;
const HEX = /(?:[0-9a-fA-F]{2}){4,}/g;
const MAX_RUNS = 16;

const asText = (bytes: Uint8Array): string | undefined => {
  const text = new TextDecoder('utf-8').decode(bytes);
  return text.includes('\uFFFD') ? undefined : text;
};

const fromBase64 = (run: string): string | undefined => {
  try {
    const standard = run.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', '');
    return asText(Uint8Array.from(atob(standard), (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
};

const fromHex = (run: string): string | undefined => asText(hexToBytes(run));

const fromPercent = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
};

/** What a text may be the encoding of, or holds encoded: base64, hexadecimal, URL encoding; once decoded, not again. */
export const decodingsOf = (text: string): string[] => {
  const found = [
    ...(text.match(BASE64) ?? []).slice(0, MAX_RUNS).map(fromBase64),
    ...(text.match(HEX) ?? []).slice(0, MAX_RUNS).map(fromHex),
    text.includes('%') ? fromPercent(text) : undefined,
  ];
  return found.filter((each) => each !== undefined);
};
