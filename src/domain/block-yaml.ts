/** Deeper data is not read. */
const MAX_DEPTH = 32;

type Line = { readonly indent: number; readonly text: string };

/** What the reader does not know for certain. Thrown, and never seen outside. */
class Unsure extends Error {}

const KEY = /^(?:"([\w.@+/ -]{1,128})"|'([\w.@+/ -]{1,128})'|([\p{L}\p{N}_][\p{L}\p{N}_.@+/ -]{0,127})):(?: |$)/u;
const BLOCK_SCALAR = /^[|>][+-]?\d?[+-]?$/;
/** Beginnings that mean something else than a plain text. */
const SPECIAL = /^[&*!%@`?,\]}#]|^[-:](?: |$)/;

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', e: '\u001b', 0: '\0' };

const unescapeOne = (escape: string): string => {
  const [, kind = '', ...digits] = escape;
  if (digits.length === 0) return ESCAPED[kind] ?? kind;
  const code = Number.parseInt(digits.join(''), 16);
  return code > 0x10ffff ? ' ' : String.fromCodePoint(code);
};

const unescape = (text: string): string =>
  text.replaceAll(/\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/gu, unescapeOne);

/** Whether a line of a text in double quotes ends with a backslash that escapes its end. */
const goesOn = (part: string): boolean => {
  let at = part.length;
  while (part[at - 1] === '\\') at--;
  return (part.length - at) % 2 === 1;
};

/** Lines of one text in double quotes. One that ends with a backslash goes on without a space. */
const joinParts = (parts: readonly string[]): string =>
  parts
    .map((part, nth) => {
      if (nth === parts.length - 1) return part;
      return goesOn(part) ? part.slice(0, -1) : `${part} `;
    })
    .join('');

/** The texts inside of quotes as far as one line goes; `isClosed` when the quote ends there, and the line with it. */
const quotedPart = (text: string, quote: string): { readonly part: string; readonly isClosed: boolean } => {
  for (let at = 0; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote && quote === "'" && text[at + 1] === quote) at++;
    else if (text[at] === quote) {
      if (text.slice(at + 1).trim() !== '') throw new Unsure();
      return { part: text.slice(0, at), isClosed: true };
    }
  }
  return { part: text, isClosed: false };
};

const isEntry = (text: string): boolean => text === '-' || text.startsWith('- ');

const nameOf = (text: string): { readonly name: string; readonly rest: string } => {
  const key = KEY.exec(text);
  const name = key?.[1] ?? key?.[2] ?? key?.[3];
  if (key === null || name === undefined) throw new Unsure();
  return { name, rest: text.slice(key[0].length).trim() };
};

/** How far from the margin, and inside of how many others. */
type Place = { readonly indent: number; readonly depth: number };

/** Reads lines from the first to the last, each once. */
class Reader {
  readonly #lines: readonly Line[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split(/\r?\n/).map((line) => {
      const indent = line.length - line.trimStart().length;
      return { indent, text: line.trim() };
    });
    this.#skipBlank();
    if (this.#lines[this.#at]?.text === '---') this.#at++;
  }

  whole(): unknown {
    this.#skipBlank();
    const value = this.#block({ indent: this.#lines[this.#at]?.indent ?? 0, depth: 0 });
    this.#skipBlank();
    if (this.#at < this.#lines.length) throw new Unsure();
    return value;
  }

  #skipBlank(): void {
    while (this.#lines[this.#at]?.text === '') this.#at++;
  }

  /** The next line that is not empty, when it stands at least this deep. */
  #next(minIndent: number): Line | undefined {
    this.#skipBlank();
    const line = this.#lines[this.#at];
    return line !== undefined && line.indent >= minIndent ? line : undefined;
  }

  #block({ indent, depth }: Place): unknown {
    const line = this.#next(indent);
    if (line === undefined || line.indent !== indent || depth > MAX_DEPTH) throw new Unsure();
    if (isEntry(line.text)) return this.#list({ indent, depth });
    this.#at++;
    return this.#object({ indent, depth }, line.text);
  }

  #list({ indent, depth }: Place): unknown[] {
    const list: unknown[] = [];
    for (let line = this.#next(indent); line !== undefined; line = this.#next(indent)) {
      if (line.indent !== indent) throw new Unsure();
      // A list may stand as deep as the name that it belongs to; what follows there is the next name.
      if (!isEntry(line.text)) break;
      const rest = line.text.slice(1).trimStart();
      const inner = indent + line.text.length - rest.length;
      this.#at++;
      if (isEntry(rest)) throw new Unsure();
      list.push(
        KEY.test(rest) ? this.#object({ indent: inner, depth: depth + 1 }, rest) : this.#value(rest, { indent, depth }),
      );
    }
    return list;
  }

  /** @param first its first line, which was taken already: it may stand behind a dash */
  #object({ indent, depth }: Place, first: string): unknown {
    if (depth > MAX_DEPTH) throw new Unsure();
    // Without a prototype, so that no name means anything.
    const object: Record<string, unknown> = Object.create(null);
    for (let text: string | undefined = first; text !== undefined; text = this.#nextName(indent)) {
      const { name, rest } = nameOf(text);
      // A name that comes twice: somebody wrote a field into a text that was not quoted.
      if (name in object) throw new Unsure();
      object[name] = rest === '' ? this.#below({ indent, depth }) : this.#value(rest, { indent, depth });
    }
    return object;
  }

  /** The line of the next name of an object. */
  #nextName(indent: number): string | undefined {
    const next = this.#next(indent);
    if (next === undefined || (next.indent === indent && isEntry(next.text))) return undefined;
    if (next.indent !== indent) throw new Unsure();
    this.#at++;
    return next.text;
  }

  /** What stands behind a name or a dash, and goes on on the deeper lines below. */
  #value(text: string, { indent, depth }: Place): unknown {
    if (text === '') return this.#block({ indent: this.#next(indent + 1)?.indent ?? -1, depth: depth + 1 });
    if (BLOCK_SCALAR.test(text)) return this.#deeper(indent).join('\n');
    const [first] = text;
    if (first === '"' || first === "'") return this.#quoted(text.slice(1), first);
    if (first === '[' || first === '{') return JSON.parse(text);
    if (SPECIAL.test(text)) throw new Unsure();
    return [text, ...this.#deeper(indent)].join(' ');
  }

  /** What stands below a name. */
  #below({ indent, depth }: Place): unknown {
    const next = this.#next(indent);
    if (next === undefined || (next.indent === indent && !isEntry(next.text))) return null;
    return this.#block({ indent: next.indent, depth: depth + 1 });
  }

  #deeper(indent: number): string[] {
    const texts: string[] = [];
    for (let line = this.#next(indent + 1); line !== undefined; line = this.#next(indent + 1)) {
      texts.push(line.text);
      this.#at++;
    }
    return texts;
  }

  #quoted(first: string, quote: string): string {
    const parts: string[] = [];
    for (let text = first; ; this.#at++) {
      const { part, isClosed } = quotedPart(text, quote);
      parts.push(part);
      if (isClosed) break;
      const line = this.#lines[this.#at];
      if (line === undefined) throw new Unsure();
      text = line.text;
    }
    return quote === '"' ? unescape(joinParts(parts)) : parts.join(' ').replaceAll("''", "'");
  }
}

/**
 * Reads YAML as programs write it: objects and lists, a line for each name or entry, texts plain, quoted or indented. Values stay
 * texts (`017`, `2026-05-01`); white space in them may change. Each line is read once: no text takes long.
 * @returns undefined for everything else, and wherever there is a doubt
 */
export const readBlockYaml = (text: string): unknown => {
  try {
    return new Reader(text).whole();
  } catch {
    return undefined;
  }
};
