import type { Prompt } from '../activities/ports.ts';
import { isRecord } from '../domain/json.ts';

/** What the text of an answer has to be. `strict`: the provider makes sure of it. */
export type OutputFormat = { readonly name: string; readonly strict: boolean; readonly schema: unknown };

/** What strict mode takes of JSON Schema everywhere; with other keywords a provider would refuse the request. */
const STRICT_KEYWORDS = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'anyOf',
  'enum',
  'const',
  'description',
]);
/** Providers take five levels at least. */
const MAX_DEPTH = 5;

const isClosed = ({ properties, required, additionalProperties }: Record<string, unknown>): boolean => {
  const names = Object.keys(isRecord(properties) ? properties : {});
  return additionalProperties === false && Array.isArray(required) && names.every((name) => required.includes(name));
};

const partsOf = ({ properties, items, anyOf }: Record<string, unknown>): unknown[] => [
  ...(isRecord(properties) ? Object.values(properties) : []),
  ...(items === undefined ? [] : [items]),
  ...(Array.isArray(anyOf) ? anyOf : []),
];

/** Every part says what it is, lists of what, and objects all of their properties. */
const isSaid = (schema: Record<string, unknown>): boolean => {
  const { type, items, anyOf, properties } = schema;
  if (type === 'object' || properties !== undefined) return isClosed(schema);
  if (type === 'array') return items !== undefined;
  return typeof type === 'string' || Array.isArray(anyOf);
};

const isStrictPart = (schema: unknown, depth: number): boolean => {
  if (!isRecord(schema) || depth > MAX_DEPTH) return false;
  if (!Object.keys(schema).every((keyword) => STRICT_KEYWORDS.has(keyword))) return false;
  return isSaid(schema) && partsOf(schema).every((part) => isStrictPart(part, depth + 1));
};

/** Tells whether a schema can be sent as strict: an object, closed and with everything required, all the way down. */
export const isStrictSchema = (schema: unknown): boolean =>
  isRecord(schema) && schema['type'] === 'object' && !('anyOf' in schema) && isStrictPart(schema, 1);

/**
 * The format that a prompt asks for: its own, or that of the task's final output. The latter is never strict: the model
 * may also speak between calls.
 */
export const formatOf = ({ format, setup }: Prompt): OutputFormat | undefined => {
  if (format !== undefined) return { ...format, strict: isStrictSchema(format.schema) };
  return setup.output === undefined ? undefined : { name: 'final_output', strict: false, schema: setup.output };
};
