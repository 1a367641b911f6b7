/** Tells whether a text is a JSON pointer (RFC 6901); the empty one names all of a value. */
export const isPointer = (text: string): boolean => /^(?:\/(?:[^~/]|~[01])*)*$/.test(text);

const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/** What stands at a JSON pointer. Looks at own properties only, so that `/constructor` finds nothing. */
export const valueAt = (value: unknown, pointer: string): { readonly value: unknown } | undefined => {
  let at = value;
  for (const key of keysOf(pointer)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    // Of a list, `length` is an own property too.
    if (Array.isArray(at) && !/^(?:0|[1-9]\d*)$/.test(key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return { value: at };
};
