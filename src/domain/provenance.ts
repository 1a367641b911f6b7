import { canonicalText, chunksOf, isUnspaced, partsOf, squash, standsIn, wordsOf } from './canonical-text.ts';
import { type Field, fieldsOf, isIdName } from './fields.ts';
import { type Leaf, leavesOf, textOf } from './leaves.ts';
import { numberOf } from './number-text.ts';
import { type Origin, type Provenance, type Source, worse } from './origin.ts';
import { FRAGMENT, TextIndex } from './text-index.ts';
import type { ResultItem, TranscriptItem, Trust } from './transcript.ts';

export type { Provenance, Source } from './origin.ts';

/** More leaves than this are summed up under their first key: a review stays small. */
const MAX_LEAVES = 256;
/** Shorter words stand in any text by chance. */
const MIN_WORD = 4;
/** Letters and digits of a name that says which object is meant. */
const MIN_NAME = 6;
/** Characters of an identifier. */
const MAX_ID = 200;

/** A word with a capital that is too short to be looked for in other letters. */
const SHORT_NAME = /(?<![\p{L}\p{N}@._+/-])\p{Lu}[\p{L}\p{N}]{1,2}(?![\p{L}\p{N}@_+/-]|\.[\p{L}\p{N}])/gu;

/** A text that values may come from. */
type Voice = { readonly item: string; readonly index: TextIndex };
/** What a tool returned: it also has fields, read when they are needed. */
type Register = Voice & { readonly fields: () => readonly Field[] };
/** The principal's words. */
type Words = Voice & { readonly names: ReadonlySet<string> };
type Voices = {
  readonly principal: readonly Words[];
  /** The instructions and people's notes, as they stand. */
  readonly trusted: readonly Voice[];
  readonly untrusted: readonly Voice[];
  /** Results of trusted tools. */
  readonly registers: readonly Register[];
  /** All results. */
  readonly results: readonly Register[];
};

/** An index costs far more than a look-up, and items never change. */
const indexes = new WeakMap<object, TextIndex>();

const indexOf = (item: object, text: () => string): TextIndex => {
  const found = indexes.get(item) ?? new TextIndex(text());
  indexes.set(item, found);
  return found;
};

const inputs = new WeakMap<object, { readonly index: TextIndex }>();

const inputIndex = (item: object, input: unknown): TextIndex => {
  const found = inputs.get(item) ?? { index: new TextIndex(textOf(input)) };
  inputs.set(item, found);
  return found.index;
};

const fields = new WeakMap<object, readonly Field[]>();

/** Reading costs more than an index, and most values need none. */
const registerOf = (item: ResultItem): Register => ({
  item: item.id,
  index: indexOf(item, () => textOf(item.output)),
  fields: () => {
    const found = fields.get(item) ?? fieldsOf(item.output);
    fields.set(item, found);
    return found;
  },
});

const names = new WeakMap<object, ReadonlySet<string>>();

/** Short words with a capital, as they are written: `Bob` and `EUR` say something where `to` stands by chance. */
const namesOf = (item: object, text: string): ReadonlySet<string> => {
  const found = names.get(item) ?? new Set(text.normalize('NFKC').match(SHORT_NAME));
  names.set(item, found);
  return found;
};

/** The platform's own words about a call that did not run repeat the model's, and so are no source. */
const isSource = (item: TranscriptItem): boolean =>
  item.kind !== 'result' || item.status !== 'rejected' || item.human !== undefined;

/** Sorts a transcript by who speaks. The model's own words are no source, nor are the platform's remarks about them. */
const voicesOf = (items: readonly TranscriptItem[], inputTrust: Trust): Voices => {
  const voices = {
    principal: [] as Words[],
    trusted: [] as Voice[],
    untrusted: [] as Voice[],
    registers: [] as Register[],
    results: [] as Register[],
  } satisfies Voices;
  for (const item of items.filter(isSource)) {
    if (item.kind === 'goal') {
      voices.principal.push({
        item: item.id,
        index: indexOf(item, () => item.text),
        names: namesOf(item, item.text),
      });
      // INVARIANT T1: `input` is untrusted unless the specification says otherwise.
      if (item.input !== undefined) voices[inputTrust].push({ item: item.id, index: inputIndex(item, item.input) });
    } else if (item.kind === 'result') {
      const register = registerOf(item);
      voices.results.push(register);
      (item.trust === 'trusted' ? voices.registers : voices.untrusted).push(register);
    } else if (item.kind === 'setup') {
      voices.trusted.push({ item: item.id, index: indexOf(item, () => item.instructions) });
    } else if (item.kind === 'note' && item.from === 'human') {
      // INVARIANT T1: what people add grants nothing; it is no worse than a trusted tool's word.
      voices.trusted.push({ item: item.id, index: indexOf(item, () => item.text) });
    }
  }
  return voices;
};

/** A value in the forms in which it is compared. */
type Wanted = {
  readonly canonical: string;
  readonly squashed: string;
  readonly number: number | undefined;
  readonly words: readonly string[];
  /** In a script without spaces. */
  readonly isUnspaced: boolean;
};

const wantedOf = (value: string | number): Wanted => {
  const canonical = canonicalText(String(value));
  const number = typeof value === 'number' ? value : numberOf(canonical);
  return {
    canonical,
    squashed: squash(canonical),
    number,
    words: wordsOf(canonical),
    isUnspaced: isUnspaced(canonical),
  };
};

/** `high`, `eur`, 7: values of which there are few. Finding one says nothing; choosing one is the model's doing. */
const isTrivial = ({ squashed, number, isUnspaced }: Wanted): boolean => {
  if (number !== undefined) return Number.isInteger(number) && Math.abs(number) < 100;
  return squashed.length < (isUnspaced ? 2 : MIN_WORD);
};

/** Tells quickly that a value is not there. */
const mayStandIn = ({ isUnspaced, words }: Wanted, index: TextIndex): boolean =>
  isUnspaced || words[0] === undefined || index.hasToken(words[0]);

/** What the principal or a trusted source wrote: as it stands there, whole. */
const isSaid = (wanted: Wanted, { index }: Voice): boolean => {
  const { canonical, squashed, number } = wanted;
  if (number !== undefined && index.hasStandingNumber(number)) return true;
  if (!wanted.isUnspaced && squashed.length < MIN_WORD && !/\d/.test(squashed)) return false;
  return mayStandIn(wanted, index) && standsIn(index.canonical, canonical);
};

/**
 * Addresses, paths, identifiers and numbers in a text, and of each the part that decides (its domain, its host): those that the
 * principal did not write.
 */
const decisiveTokens = (canonical: string, principal: readonly Voice[]): string[] => {
  const chunks = chunksOf(canonical).filter((chunk) => /[\d@._/-]/.test(chunk));
  const tokens = chunks.flatMap((chunk) => [chunk, ...partsOf(chunk)]);
  return [...new Set(tokens)].filter(
    (token) => token.length >= MIN_WORD && !principal.some(({ index }) => index.hasToken(token)),
  );
};

/** Tells what an outsider wrote, or wrote a part of: in any notation, anywhere. */
const touching = ({ canonical, squashed, number, words }: Wanted, principal: readonly Voice[]) => {
  const tokens = decisiveTokens(canonical, principal);
  const isPrincipals = (run: string): boolean => principal.some(({ index }) => index.holds(run));
  return ({ index }: Voice): boolean =>
    (number !== undefined && index.hasNumber(number)) ||
    (words.length === 1 && index.hasToken(canonical)) ||
    (squashed.length < FRAGMENT && index.holds(squashed)) ||
    tokens.some((token) => index.hasToken(token)) ||
    index.findFragment(squashed, FRAGMENT, isPrincipals) !== undefined;
};

/** A result in which the value is a field, or an entry of a list, of its own. */
const isField =
  (wanted: Wanted) =>
  (register: Register): boolean =>
    wanted.canonical !== '' &&
    mayStandIn(wanted, register.index) &&
    register.fields().some(({ value }) => value === wanted.canonical);

/** Whether words single out one object of a result: the principal wrote a name that no other object there has. */
const isNamed = (record: number, all: readonly Field[], principal: readonly Voice[]): boolean =>
  all.some((field) => {
    if (field.record !== record || !field.isDirect || isIdName(field.name)) return false;
    const name = wantedOf(field.value);
    if (name.number !== undefined || name.squashed.length < MIN_NAME) return false;
    const isAlone = all.every((other) => other.record === record || other.value !== field.value);
    return isAlone && principal.some((voice) => isSaid(name, voice));
  });

/**
 * The identifier of an object that the principal named: the words of the goal choose it, not whoever else is heard. Only in fields
 * for identifiers, which are the system's own; an identifier that merely stands in a text there is anybody's.
 */
const isNamedId =
  (wanted: Wanted, { principal }: Voices) =>
  (result: Register): boolean => {
    const { canonical } = wanted;
    if (canonical === '' || canonical.length > MAX_ID || !mayStandIn(wanted, result.index)) return false;
    const all = result.fields();
    const ids = all.filter(({ value, name, isDirect }) => isDirect && value === canonical && isIdName(name));
    return ids.length > 0 && ids.every(({ record }) => isNamed(record, all, principal));
  };

const found = (source: Source, voice: Voice | undefined): Origin | undefined =>
  voice === undefined ? undefined : { source, item: voice.item };

const originOf = (value: Leaf['value'], voices: Voices): Origin => {
  if (value === null || typeof value === 'boolean') return { source: 'model' };
  const wanted = wantedOf(value);
  // What the principal wrote stays the principal's, however often an attacker repeats it.
  const principal = voices.principal.find(
    (voice) => isSaid(wanted, voice) || voice.names.has(String(value).normalize('NFKC')),
  );
  if (principal !== undefined) return { source: 'principal', item: principal.item };
  const named = found('trusted', voices.results.find(isNamedId(wanted, voices)));
  if (named !== undefined) return named;
  if (isTrivial(wanted)) return { source: 'model' };
  return (
    found('untrusted', voices.untrusted.find(touching(wanted, voices.principal))) ??
    found('trusted', voices.registers.find(isField(wanted))) ??
    // A register vouches for its values; words inside of a text there may be an outsider's who chose that text.
    found(
      'untrusted',
      voices.registers.find((voice) => isSaid(wanted, voice)),
    ) ??
    found(
      'trusted',
      voices.trusted.find((voice) => isSaid(wanted, voice)),
    ) ?? { source: 'model' }
  );
};

const firstKey = (pointer: string): string => /^\/[^/]*/.exec(pointer)?.[0] ?? '';

/**
 * Where each value of a call's arguments came from (DESIGN §10). Pure; looking a value up takes time in the number of items,
 * not in their length.
 *
 * `principal`: the goal's words hold it, whole. Else `trusted`: it is the identifier of an object that the goal names and that no
 * other one of that result is called. Else `untrusted`: untrusted text holds it, or a part of it that decides (a domain, an identifier,
 * five words in a row), or it stands inside of a text that a trusted tool returned. Else `trusted`: a trusted result has it as a value of its
 * own, or the instructions or a person's note hold it, whole. Else `model`: also for what is chosen rather than taken (booleans, short
 * words, numbers below 100), and for what is derived or re-coded. So `model` while untrusted text is in the context is no sign of
 * safety (INVARIANT T1).
 * @param inputTrust of the goal's `input`
 */
export const provenanceOf = (
  args: unknown,
  items: readonly TranscriptItem[],
  inputTrust: Trust = 'untrusted',
): Provenance => {
  const voices = voicesOf(items, inputTrust);
  const found = new Map<string, Origin>();
  const known = new Map<Leaf['value'], Origin>();
  const leaves = leavesOf(args);
  for (const [index, { pointer, value }] of leaves.entries()) {
    const origin = known.get(value) ?? originOf(value, voices);
    known.set(value, origin);
    const at = index < MAX_LEAVES ? pointer : firstKey(pointer);
    found.set(at, worse(found.get(at), origin));
  }
  return Object.fromEntries(found);
};

/**
 * Whether what a call returns is untrusted because of its arguments (INVARIANT T1).
 * @param isContextUntrusted untrusted text is in the model's context: what the model chose may then be an outsider's choice
 */
export const argsAreUntrusted = (provenance: Provenance, isContextUntrusted = false): boolean =>
  Object.values(provenance).some(({ source }) => source === 'untrusted' || (source === 'model' && isContextUntrusted));
