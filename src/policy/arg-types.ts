import { isRecord, type JsonObject } from '../domain/json.ts';
import { type ArgType, combine, type Field, isSameType, type RecordType, unite } from './arg-type.ts';

/** Deeper than this, arguments cannot be seen by policies. */
const MAX_DEPTH = 12;

/** Names that Cedar's JSON takes as its own (INVARIANT T2), and the one that JavaScript does. */
const RESERVED = new Set(['__entity', '__extn', '__expr', '__proto__']);

/** A type, where a schema has one, and whether null may stand for it. */
type Typed = { readonly type?: ArgType | undefined; readonly isNullable?: boolean };

type At = { readonly root: JsonObject; readonly depth: number; readonly budget: { left: number } };

/** Schemas that are looked into; one that refers to itself in many ways would never end. */
const MAX_SCHEMAS = 20_000;

const SCALARS: Record<string, ArgType> = {
  string: { kind: 'string' },
  boolean: { kind: 'bool' },
  integer: { kind: 'long' },
  number: { kind: 'decimal' },
};

const typeOfValue = (value: unknown): ArgType | undefined => {
  if (typeof value === 'string') return SCALARS['string'];
  if (typeof value === 'boolean') return SCALARS['boolean'];
  return Number.isSafeInteger(value) ? SCALARS['integer'] : undefined;
};

const fromValues = (values: readonly unknown[]): Typed => {
  const types = values.filter((value) => value !== null).map(typeOfValue);
  const [first] = types;
  const isOne = first !== undefined && types.every((type) => type !== undefined && isSameType(type, first));
  return { type: isOne ? first : undefined, isNullable: values.includes(null) };
};

const resolve = (schema: JsonObject, root: JsonObject): unknown => {
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  if (!reference.startsWith('#/')) return undefined;
  let found: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    found = isRecord(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
};

const recordOf = (schema: Record<string, unknown>, at: At): RecordType => {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const fields = new Map<string, Field>();
  for (const [name, property] of Object.entries(properties)) {
    if (RESERVED.has(name) || !name.isWellFormed()) continue;
    const { type, isNullable } = typeOf(property, at);
    if (type !== undefined) fields.set(name, { type, isRequired: required.has(name) && isNullable !== true });
  }
  return { kind: 'record', fields };
};

const ofName = (name: unknown, schema: Record<string, unknown>, at: At): ArgType | undefined => {
  if (name === 'object') return recordOf(schema, at);
  if (name === 'array') {
    if (schema['prefixItems'] !== undefined) return undefined;
    const { type, isNullable } = typeOf(schema['items'], at);
    return type === undefined || isNullable === true ? undefined : { kind: 'set', element: type };
  }
  return typeof name === 'string' && Object.hasOwn(SCALARS, name) ? SCALARS[name] : undefined;
};

/** What `type`, `enum`, `const` and `properties` of a schema say. */
const ownType = (schema: Record<string, unknown>, at: At): Typed => {
  const names = [schema['type'] ?? (isRecord(schema['properties']) ? 'object' : [])].flat();
  if (names.length === 0) {
    if (Array.isArray(schema['enum'])) return fromValues(schema['enum']);
    return 'const' in schema ? fromValues([schema['const']]) : {};
  }
  const others = names.filter((name) => name !== 'null');
  const isNullable = others.length < names.length || schema['nullable'] === true;
  return { type: others.length === 1 ? ofName(others[0], schema, at) : undefined, isNullable };
};

/** What holds for a value that meets one of several schemas. */
const ofUnion = (schemas: unknown, at: At): Typed => {
  if (!Array.isArray(schemas)) return {};
  const parts = schemas.map((schema) => typeOf(schema, at));
  const typed = parts.filter((part) => part.type !== undefined || part.isNullable !== true);
  const isNullable = parts.some((part) => part.isNullable === true);
  const [first, ...rest] = typed.map(({ type }) => type);
  const type = rest.reduce<ArgType | undefined>((one, other) => one && other && unite(one, other), first);
  return { type, isNullable };
};

const typeOf = (value: unknown, { root, depth, budget }: At): Typed => {
  if (!isRecord(value) || depth > MAX_DEPTH || budget.left <= 0) return {};
  budget.left -= 1;
  const at = { root, depth: depth + 1, budget };
  if (value['$ref'] !== undefined) return typeOf(resolve(value as JsonObject, root), at);
  const all = Array.isArray(value['allOf']) ? value['allOf'].map((part) => typeOf(part, at)) : [];
  const parts = [ownType(value, at), ofUnion(value['anyOf'], at), ofUnion(value['oneOf'], at), ...all];
  const types = parts.flatMap(({ type }) => type ?? []);
  const [first, ...rest] = types;
  return {
    type: rest.reduce<ArgType | undefined>((one, other) => one && combine(one, other), first),
    isNullable: parts.some(({ isNullable }) => isNullable === true),
  };
};

/**
 * The types by which a tool's arguments are shown to policies, from their JSON Schema. What has no Cedar type (unions of
 * different kinds, maps, tuples, unknown schemas, recursion below twelve levels) is left out.
 */
export const argTypes = (schema: JsonObject): RecordType => {
  const { type } = typeOf(schema, { root: schema, depth: 0, budget: { left: MAX_SCHEMAS } });
  return type?.kind === 'record' ? type : { kind: 'record', fields: new Map() };
};
