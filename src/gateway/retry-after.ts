import { readProperty } from './error-reading.ts';

/** No wait is longer, whatever a server asks for. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;
const MAX_HEADERS = 200;
const MAX_HEADER_LENGTH = 100;

/** A delay as somebody else gave it; undefined where it is none. */
export const toDelayMs = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.min(Math.ceil(value), MAX_RETRY_AFTER_MS)
    : undefined;

/** `Headers` of fetch, `AxiosHeaders`, a `Map`, or the plain object of Node and got. */
const headerOf = (headers: unknown, name: string): string | undefined => {
  try {
    const get = readProperty(headers, 'get');
    const found: unknown =
      typeof get === 'function'
        ? Reflect.apply(get, headers, [name])
        : Object.entries(headers ?? {})
            .slice(0, MAX_HEADERS)
            .find(([key]) => key.toLowerCase() === name)?.[1];
    const first: unknown = Array.isArray(found) ? found[0] : found;
    const isValue = typeof first === 'string' || typeof first === 'number';
    return isValue && String(first).length <= MAX_HEADER_LENGTH ? String(first).trim() : undefined;
  } catch {
    return undefined;
  }
};

const NUMBER = /^\d+(\.\d+)?$/;
/** `Date.parse` takes almost anything for a date, "-5" included. */
const HTTP_DATE = /^[A-Za-z]{3,9},? /;

const parse = (value: string): number | undefined => {
  if (NUMBER.test(value)) return toDelayMs(Number(value) * 1_000);
  if (!HTTP_DATE.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : toDelayMs(Math.max(0, at - Date.now()));
};

/** How long an answer asks to wait: `Retry-After` in seconds or as a date, or the `retry-after-ms` of some services. */
export const retryAfterOf = (error: unknown): number | undefined => {
  for (const holder of [error, readProperty(error, 'response')]) {
    const headers = readProperty(holder, 'headers');
    const millis = headerOf(headers, 'retry-after-ms');
    if (millis !== undefined && NUMBER.test(millis)) return toDelayMs(Number(millis));
    const value = headerOf(headers, 'retry-after');
    if (value !== undefined) return parse(value);
  }
  return undefined;
};

const BASE_MS = 500;
const CAP_MS = 30_000;

/**
 * How long to wait before the next attempt, milliseconds: exponential with full jitter, `random(0, min(cap, base · 2^n))`
 * (AWS Architecture Blog, "Exponential Backoff And Jitter"), after the pause that the other side asked for.
 * @param attempt the one that failed; 1 for the first
 */
export const retryDelayMs = (
  attempt: number,
  { retryAfterMs }: { readonly retryAfterMs?: number | undefined } = {},
  random: () => number = Math.random,
): number => {
  const doublings = Math.min(Math.max(0, Math.floor(attempt) - 1), 20) || 0;
  const backoffMs = random() * Math.min(CAP_MS, BASE_MS * 2 ** doublings);
  // At least 1: some schedulers take 0 for "not given".
  return Math.max(1, Math.round((toDelayMs(retryAfterMs) ?? 0) + backoffMs));
};
