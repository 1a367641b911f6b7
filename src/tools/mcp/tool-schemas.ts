import { findHiddenIn } from '../../domain/hidden-text.ts';
import { isRecord, type JsonObject, jsonBytes } from '../../domain/json.ts';
import { fromJsonSchema } from '../schema.ts';
import type { ToolSchema } from '../tool.ts';
import { cleanSchema, isTooDeep } from './text.ts';

const MAX_BYTES = 64 * 1024;
/** Schemas that a schema unfolds to, references followed: doubling references would hold the worker for hours. */
const MAX_UNFOLDED = 20_000;
const MAX_PATTERN = 200;
const UNBOUNDED = /[*+]|\{\d+,\}/g;

/**
 * A pattern whose time grows with the text at worst: short, anchored, one repetition without a bound, no repeated groups, no
 * look-around, no back references.
 */
const isPlainPattern = (pattern: unknown): boolean =>
  typeof pattern === 'string' &&
  pattern.length <= MAX_PATTERN &&
  (pattern.match(UNBOUNDED)?.length ?? 0) <= 1 &&
  (pattern.startsWith('^') || pattern.search(UNBOUNDED) === -1) &&
  !/\)[*+?{]|\(\?|\\[1-9k]/.test(pattern);

const MAX_UNIQUE = 1_000;

const isCheapUnique = ({ maxItems }: Record<string, unknown>): boolean =>
  typeof maxItems === 'number' && maxItems <= MAX_UNIQUE;

const dropPatterns = (schema: Record<string, unknown>): Record<string, unknown> => {
  const { patternProperties, additionalProperties: _, unevaluatedProperties: __, ...rest } = schema;
  if (!isRecord(patternProperties) || Object.keys(patternProperties).every(isPlainPattern)) return schema;
  return rest;
};

/** Draft 7 wrote tuples otherwise. */
const newTuples = (schema: Record<string, unknown>): Record<string, unknown> => {
  const { items, additionalItems, ...rest } = schema;
  if (!Array.isArray(items)) return schema;
  return { ...rest, prefixItems: items, ...(additionalItems === undefined ? {} : { items: additionalItems }) };
};

/**
 * What the worker can check in bounded time. Only checks are taken out, and the server checks its arguments itself. The keys
 * below `properties` are names, not keywords.
 */
const boundChecks = (schema: unknown, isProperties = false): unknown => {
  if (Array.isArray(schema)) return schema.map((each) => boundChecks(each));
  if (!isRecord(schema)) return schema;
  const own = isProperties ? schema : newTuples(dropPatterns(schema));
  return Object.fromEntries(
    Object.entries(own).flatMap(([key, value]) => {
      if (!isProperties && key === 'pattern' && !isPlainPattern(value)) return [];
      if (!isProperties && key === 'uniqueItems' && !isCheapUnique(own)) return [];
      const holdsNames = !isProperties && (key === 'properties' || key === '$defs' || key === 'definitions');
      return [[key, boundChecks(value, holdsNames)]];
    }),
  );
};

const pointTo = (root: unknown, pointer: string): unknown => {
  let at = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at =
      (isRecord(at) || Array.isArray(at)) && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  }
  return at;
};

/** Counts what a schema unfolds to; a reference into what is being unfolded recurses with the data and counts once. */
const unfolds = (root: unknown, budget: { left: number }): void => {
  const open = new Set<unknown>();
  const visit = (at: unknown): void => {
    if (typeof at !== 'object' || at === null || budget.left <= 0 || open.has(at)) return;
    budget.left -= 1;
    open.add(at);
    for (const value of Object.values(at)) visit(value);
    const reference = '$ref' in at ? at.$ref : undefined;
    if (typeof reference === 'string') visit(pointTo(root, reference));
    open.delete(at);
  };
  visit(root);
};

const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

const findRemote = (schema: unknown): string | undefined => {
  if (typeof schema !== 'object' || schema === null) return undefined;
  for (const [key, value] of Object.entries(schema)) {
    if (REFERENCES.has(key) && typeof value === 'string' && !value.startsWith('#')) return value;
    const found = findRemote(value);
    if (found !== undefined) return found;
  }
  return undefined;
};

const problemOf = (schema: Record<string, unknown>): string | undefined => {
  if (isTooDeep(schema)) return 'nests too deeply';
  if (jsonBytes(schema) > MAX_BYTES) return `has more than ${MAX_BYTES / 1024} KB`;
  const remote = findRemote(schema);
  if (remote !== undefined) return `refers to another document, ${remote.slice(0, 100)}`;
  const hidden = findHiddenIn(schema);
  if (hidden !== undefined) return `has the hidden character ${hidden.codePoint} at ${hidden.path.slice(0, 200)}`;
  const budget = { left: MAX_UNFOLDED };
  unfolds(schema, budget);
  return budget.left > 0 ? undefined : 'unfolds to too much';
};

/** A schema that can be used, or why not. */
export type Usable<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const compile = (what: string, given: unknown): Usable<ToolSchema> => {
  if (!isRecord(given)) return { ok: false, problem: `its ${what} is no object` };
  if (isTooDeep(given)) return { ok: false, problem: `its ${what} nests too deeply` };
  // Draft 7 is what many servers name; its keywords mean the same here, tuples apart.
  const { $schema: _, $id: __, ...rest } = cleanSchema(given) as Record<string, unknown>;
  const problem = problemOf(rest);
  if (problem !== undefined) return { ok: false, problem: `its ${what} ${problem}` };
  try {
    const { json, parse } = fromJsonSchema(boundChecks(rest) as JsonObject);
    const safely: ToolSchema['parse'] = async (value) => {
      try {
        return await parse(value);
      } catch (error) {
        // A schema that refers to itself without an end overflows the stack.
        return { ok: false, problems: `could not be checked: ${String(error).slice(0, 200)}` };
      }
    };
    return { ok: true, value: { json, parse: safely } };
  } catch (error) {
    return { ok: false, problem: `its ${what} is not valid: ${String(error).slice(0, 300)}` };
  }
};

/** The schema of a tool's arguments. `decision` is the platform's own argument. */
export const inputSchemaOf = (given: unknown): Usable<ToolSchema> => {
  if (!isRecord(given) || given['type'] !== 'object')
    return { ok: false, problem: 'its inputSchema is not of type object' };
  const { properties, required } = given;
  const isTaken =
    (isRecord(properties) && Object.hasOwn(properties, 'decision')) ||
    (Array.isArray(required) && required.includes('decision'));
  if (isTaken) return { ok: false, problem: 'its argument "decision" has the name of the platform’s own' };
  return compile('inputSchema', given);
};

/** The schema of what a tool returns, where it declares one. */
export const outputSchemaOf = (given: unknown): Usable<ToolSchema | undefined> =>
  given === undefined || given === null ? { ok: true, value: undefined } : compile('outputSchema', given);
