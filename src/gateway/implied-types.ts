import { isRecord, type Json } from '../domain/json.ts';

/** What kind of value a keyword speaks of. */
const SPEAKS_OF: Readonly<Record<string, string>> = {
  maximum: 'number',
  exclusiveMaximum: 'number',
  minimum: 'number',
  exclusiveMinimum: 'number',
  multipleOf: 'number',
  maxLength: 'string',
  minLength: 'string',
  pattern: 'string',
  items: 'array',
  prefixItems: 'array',
  contains: 'array',
  maxItems: 'array',
  minItems: 'array',
  uniqueItems: 'array',
  properties: 'object',
  patternProperties: 'object',
  additionalProperties: 'object',
  propertyNames: 'object',
  required: 'object',
  maxProperties: 'object',
  minProperties: 'object',
};

/** Keywords whose schemas must hold for the value itself or for parts of it. What `not` and `if` hold is left as it is: there, stricter is wider. */
const ONE = new Set(['items', 'additionalProperties', 'then', 'else']);
const MANY = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const NAMED = new Set(['properties', 'patternProperties', 'dependentSchemas']);

const within = (keyword: string, value: Json): Json => {
  if (ONE.has(keyword)) return withImpliedTypes(value);
  if (MANY.has(keyword) && Array.isArray(value)) return value.map(withImpliedTypes);
  if (NAMED.has(keyword) && isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, withImpliedTypes(schema)]));
  return value;
};

/**
 * A schema whose keywords also say what the value is: `{ "maximum": 50 }` is met by numbers alone. JSON Schema would let a
 * text pass, and a tool that turns texts into numbers would then be called with any amount.
 */
export const withImpliedTypes = (schema: Json): Json => {
  if (!isRecord(schema)) return schema;
  const entries = Object.entries(schema).map(([keyword, value]) => [keyword, within(keyword, value)] as const);
  const types = new Set(Object.keys(schema).flatMap((keyword) => SPEAKS_OF[keyword] ?? []));
  const implied = 'type' in schema || types.size === 0 ? {} : { type: [...types] };
  return { ...Object.fromEntries(entries), ...implied };
};
