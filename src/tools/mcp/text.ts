import { removeHidden } from '../../domain/hidden-text.ts';
import { isRecord } from '../../domain/json.ts';

/** How deep a definition may nest; what recurses over it is safe below that. */
const MAX_DEPTH = 64;

/** Tells whether a value nests deeper than `MAX_DEPTH`. Does not recurse deeper itself. */
export const isTooDeep = (value: unknown, depth = 0): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  return depth >= MAX_DEPTH || Object.values(value).some((inner) => isTooDeep(inner, depth + 1));
};

/** A text of a server without what people cannot see, and at most `max` characters long. */
export const cleanText = (text: string, max: number): string => {
  const visible = removeHidden(text);
  return visible.length <= max ? visible : `${visible.slice(0, max).toWellFormed()} […]`;
};

const MAX_SCHEMA_TEXT = 1_000;
const PROSE = new Set(['title', 'description', '$comment']);

/** A schema with its prose cleaned; a property that is named `description` is no prose. */
export const cleanSchema = (schema: unknown, isProperties = false): unknown => {
  if (Array.isArray(schema)) return schema.map((each) => cleanSchema(each));
  if (!isRecord(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (!isProperties && typeof value === 'string' && PROSE.has(key)) return [key, cleanText(value, MAX_SCHEMA_TEXT)];
      const holdsNames = !isProperties && (key === 'properties' || key === '$defs' || key === 'definitions');
      return [key, cleanSchema(value, holdsNames)];
    }),
  );
};
