import { isRecord, type Json, type JsonObject } from './json.ts';

/** A tool that a task may use: a pattern (`*` spans dots), perhaps with a JSON Schema for each constrained argument. */
export type Grant =
  | string
  | { readonly tool: string; readonly args?: Readonly<Record<string, JsonObject>> | undefined };

/** The tool pattern of a grant. */
export const toolOf = (grant: Grant): string => (typeof grant === 'string' ? grant : grant.tool);

/** An argument's name as a JSON pointer; what begins with `/` is one already. */
const toPointer = (key: string): string =>
  key.startsWith('/') ? key : `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The constraints of a grant, each with the JSON pointer of the argument that it is about. */
export const constraintsOf = (grant: Grant): readonly (readonly [pointer: string, schema: JsonObject])[] =>
  typeof grant === 'string' ? [] : Object.entries(grant.args ?? {}).map(([key, schema]) => [toPointer(key), schema]);

/** The shortest form of a JSON pointer: the argument's name where it is one. */
export const toKey = (pointer: string): string => (/^\/[^/~]+$/.test(pointer) ? pointer.slice(1) : pointer);

/** The value that a JSON pointer names; undefined where there is none. Own properties only: `__proto__` is no way out. */
export const valueAt = (value: Json | undefined, pointer: string): Json | undefined => {
  let at: unknown = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = /^\d+$/.test(key) ? at[Number(key)] : undefined;
    else at = isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at as Json | undefined;
};

/**
 * Tells whether a pattern names a tool; `*` stands for any characters, dots too. One pass, no regular expression: grants
 * come with the task, and a pattern of many stars must not hold the worker.
 */
export const matchesTool = (pattern: string, tool: string): boolean => {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return tool === pattern;
  if (!tool.startsWith(first) || !tool.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tool.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= tool.length - last.length;
};

/**
 * Tells whether a pattern certainly names every tool that another one names: the other one's stars are then letters that
 * only a star stands for. No tool's name holds a star.
 */
export const coversPattern = (outer: string, inner: string): boolean => matchesTool(outer, inner);
