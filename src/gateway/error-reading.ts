import { inspect } from 'node:util';

/** A property of whatever was thrown: getters and proxies may throw themselves. */
export const readProperty = (value: unknown, key: string | symbol): unknown => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
};

/** As `readProperty`, for texts. */
export const readText = (value: unknown, key: string): string | undefined => {
  const text = readProperty(value, key);
  return typeof text === 'string' ? text : undefined;
};

/** What an error consists of: itself, its causes, and the errors of an aggregate. */
export type ErrorPart = {
  readonly error: unknown;
  /** One of several that an aggregate holds. */
  readonly isOneOfMany: boolean;
};

const MAX_PARTS = 16;

const childrenOf = (error: unknown): ErrorPart[] => {
  const cause = readProperty(error, 'cause');
  const many = readProperty(error, 'errors');
  const causes = cause === undefined || cause === null ? [] : [{ error: cause, isOneOfMany: false }];
  // Validation errors have `errors` too, of things that were never thrown.
  const isAggregate = readText(error, 'name') === 'AggregateError' && Array.isArray(many);
  return isAggregate
    ? [...causes, ...many.slice(0, MAX_PARTS + 1).map((error: unknown) => ({ error, isOneOfMany: true }))]
    : causes;
};

/**
 * An error and what is behind it, outermost first, circles left out.
 * @returns `isWhole` false: there was more than is worth looking at, so nothing can be proven by it
 */
export const partsOf = (error: unknown): { readonly parts: readonly ErrorPart[]; readonly isWhole: boolean } => {
  const parts: ErrorPart[] = [{ error, isOneOfMany: false }];
  const seen = new Set<unknown>([error]);
  for (let at = 0; at < parts.length; at++) {
    for (const child of childrenOf(parts[at]?.error)) {
      if (seen.has(child.error)) continue;
      if (parts.length >= MAX_PARTS) return { parts, isWhole: false };
      seen.add(child.error);
      parts.push(child);
    }
  }
  return { parts, isWhole: true };
};

const MAX_MESSAGE = 2_000;
const MAX_DESCRIBED = 4;

const inspectSafely = (value: unknown): string => {
  try {
    return inspect(value, { depth: 2, customInspect: false, maxStringLength: MAX_MESSAGE, maxArrayLength: 20 });
  } catch {
    return 'something that cannot be shown';
  }
};

const describeOne = (error: unknown): string => {
  if (typeof error === 'string') return error.slice(0, MAX_MESSAGE);
  const message = readText(error, 'message');
  if (message === undefined) return inspectSafely(error).slice(0, MAX_MESSAGE);
  const name = readText(error, 'name') ?? 'Error';
  const code = readProperty(error, 'code');
  const prefix = name === 'Error' ? '' : `${name.slice(0, 100)}: `;
  const suffix = typeof code === 'string' || typeof code === 'number' ? ` (${String(code).slice(0, 100)})` : '';
  return `${prefix}${message.slice(0, MAX_MESSAGE)}${suffix}`;
};

/** An error and its causes in words, of bounded length. Never throws. */
export const describeParts = (parts: readonly ErrorPart[]): string => {
  const words = parts.slice(0, MAX_DESCRIBED).map(({ error }) => describeOne(error));
  return words.join(': ').slice(0, MAX_MESSAGE).toWellFormed();
};
