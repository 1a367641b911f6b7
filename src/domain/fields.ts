import { readBlockYaml } from './block-yaml.ts';
import { canonicalText } from './canonical-text.ts';

/** A value of its own in structured data: all of a field, an entry of a list, or a key. */
export type Field = {
  /** Canonical. */
  readonly value: string;
  /** The name under which it stands; a list's name for its entries. */
  readonly name: string;
  /** Number of the object in which it stands. */
  readonly record: number;
  /** It stands in the object itself, not in a list there. */
  readonly isDirect: boolean;
};

/** Longer texts are not read: parsing costs far more than looking values up. */
const MAX_TEXT = 64 * 1024;
const MAX_FIELDS = 10_000;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isJson = (text: string): boolean => /^\s*[[{]/.test(text);

/** A text that is JSON or YAML as a whole; prose is neither. Values stay texts: `017` and `2026-05-01` mean what they say. */
const parseText = (text: string): unknown => {
  if (text.length > MAX_TEXT) return undefined;
  try {
    if (isJson(text)) return JSON.parse(text);
    return readBlockYaml(text);
  } catch {
    return undefined;
  }
};

type Open = { readonly value: unknown; readonly name: string; readonly record: number; readonly isDirect: boolean };

/** The objects and values of structured data, each value with its name and its object. Not recursive. */
const walk = (data: object): Field[] => {
  const fields: Field[] = [];
  let records = 0;
  const open: Open[] = [{ value: data, name: '', record: 0, isDirect: false }];
  for (let at = open.pop(); at !== undefined && fields.length < MAX_FIELDS; at = open.pop()) {
    const { value, name, record } = at;
    if (Array.isArray(value)) {
      for (const each of value) open.push({ value: each, name, record, isDirect: false });
    } else if (isObject(value)) {
      records += 1;
      for (const [key, each] of Object.entries(value)) {
        fields.push({ value: canonicalText(key), name: '', record: records, isDirect: false });
        open.push({ value: each, name: key, record: records, isDirect: true });
      }
    } else if (typeof value === 'string' || typeof value === 'number') {
      fields.push({ value: canonicalText(String(value)), name, record, isDirect: at.isDirect });
    }
  }
  return fields;
};

/** The fields of a tool's output that is structured, or a text that holds nothing but JSON or YAML; none of anything else. */
export const fieldsOf = (output: unknown): readonly Field[] => {
  const data = typeof output === 'string' ? parseText(output) : output;
  return isObject(data) ? walk(data) : [];
};

/** Names of fields that hold what an object is called by in its own system. */
export const isIdName = (name: string): boolean =>
  /^(?:_?ids?_?|uuid|guid)$|[_-](?:ids?|uuid|guid)_?$/i.test(name) || /[a-z](?:Ids?|ID|Uuid|UUID)$/.test(name);
