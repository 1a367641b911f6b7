import { Webhook } from 'standardwebhooks';
import type { Delivery } from '../gateway/desk-ports.ts';
import type { Endpoint } from './endpoint.ts';

/** What came of an attempt. `error` holds neither the URL nor anything that the receiver said. */
export type Sent =
  | { readonly kind: 'delivered' }
  /** The receiver wants no more of it. */
  | { readonly kind: 'gone'; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string; readonly retryAfterMs?: number };

/** The longest that a receiver may put us off: what it says is not ours to believe. */
const MAX_PUT_OFF_MS = 3_600_000;

/** `Retry-After`: seconds, or a date. */
const putOffMs = (header: string | null): number | undefined => {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_PUT_OFF_MS);
};

const judge = ({ status, type, headers }: Response): Sent => {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 410) return { kind: 'gone', error: 'answered with 410: it wants no more of this' };
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    return { kind: 'failed', error: `answered with ${status}: redirects are not followed; configure the final URL` };
  }
  const retryAfterMs = status === 429 || status === 503 ? putOffMs(headers.get('retry-after')) : undefined;
  return { kind: 'failed', error: `answered with ${status}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
};

const codeOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  return codeOf(error.cause);
};

const headersOf = ({ key }: Endpoint, { id, body }: Delivery): Record<string, string> => {
  // The time of this attempt: a receiver refuses what is older than a few minutes.
  const now = new Date();
  return {
    'content-type': 'application/json',
    'user-agent': 'holdfast',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(key, { format: 'raw' }).sign(id, now, body),
  };
};

/**
 * Sends a message once, signed by the rules of Standard Webhooks. Follows no redirect and reads no answer. Never throws.
 * @param signal ends the attempt early
 */
export const send = async (endpoint: Endpoint, delivery: Delivery, signal: AbortSignal): Promise<Sent> => {
  const timeout = AbortSignal.timeout(endpoint.timeoutMs);
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: headersOf(endpoint, delivery),
      body: delivery.body,
      redirect: 'manual',
      signal: AbortSignal.any([timeout, signal]),
    });
    // However much it would say: the connection goes, nothing is read.
    await response.body?.cancel().catch(() => undefined);
    return judge(response);
  } catch (error) {
    if (signal.aborted) return { kind: 'failed', error: 'the worker stopped', retryAfterMs: 0 };
    if (timeout.aborted) return { kind: 'failed', error: `did not answer within ${endpoint.timeoutMs} ms` };
    return { kind: 'failed', error: `cannot be reached (${codeOf(error) ?? 'no code'})` };
  }
};
