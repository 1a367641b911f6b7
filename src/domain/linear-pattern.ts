import { assertNever } from './assert-never.ts';
import { type Assertion, type PatternNode, parsePattern } from './pattern-syntax.ts';

/** Steps that matching may still take; counted down over as many tests as share it. */
export type Meter = { left: number };

/** A compiled pattern. */
export type LinearPattern = {
  /** Tells whether the pattern is found anywhere in a text. @throws RangeError when the meter runs out */
  readonly test: (text: string) => boolean;
};

/** Longest pattern, characters; and most instructions, once counted repetitions are written out. */
const MAX_SOURCE = 500;
const MAX_PROGRAM = 1_000;

type Instruction =
  | { readonly op: 'one'; readonly accepts: (char: string) => boolean }
  | { readonly op: 'assert'; readonly what: Assertion }
  | { readonly op: 'split'; to: readonly number[] }
  | { readonly op: 'match' };

/** What an atom accepts, as JavaScript says: asked of one character alone, it cannot backtrack. */
const createAccepts = (source: string): ((char: string) => boolean) => {
  const pattern = new RegExp(`^(?:${source})$`, 'u');
  const known: boolean[] = [];
  return (char) => {
    const code = char.charCodeAt(0);
    if (code > 127) return pattern.test(char);
    known[code] ??= pattern.test(char);
    return known[code];
  };
};

/** Writes a pattern as a program of Thompson's kind: every instruction leads to the next one, splits lead elsewhere too. */
class Writer {
  readonly program: Instruction[] = [];

  write(node: PatternNode): void {
    switch (node.kind) {
      case 'atom':
        this.#add({ op: 'one', accepts: createAccepts(node.source) });
        break;
      case 'assert':
        this.#add({ op: 'assert', what: node.what });
        break;
      case 'sequence':
        for (const part of node.parts) this.write(part);
        break;
      case 'choice':
        this.#choice(node.parts);
        break;
      case 'repeat':
        this.#repeat(node);
        break;
      default:
        assertNever(node);
    }
  }

  #add<Added extends Instruction>(instruction: Added): Added {
    if (this.program.length >= MAX_PROGRAM) throw new RangeError('its repetitions are too many');
    this.program.push(instruction);
    return instruction;
  }

  /** A split without a target, set once it is known. */
  #split(): { op: 'split'; to: readonly number[] } {
    return this.#add({ op: 'split', to: [] });
  }

  #choice(parts: readonly PatternNode[]): void {
    const split = this.#split();
    const starts: number[] = [];
    const ends = parts.map((part) => {
      starts.push(this.program.length);
      this.write(part);
      return this.#split();
    });
    split.to = starts;
    for (const end of ends) end.to = [this.program.length];
  }

  #repeat({ part, min, max }: PatternNode & { readonly kind: 'repeat' }): void {
    for (let count = 0; count < min; count++) this.#optional(part, false);
    if (max === Infinity) {
      const start = this.program.length;
      const split = this.#split();
      this.write(part);
      this.#split().to = [start];
      split.to = [start + 1, this.program.length];
      return;
    }
    for (let count = min; count < max; count++) this.#optional(part, true);
  }

  /** Each copy takes at least one instruction, so that copies of nothing are counted as well. */
  #optional(part: PatternNode, isOptional: boolean): void {
    const split = this.#split();
    const start = this.program.length;
    this.write(part);
    split.to = isOptional ? [start, this.program.length] : [start];
  }
}

const isWord = (char: string | undefined): boolean => char !== undefined && /^\w$/.test(char);

const holds = (what: Assertion, before: string | undefined, after: string | undefined): boolean => {
  if (what === '^') return before === undefined;
  if (what === '$') return after === undefined;
  return (isWord(before) !== isWord(after)) === (what === '\\b');
};

/** Follows all ways through a program at once, a character at a time. */
class Walk {
  readonly #program: readonly Instruction[];
  /** At which character a place was reached last: no place is visited twice for one. */
  readonly #seen: Int32Array;
  #places: number[] = [];
  #count = 0;

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#seen = new Int32Array(program.length);
  }

  /** Goes on to between two characters; a match may begin at each. @returns how many places are reached */
  reach(before: string | undefined, after: string | undefined): number {
    this.#count += 1;
    const open = this.#places;
    open.push(0);
    const places: number[] = [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#seen[at] === this.#count) continue;
      this.#seen[at] = this.#count;
      places.push(at);
      const instruction = this.#program[at];
      if (instruction?.op === 'split') for (const to of instruction.to) open.push(to);
      else if (instruction?.op === 'assert' && holds(instruction.what, before, after)) open.push(at + 1);
    }
    this.#places = places;
    return places.length;
  }

  /** The last place of a program is its match. */
  get isMatch(): boolean {
    return this.#seen[this.#program.length - 1] === this.#count;
  }

  read(char: string): void {
    const next: number[] = [];
    for (const at of this.#places) {
      const instruction = this.#program[at];
      if (instruction?.op === 'one' && instruction.accepts(char)) next.push(at + 1);
    }
    this.#places = next;
  }
}

const TOO_LONG = 'the text is too long for the pattern';

const run = (program: readonly Instruction[], text: string, meter: Meter): boolean => {
  const walk = new Walk(program);
  let before: string | undefined;
  for (const char of text) {
    meter.left -= walk.reach(before, char);
    if (meter.left < 0) throw new RangeError(TOO_LONG);
    if (walk.isMatch) return true;
    walk.read(char);
    before = char;
  }
  walk.reach(before, undefined);
  return walk.isMatch;
};

/**
 * Compiles a regular expression that comes from outside, so that no text makes it slow: all ways through the pattern are
 * followed at the same time (Thompson's construction), in steps that a meter counts. It accepts what JavaScript accepts.
 * @throws SyntaxError, RangeError saying why the pattern is not taken
 */
export const compilePattern = (source: string, meter: Meter): LinearPattern => {
  if (source.length > MAX_SOURCE) throw new RangeError(`it is longer than ${MAX_SOURCE} characters`);
  const writer = new Writer();
  writer.write(parsePattern(source));
  const program: readonly Instruction[] = [...writer.program, { op: 'match' }];
  return {
    test: (text) => {
      meter.left -= text.length;
      if (meter.left < 0) throw new RangeError(TOO_LONG);
      return run(program, text, meter);
    },
  };
};
