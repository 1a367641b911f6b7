import { types } from 'node:util';

/** An object as array or record; `other`: something else that stands for it. */
type PlainForm =
  | { readonly kind: 'plain'; readonly value: object }
  | { readonly kind: 'other'; readonly value: unknown };

const plain = (value: object): PlainForm => ({ kind: 'plain', value });
const other = (value: unknown): PlainForm => ({ kind: 'other', value });

/** A list of more elements than anyone reads is not copied. */
const MAX_COPIED = 1_000_000;

const take = <Item>(items: Iterable<Item>): Item[] => {
  const taken: Item[] = [];
  for (const item of items) {
    if (taken.length >= MAX_COPIED) break;
    taken.push(item);
  }
  return taken;
};

const fromMap = (map: Map<unknown, unknown>): PlainForm => {
  const entries = take(map);
  const isRecord = entries.every(([key]) => typeof key === 'string');
  return plain(isRecord ? Object.fromEntries(entries as [string, unknown][]) : entries);
};

const fromError = (error: Error): PlainForm =>
  plain({
    name: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  });

/** Something that has to be read first: reading it here could take for ever. */
const isStream = (value: object): boolean =>
  ('pipe' in value && typeof value.pipe === 'function') ||
  ('getReader' in value && typeof value.getReader === 'function') ||
  Symbol.asyncIterator in value ||
  types.isGeneratorObject(value);

const fromClass = (value: object): PlainForm | undefined => {
  if (types.isDate(value)) return other(Number.isNaN(value.getTime()) ? null : value.toISOString());
  if (types.isMap(value)) return fromMap(value);
  if (types.isSet(value)) return plain(take(value));
  if (types.isNativeError(value)) return fromError(value);
  if (types.isRegExp(value)) return other(String(value));
  if (types.isBoxedPrimitive(value)) return other(value.valueOf());
  if (types.isPromise(value)) return other('[a promise: the tool did not wait for it]');
  if (types.isTypedArray(value)) return plain(take(value as Iterable<unknown>));
  return undefined;
};

/** What stands for an object in JSON. May throw what the object's own code throws. */
export const plainForm = (value: object): PlainForm => {
  const isLiteral = Object.getPrototypeOf(value) === Object.prototype;
  if (isLiteral && !('toJSON' in value)) return plain(value);
  const known = fromClass(value);
  if (known !== undefined) return known;
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const made: unknown = value.toJSON('');
    return made === value ? plain(value) : other(made);
  }
  return isStream(value) ? other('[a stream: the tool has to read it and return its content]') : plain(value);
};

/** Fields of an object, each read when it is asked for; one that throws does not hide the others. */
export const entriesOf = (value: object): { readonly count: number; readonly entries: Iterable<[string, unknown]> } => {
  const keys = Object.keys(value);
  const read = function* (): Generator<[string, unknown]> {
    for (const key of keys) yield [key, readField(value, key)];
  };
  return { count: keys.length, entries: read() };
};

const readField = (value: object, key: string): unknown => {
  try {
    return (value as Record<string, unknown>)[key];
  } catch (error) {
    return `[unreadable: ${types.isNativeError(error) ? error.message.slice(0, 200) : typeof error}]`;
  }
};
