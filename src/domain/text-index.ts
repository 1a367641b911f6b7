import { canonicalText, chunksOf, isUnspaced, partsOf, squash, wordsOf } from './canonical-text.ts';
import { numbersAnywhereIn, numbersStandingIn } from './number-text.ts';

/** Letters and digits whose places are remembered together. */
const GRAM = 8;
/** A run of this many letters and digits is no chance: about five words. */
export const FRAGMENT = 24;
/** Candidates that are looked at; more of them count as found. */
const MAX_LOOKS = 64;

/** FNV-1a, 32 bits. */
const hashText = (text: string, from = 0, to = text.length): number => {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
};

const includesSorted = (sorted: Uint32Array | Float64Array, wanted: number): boolean => {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = sorted[middle] ?? 0;
    if (found === wanted) return true;
    if (found < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return false;
};

const tokensOf = (canonical: string): Set<number> => {
  const hashes = new Set<number>();
  for (const word of wordsOf(canonical)) hashes.add(hashText(word));
  for (const chunk of chunksOf(canonical)) {
    hashes.add(hashText(chunk));
    for (const part of partsOf(chunk)) hashes.add(hashText(part));
  }
  return hashes;
};

/** Answers whether values stand in a text, in a time that does not depend on the text's length. Lenient: for doubtful sources. */
export class TextIndex {
  readonly canonical: string;
  readonly #squashed: string;
  readonly #bits: Uint32Array;
  readonly #mask: number;
  readonly #tokens: Uint32Array;
  readonly #numbers: Float64Array;
  #standing: ReadonlySet<number> | undefined;

  constructor(text: string) {
    this.canonical = canonicalText(text);
    this.#squashed = squash(this.canonical);
    this.#tokens = Uint32Array.from(tokensOf(this.canonical)).sort();
    this.#numbers = Float64Array.from(new Set(numbersAnywhereIn(this.canonical))).sort();
    // Eight bits for each place: one in eight of what is not there has to be looked at.
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, this.#squashed.length * 8)));
    this.#mask = size - 1;
    this.#bits = new Uint32Array(size / 32);
    for (let at = 0; at + GRAM <= this.#squashed.length; at++) this.#mark(hashText(this.#squashed, at, at + GRAM));
  }

  #mark(hash: number): void {
    const bit = hash & this.#mask;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  #mayHold(text: string, at: number): boolean {
    const bit = hashText(text, at, at + GRAM) & this.#mask;
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  #mayHoldRun(text: string, from: number, to: number): boolean {
    for (let at = from; at + GRAM <= to; at += 3) if (!this.#mayHold(text, at)) return false;
    return true;
  }

  /** Whether a canonical word, chunk, domain or host stands in the text. */
  hasToken(token: string): boolean {
    return includesSorted(this.#tokens, hashText(token));
  }

  /** Whether the text can be read to hold a number, whatever its sign and notation. */
  hasNumber(number: number): boolean {
    return includesSorted(this.#numbers, Math.abs(number));
  }

  /** Whether a number stands in the text by itself, with this sign. */
  hasStandingNumber(number: number): boolean {
    this.#standing ??= new Set(numbersStandingIn(this.canonical));
    return this.#standing.has(number);
  }

  /** Whether the letters and digits of a value stand in the text, whatever stands between them. */
  holds(squashed: string): boolean {
    if (squashed.length >= GRAM) return this.findFragment(squashed, squashed.length) !== undefined;
    return squashed !== '' && isUnspaced(squashed) && this.#squashed.includes(squashed);
  }

  /** A run of `length` letters and digits (at least 8) of a value that the text holds too, and that `isFine` does not clear. */
  findFragment(squashed: string, length: number, isFine: (run: string) => boolean = () => false): string | undefined {
    const looked = new Set<string>();
    for (const run of this.#candidates(squashed, length)) {
      if (looked.has(run)) continue;
      if (looked.size >= MAX_LOOKS) return run;
      looked.add(run);
      if (this.#squashed.includes(run) && !isFine(run)) return run;
    }
    return undefined;
  }

  *#candidates(squashed: string, length: number): Generator<string> {
    const stride = length - GRAM + 1;
    // Every run of the length covers one of these places.
    for (let at = stride - 1; at + GRAM <= squashed.length; at += stride) {
      if (!this.#mayHold(squashed, at)) continue;
      for (let from = at - stride + 1; from <= at && from + length <= squashed.length; from++) {
        if (this.#mayHoldRun(squashed, from, from + length)) yield squashed.slice(from, from + length);
      }
    }
  }
}
