import { canonicalText, chunksOf, isUnspaced, squash, standsIn } from './canonical-text.ts';
import { canonicalJson } from './digest.ts';
import { decodingsOf } from './encoded-text.ts';
import { type Leaf, leavesOf } from './leaves.ts';
import { numberOf, numbersStandingIn } from './number-text.ts';
import { TextIndex } from './text-index.ts';

/** A call that a person refused. The same values through another tool ask too. */
export type DeniedCall = {
  readonly callId: string;
  readonly tool: string;
  readonly args: unknown;
  readonly reason?: string;
};

/** The denied call whose values came again, and where (JSON pointers of the new arguments; `` is all of them). */
export type DeniedAgain = { readonly callId: string; readonly tool: string; readonly paths: readonly string[] };

/** Words of many calls; that one stands in a denied call says nothing about another. */
const COMMON = new Set(
  `true false none null undefined default auto other unknown read write list find search create update delete remove send open close
  start stop high medium normal info warn warning error debug text plain html json yaml csv xml markdown utf8 utf-8 today tomorrow
  yesterday daily weekly monthly ascending descending name date time type status active inactive enabled disabled pending
  done draft final public private internal test prod production staging development main master overwrite append replace
  email mail message subject body title description content path file folder user users admin customer order orders item items
  hello thanks thank please`.split(/\s+/),
);

/** A long text says the same when this many letters and digits of it come again: about eight words. */
const COPIED = 40;

/** What of a denied call is recognised. */
type Denied = {
  readonly texts: readonly string[];
  readonly squashed: readonly string[];
  readonly long: readonly string[];
  readonly numbers: readonly number[];
};

const isDistinctiveText = (canonical: string): boolean =>
  squash(canonical).length >= (isUnspaced(canonical) ? 2 : 4) && !COMMON.has(canonical);

const isDistinctiveNumber = (number: number): boolean => String(Math.abs(number)).replaceAll(/\D/g, '').length >= 3;

/** A text itself, and the addresses, paths, identifiers and numbers in it. */
const textsOf = (canonical: string): string[] => {
  const chunks = chunksOf(canonical).filter((chunk) => /[\d@/]|\w\.\w|[-_]/.test(chunk));
  return [canonical, ...chunks].filter((text) => isDistinctiveText(text) && numberOf(text) === undefined);
};

const deniedOf = (args: unknown): Denied => {
  const texts = new Set<string>();
  const numbers = new Set<number>();
  const long: string[] = [];
  for (const { value } of leavesOf(args)) {
    if (typeof value === 'number') numbers.add(Math.abs(value));
    if (typeof value !== 'string') continue;
    const canonical = canonicalText(value);
    for (const text of textsOf(canonical)) texts.add(text);
    for (const number of numbersStandingIn(canonical)) numbers.add(Math.abs(number));
    if (squash(canonical).length >= COPIED) long.push(squash(canonical));
  }
  const all = [...texts];
  return {
    texts: all,
    squashed: all.map(squash).filter((text) => text.length >= 8),
    long,
    numbers: [...numbers].filter(isDistinctiveNumber),
  };
};

const known = new WeakMap<object, Denied>();

const deniedFor = (call: DeniedCall): Denied => {
  const found = known.get(call) ?? deniedOf(call.args);
  known.set(call, found);
  return found;
};

/** Arguments of a new call: each leaf with what it can be decoded to. */
type Searched = { readonly pointer: string; readonly texts: readonly string[]; readonly index: TextIndex };

const searchedOf = ({ pointer, value }: Leaf): Searched => {
  const texts = [String(value), ...(typeof value === 'string' ? decodingsOf(value) : [])];
  return { pointer, texts: texts.map(canonicalText), index: new TextIndex(texts.join('\n')) };
};

const holds = ({ texts, index }: Searched, denied: Denied): boolean =>
  denied.texts.some((wanted) => texts.some((text) => text === wanted || standsIn(text, wanted))) ||
  denied.numbers.some((number) => index.hasNumber(number)) ||
  denied.squashed.some((wanted) => index.holds(wanted)) ||
  denied.long.some((wanted) => index.findFragment(wanted, COPIED) !== undefined);

/** Values that were taken apart: put together in their order, as text. */
const joined = (leaves: readonly Leaf[]): Searched => {
  const texts = leaves.filter(({ value }) => typeof value === 'string' || typeof value === 'number');
  return searchedOf({ pointer: '', value: texts.map(({ value }) => value).join('') });
};

const sameArgs = (tool: string, args: unknown, call: DeniedCall): boolean =>
  call.tool === tool && canonicalJson(args ?? {}) === canonicalJson(call.args ?? {});

/**
 * Finds a denied call whose values a new call brings again, through the same tool or another one: whole, inside longer texts, taken
 * apart, in other notations, in base64, hexadecimal or URL encoding. What counts are values that say something: texts of four
 * letters and digits or more that are no common words, numbers of three digits or more, addresses and identifiers in longer texts,
 * eight words in a row. The same tool with the same arguments counts whatever they are. Asks rather too often than too
 * rarely; a determined model can still say the same in other words.
 * @returns the first such call
 */
export const findDeniedValues = (
  tool: string,
  args: unknown,
  denied: readonly DeniedCall[],
): DeniedAgain | undefined => {
  if (denied.length === 0) return undefined;
  const leaves = leavesOf(args);
  const searched = leaves.filter(({ value }) => typeof value === 'string' || typeof value === 'number').map(searchedOf);
  const whole = joined(leaves);
  for (const call of denied) {
    const { callId, tool: deniedTool } = call;
    if (sameArgs(tool, args, call)) return { callId, tool: deniedTool, paths: [''] };
    const values = deniedFor(call);
    const found = searched.filter((each) => holds(each, values)).map(({ pointer }) => pointer);
    if (found.length > 0) return { callId, tool: deniedTool, paths: [...new Set(found)].slice(0, 16) };
    if (holds(whole, values)) return { callId, tool: deniedTool, paths: [''] };
  }
  return undefined;
};
