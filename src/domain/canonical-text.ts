import { removeHidden } from './hidden-text.ts';

/**
 * The form in which texts are compared (INVARIANT T3): compatibility-normalised, case-folded, without hidden characters, white
 * space collapsed.
 */
export const canonicalText = (text: string): string =>
  removeHidden(text.normalize('NFKC')).toLowerCase().replaceAll(/\s+/g, ' ').trim();

/** A canonical text's letters and digits only: `DE89 3704` and `de89-3704` are the same. */
export const squash = (canonical: string): string => canonical.replaceAll(/[^\p{L}\p{N}]+/gu, '');

/** Runs of letters and digits with what joins them: words, numbers, addresses, paths, versions. */
const CHUNK = /[\p{L}\p{N}](?:[\p{L}\p{N}@._+/-]*[\p{L}\p{N}])?/gu;
const WORD = /[\p{L}\p{N}]+/gu;

/** The chunks of a canonical text: `mail ceo@evil.com!` has `mail` and `ceo@evil.com`. */
export const chunksOf = (canonical: string): string[] => canonical.match(CHUNK) ?? [];

/** The words of a canonical text. */
export const wordsOf = (canonical: string): string[] => canonical.match(WORD) ?? [];

/** What of an address or a path means something by itself: before and after the `@`, the host before the first `/`. */
export const partsOf = (chunk: string): string[] => {
  const at = chunk.lastIndexOf('@');
  const parts = at < 0 ? [] : [chunk.slice(0, at), chunk.slice(at + 1)];
  const slash = chunk.indexOf('/', at + 1);
  return slash < 0 ? parts : [...parts, chunk.slice(at + 1, slash)];
};

/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Whether a text is in a script whose words cannot be told apart by spaces. */
export const isUnspaced = (text: string): boolean => UNSPACED.test(text);

const ALNUM = /[\p{L}\p{N}_]/u;
const JOINER = /[@._+/-]/;

const isInner = (char: string): boolean => ALNUM.test(char) && !UNSPACED.test(char);

/** Whether a text goes on, before (`step` -1) or after (1) a place, as part of the same chunk. `edge` is the value's own end. */
const goesOn = (text: string, { at, step, edge }: { at: number; step: 1 | -1; edge: string }): boolean => {
  const next = text[at] ?? '';
  if (isInner(edge)) return isInner(next) || (JOINER.test(next) && isInner(text[at + step] ?? ''));
  return JOINER.test(edge) && isInner(next);
};

/**
 * Whether a canonical value stands in a canonical text as whole chunks: `corp.com` does not stand in `ana@corp.com`, nor
 * `17` in `order-17`. Strict: for sources that speak in favour of a value.
 */
export const standsIn = (text: string, value: string): boolean => {
  if (value === '') return false;
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    if (
      !goesOn(text, { at: at - 1, step: -1, edge: value[0] ?? '' }) &&
      !goesOn(text, { at: at + value.length, step: 1, edge: value.at(-1) ?? '' })
    )
      return true;
  }
  return false;
};
