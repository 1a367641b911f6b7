import { canonicalText, chunksOf, isUnspaced, partsOf, squash, standsIn, wordsOf } from './canonical-text.ts';
import { type Leaf, leavesOf, textOf } from './leaves.ts';
import { numberOf } from './number-text.ts';
import { FRAGMENT, TextIndex } from './text-index.ts';
import type { TranscriptItem, Trust } from './transcript.ts';

/** Where a value came from. `model`: from nowhere that is in the transcript. */
export type Source = 'principal' | 'trusted' | 'untrusted' | 'model';

/** What is known of one value. */
type Origin = { readonly source: Source; readonly item?: string };

/** JSON pointer of each leaf of a call's arguments → where it came from, and by which transcript item. */
export type Provenance = Readonly<Record<string, Origin>>;

/** More leaves than this are summed up under their first key: a review stays small. */
const MAX_LEAVES = 256;
/** Shorter words stand in any text by chance. */
const MIN_WORD = 4;

/** A text that values may come from. */
type Voice = { readonly item: string; readonly index: TextIndex };
type Voices = {
  readonly principal: readonly Voice[];
  readonly trusted: readonly Voice[];
  readonly untrusted: readonly Voice[];
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

/** Sorts a transcript by who speaks. The model's own words are no source, nor are the platform's remarks about them. */
const voicesOf = (items: readonly TranscriptItem[], inputTrust: Trust): Voices => {
  const voices: Record<'principal' | 'trusted' | 'untrusted', Voice[]> = { principal: [], trusted: [], untrusted: [] };
  for (const item of items) {
    if (item.kind === 'goal') {
      voices.principal.push({ item: item.id, index: indexOf(item, () => item.text) });
      // INVARIANT T1: `input` is untrusted unless the specification says otherwise.
      if (item.input !== undefined) voices[inputTrust].push({ item: item.id, index: inputIndex(item, item.input) });
    } else if (item.kind === 'result') {
      voices[item.trust].push({ item: item.id, index: indexOf(item, () => textOf(item.output)) });
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
};

const wantedOf = (value: string | number): Wanted => {
  const canonical = canonicalText(String(value));
  const number = typeof value === 'number' ? value : numberOf(canonical);
  return { canonical, squashed: squash(canonical), number, words: wordsOf(canonical) };
};

/** `high`, `eur`, 7: values of which there are few. Finding one says nothing; choosing one is the model's doing. */
const isTrivial = ({ canonical, squashed, number }: Wanted): boolean => {
  if (number !== undefined) return Number.isInteger(number) && Math.abs(number) < 100;
  return squashed.length < (isUnspaced(canonical) ? 2 : MIN_WORD);
};

/** What the principal or a trusted source wrote: as it stands there, whole. */
const isSaid = ({ canonical, squashed, number, words }: Wanted, { index }: Voice): boolean => {
  if (number !== undefined && index.hasStandingNumber(number)) return true;
  const isSpaced = !isUnspaced(canonical);
  if (isSpaced && squashed.length < MIN_WORD && !/\d/.test(squashed)) return false;
  // Tells quickly that a value is not there.
  if (isSpaced && words[0] !== undefined && !index.hasToken(words[0])) return false;
  return standsIn(index.canonical, canonical);
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

const originOf = (value: Leaf['value'], voices: Voices): Origin => {
  if (value === null || typeof value === 'boolean') return { source: 'model' };
  const wanted = wantedOf(value);
  // What the principal wrote stays the principal's, however often an attacker repeats it.
  const principal = voices.principal.find((voice) => isSaid(wanted, voice));
  if (principal !== undefined) return { source: 'principal', item: principal.item };
  if (isTrivial(wanted)) return { source: 'model' };
  const untrusted = voices.untrusted.find(touching(wanted, voices.principal));
  if (untrusted !== undefined) return { source: 'untrusted', item: untrusted.item };
  const trusted = voices.trusted.find((voice) => isSaid(wanted, voice));
  return trusted === undefined ? { source: 'model' } : { source: 'trusted', item: trusted.item };
};

const DOUBT = { principal: 0, trusted: 1, model: 2, untrusted: 3 } as const satisfies Record<Source, number>;

const worse = (a: Origin | undefined, b: Origin): Origin =>
  a === undefined || DOUBT[b.source] > DOUBT[a.source] ? b : a;

const firstKey = (pointer: string): string => /^\/[^/]*/.exec(pointer)?.[0] ?? '';

/**
 * Where each value of a call's arguments came from (DESIGN §10). Pure; looking a value up takes time in the number of items,
 * not in their length.
 *
 * `principal`: the goal's words hold it, whole. Else `untrusted`: untrusted text holds it, or a part of it that decides (a domain,
 * an identifier, five words in a row). Else `trusted`: a trusted result, the instructions or a person's note hold it, whole. Else `model`: also
 * for what is chosen rather than taken (booleans, short words, numbers below 100), and for what is derived or re-coded. So `model`
 * while untrusted text is in the context is no sign of safety (INVARIANT T1).
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
