import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isRecord } from '../domain/json.ts';
import type { ArgType, RecordType } from './arg-type.ts';
import { type Look, lookAt } from './look.ts';

/** An argument that Cedar has no value for. */
export class NotEncodable extends Error {
  override readonly name = 'NotEncodable';
  readonly pointer: string;
  constructor(pointer: string, why: string) {
    super(`${pointer === '' ? 'the arguments' : pointer} ${why}`);
    this.pointer = pointer;
  }
}

/** A JSON pointer one level deeper. */
const below = (pointer: string, name: string | number): string =>
  `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;

// Cedar's decimal is a 64-bit integer of ten-thousandths.
const MAX_DECIMAL = 922_337_203_685_477;

const decimal = (value: number, pointer: string): CedarValueJson => {
  if (Math.abs(value) > MAX_DECIMAL) throw new NotEncodable(pointer, 'is outside of the range of a decimal');
  const text = value.toFixed(4);
  if (Number(text) !== value) throw new NotEncodable(pointer, 'has more than four decimal places');
  return { __extn: { fn: 'decimal', arg: text } };
};

const number = (kind: 'long' | 'decimal', value: unknown, pointer: string): CedarValueJson => {
  if (typeof value !== 'number') throw new NotEncodable(pointer, 'is no number');
  if (kind === 'decimal') return decimal(value, pointer);
  if (Number.isSafeInteger(value)) return value;
  // Larger integers were rounded when they were read as JSON: 9007199254740993 has become another number.
  throw new NotEncodable(pointer, Number.isInteger(value) ? 'is too large an integer' : 'is no integer');
};

const scalar = (kind: Exclude<ArgType['kind'], 'set' | 'record'>, value: unknown, pointer: string): CedarValueJson => {
  if (kind === 'long' || kind === 'decimal') return number(kind, value, pointer);
  if (kind === 'bool') {
    if (typeof value !== 'boolean') throw new NotEncodable(pointer, 'is neither true nor false');
    return value;
  }
  if (typeof value !== 'string') throw new NotEncodable(pointer, 'is no text');
  if (!value.isWellFormed()) throw new NotEncodable(pointer, 'holds half of a character');
  return value;
};

/** What of a record has a value: null counts as absent where the schema lets it. */
const presentFields = (type: RecordType, value: Record<string, unknown>) =>
  [...type.fields].filter(
    ([name, { isRequired }]) => Object.hasOwn(value, name) && (value[name] !== null || isRequired),
  );

const WHOLE: Look = { isWhole: true, below: new Map() };

/**
 * Encodes arguments by their types, as far as policies look (INVARIANT T2). Only names that the schema knows become
 * attributes, so nothing in the arguments can pass for an entity or an extension value.
 * @throws NotEncodable for the first value that policies look at and Cedar cannot hold
 */
export const encode = (
  type: ArgType,
  value: unknown,
  at: { readonly look?: Look; readonly pointer?: string } = {},
): CedarValueJson => {
  const { look = WHOLE, pointer = '' } = at;
  if (type.kind === 'set') {
    if (!Array.isArray(value)) throw new NotEncodable(pointer, 'is no list');
    return value.map((each, index) => encode(type.element, each, { pointer: below(pointer, index) }));
  }
  if (type.kind !== 'record') return scalar(type.kind, value, pointer);
  if (!isRecord(value)) throw new NotEncodable(pointer, 'is no object');
  const encoded: Record<string, CedarValueJson> = {};
  for (const [name, field] of presentFields(type, value)) {
    const inner = lookAt(look, name);
    if (inner !== undefined)
      encoded[name] = encode(field.type, value[name], { look: inner, pointer: below(pointer, name) });
  }
  return encoded;
};

/** What policies cannot see of arguments. */
export type Unseen = {
  /** JSON pointers, of what has no type and of what could not be encoded. */
  readonly pointers: readonly string[];
  /** The first value that has a type and could not be encoded. */
  readonly problem?: NotEncodable | undefined;
};

/** More are not listed. */
const MAX_UNSEEN = 100;

type Found = { readonly pointers: string[]; problem?: NotEncodable };

type Place = { readonly value: unknown; readonly pointer: string };

const note = (found: Found, pointer: string): void => {
  if (found.pointers.length < MAX_UNSEEN) found.pointers.push(pointer);
};

const collectFields = (found: Found, { fields }: RecordType, { value, pointer }: Place): void => {
  const record = value as Record<string, unknown>;
  for (const name of Object.keys(record)) {
    const field = fields.get(name);
    const place = { value: record[name], pointer: below(pointer, name) };
    if (field === undefined) note(found, place.pointer);
    else if (place.value !== null || field.isRequired) collect(found, field.type, place);
  }
};

const collectValue = (found: Found, type: ArgType, { value, pointer }: Place): void => {
  try {
    encode(type, value, { pointer });
  } catch (error) {
    if (!(error instanceof NotEncodable)) throw error;
    note(found, pointer);
    found.problem ??= error;
  }
};

const collect = (found: Found, type: ArgType, place: Place): void => {
  const { value, pointer } = place;
  if (type.kind === 'set' && Array.isArray(value)) {
    for (const [index, each] of value.entries())
      collect(found, type.element, { value: each, pointer: below(pointer, index) });
  } else if (type.kind === 'record' && isRecord(value)) collectFields(found, type, place);
  else collectValue(found, type, place);
};

/** Finds what policies cannot see, whether one looks or not. */
export const findUnseen = (type: RecordType, value: unknown): Unseen => {
  const found: Found = { pointers: [] };
  collect(found, type, { value, pointer: '' });
  return found;
};
