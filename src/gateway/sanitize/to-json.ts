import { types } from 'node:util';
import type { Json } from '../../domain/json.ts';
import { type Attachment, attachmentIn, bytesOf } from './bytes.ts';
import { entriesOf, plainForm } from './plain-form.ts';

/** How a value is made JSON, and how much of it at most. */
export type JsonRules = {
  /** Applied to every text and key. */
  readonly text: (text: string) => string;
  /** What stands for an attachment. */
  readonly attachment: (attachment: Attachment) => Json;
  /** Characters of all texts and keys together. */
  readonly maxChars: number;
  /** Bytes of one attachment. */
  readonly maxAttachment: number;
};

/** A value as JSON; `isPartial`: it held more than the bounds let through, and says so where it was cut. */
export type JsonMade = { readonly json: Json; readonly isPartial: boolean };

/** Values in all: a table of 50 columns and 10,000 rows. */
const MAX_VALUES = 500_000;
/** A proxy or getter may take its time for each value. Far longer than any ordinary output takes. */
const MAX_MS = 5_000;
/** Deeper ones would blow the stack of whoever reads the result with a recursive function. */
const MAX_DEPTH = 100;

type Walk = {
  readonly rules: JsonRules;
  readonly above: Set<object>;
  readonly deadline: number;
  chars: number;
  values: number;
  isPartial: boolean;
};

const cut = (walk: Walk, mark: string): string => {
  walk.isPartial = true;
  return mark;
};

const walkText = (walk: Walk, text: string): string => {
  const room = Math.max(0, walk.rules.maxChars - walk.chars);
  walk.chars += text.length;
  if (text.length <= room) return walk.rules.text(text);
  return cut(walk, `${walk.rules.text(text.slice(0, room))}[cut: ${room} of ${text.length} characters kept]`);
};

const isFull = (walk: Walk): boolean =>
  walk.values >= MAX_VALUES ||
  walk.chars >= walk.rules.maxChars ||
  (walk.values % 256 === 0 && performance.now() > walk.deadline);

const walkArray = (walk: Walk, items: readonly unknown[], depth: number): Json => {
  const made: Json[] = [];
  const { length } = items;
  for (let at = 0; at < length; at++) {
    if (isFull(walk)) {
      made.push(cut(walk, `[cut: ${at} of ${length} elements kept]`));
      break;
    }
    made.push(walkValue(walk, items[at], depth + 1) ?? null);
  }
  return made;
};

/** A key that is free: two keys may become the same once hidden characters are gone, and neither may hide the other. */
const freeKey = (made: object, key: string): string => {
  let free = key;
  for (let n = 2; Object.hasOwn(made, free); n++) free = `${key} (${n})`;
  return free;
};

/** Defined where assigning would do something else: `__proto__` is a key like any other. */
const setField = (made: Record<string, Json>, key: string, value: Json): void => {
  if (key === '__proto__')
    Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true });
  else made[key] = value;
};

const walkRecord = (walk: Walk, value: object, depth: number): Json => {
  const made: Record<string, Json> = {};
  let kept = 0;
  const { count, entries } = entriesOf(value);
  for (const [key, inner] of entries) {
    if (isFull(walk)) {
      made[freeKey(made, '[cut]')] = cut(walk, `[cut: ${kept} of ${count} fields kept]`);
      break;
    }
    kept += 1;
    const json = walkValue(walk, inner, depth + 1);
    if (json === undefined) continue;
    setField(made, freeKey(made, walkText(walk, key)), json);
  }
  return made;
};

const walkInside = (walk: Walk, value: object, depth: number): Json | undefined => {
  if (Array.isArray(value)) return walkArray(walk, value, depth);
  const bytes = bytesOf(value);
  const { maxAttachment } = walk.rules;
  if (bytes !== undefined && bytes.length > maxAttachment) {
    return cut(walk, `[binary: ${bytes.length} bytes, more than ${maxAttachment}, not kept]`);
  }
  if (bytes !== undefined) return walk.rules.attachment({ mediaType: 'application/octet-stream', bytes });
  const attachment = attachmentIn(value, maxAttachment);
  if (typeof attachment === 'string') return cut(walk, attachment);
  if (attachment !== undefined) return walk.rules.attachment(attachment);
  const plain = plainForm(value);
  if (plain.kind === 'other') return walkValue(walk, plain.value, depth + 1);
  if (Array.isArray(plain.value)) return walkArray(walk, plain.value, depth);
  return walkRecord(walk, plain.value, depth);
};

const walkObject = (walk: Walk, value: object, depth: number): Json | undefined => {
  if (walk.above.has(value)) return '[circular]';
  if (depth > MAX_DEPTH) return cut(walk, `[cut: deeper than ${MAX_DEPTH} levels]`);
  walk.above.add(value);
  try {
    return walkInside(walk, value, depth);
  } catch (error) {
    // A getter, a `toJSON` or a trap of a proxy that throws is the tool's own code: the rest of the output stands.
    const message = types.isNativeError(error) ? error.message : typeof error;
    return `[unreadable: ${walkText(walk, message.slice(0, 200))}]`;
  } finally {
    walk.above.delete(value);
  }
};

const walkValue = (walk: Walk, value: unknown, depth: number): Json | undefined => {
  walk.values += 1;
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return walkText(walk, value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return bigJson(value);
  return typeof value === 'object' ? walkObject(walk, value, depth) : undefined;
};

const MAX_BIG = 1n << 65_536n;

/** A big integer as a text where a number would lose digits; writing one out takes time that grows with their square. */
const bigJson = (value: bigint): Json => {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  return value < MAX_BIG && value > -MAX_BIG ? String(value) : '[a number of over 19,000 digits]';
};

const TOP_LEVEL: Record<string, string> = { function: '[a function]', symbol: '[a symbol]' };

/**
 * Makes JSON of whatever a tool returned, as `JSON.stringify` would where it can: circular references, streams, functions,
 * getters that throw and proxies become short texts, maps become objects, sets become arrays, errors keep their message, bytes become
 * attachments. Bounded in values, depth and characters; never throws.
 */
export const makeJson = (value: unknown, rules: JsonRules): JsonMade => {
  const walk: Walk = {
    rules,
    above: new Set(),
    deadline: performance.now() + MAX_MS,
    chars: 0,
    values: 0,
    isPartial: false,
  };
  const json = walkValue(walk, value, 0) ?? TOP_LEVEL[typeof value] ?? null;
  return { json, isPartial: walk.isPartial };
};
