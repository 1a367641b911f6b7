/** What a position has to be for a pattern to go on there. */
export type Assertion = '^' | '$' | '\\b' | '\\B';

/** A regular expression, taken apart. `atom` is the source of something that stands for exactly one character. */
export type PatternNode =
  | { readonly kind: 'atom'; readonly source: string }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number };

/** Where an escape ends: `\p{L}`, `\u{1F600}`, `\uD83D\uDE00`, `\x41`, `\cA`, or one character. */
const ESCAPE =
  /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[dD][89abAB][\dA-Fa-f]{2}\\u[dD][c-fC-F][\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|x[\dA-Fa-f]{2}|c[A-Za-z]|.)/suy;
const CLASS = /\[(?:\\.|[^\]\\])*\]/suy;
const QUANTIFIER = /(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/uy;
const ONE = /./suy;

const SIMPLE = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] } as const;

/** Reads a pattern that JavaScript takes (with its `u` flag) from left to right, once. */
class PatternReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw new SyntaxError(`it cannot be read from character ${this.#at + 1} on`);
    return node;
  }

  #choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) {
      const part = this.#part();
      parts.push(part.kind === 'assert' ? part : this.#repeated(part));
    }
    return { kind: 'sequence', parts };
  }

  #part(): PatternNode {
    if (this.#sees('(')) return this.#group();
    if (this.#sees('[')) return { kind: 'atom', source: this.#match(CLASS)[0] };
    for (const what of ['^', '$', '\\b', '\\B'] as const) if (this.#take(what)) return { kind: 'assert', what };
    if (!this.#sees('\\')) return { kind: 'atom', source: this.#match(ONE)[0] };
    const source = this.#match(ESCAPE)[0];
    if (/^\\[1-9k]/.test(source)) throw new SyntaxError('it refers back to a group, which takes unbounded time');
    return { kind: 'atom', source };
  }

  #group(): PatternNode {
    this.#take('(');
    if (this.#take('?') && !this.#take(':'))
      throw new SyntaxError('it looks ahead or behind, or names a group; use ( ) or (?: )');
    const inner = this.#choice();
    if (!this.#take(')')) throw new SyntaxError('a group does not end');
    return inner;
  }

  #repeated(part: PatternNode): PatternNode {
    QUANTIFIER.lastIndex = this.#at;
    const found = QUANTIFIER.exec(this.#source);
    if (found === null) return part;
    this.#at += found[0].length;
    const [text, low, comma, high] = found;
    if (low === undefined) {
      const [min, max] = SIMPLE[text.slice(0, 1) as keyof typeof SIMPLE];
      return { kind: 'repeat', part, min, max };
    }
    const min = Number(low);
    return { kind: 'repeat', part, min, max: comma === '' ? min : high === '' ? Infinity : Number(high) };
  }

  #sees(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    const isThere = this.#sees(text);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) throw new SyntaxError(`it cannot be read from character ${this.#at + 1} on`);
    this.#at += found[0].length;
    return found;
  }
}

/**
 * Takes a pattern apart: JavaScript's syntax with the `u` flag, without what needs backtracking (references back, looking
 * ahead or behind) and without named groups.
 * @throws SyntaxError saying what is wrong
 */
export const parsePattern = (source: string): PatternNode => {
  // The engine itself says first whether it is a pattern at all; compiling one takes time by its length only.
  void new RegExp(source, 'u');
  return new PatternReader(source).read();
};
