import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { ToolError } from '../../gateway/tool-error.ts';

/** Nothing was sent, or it was refused unread: nothing happened. */
export const notSent = (message: string): ToolError =>
  new ToolError(`nothing was sent: ${message}`, { kind: 'transient', nothingHappened: true });

/** INVARIANT E3: it was sent, and no answer came that can be read. */
export const replyLost = (message: string): ToolError =>
  new ToolError(message, { kind: 'transient', nothingHappened: false });

/** The server answered that it did not do it. */
export const refused = (message: string, kind: 'permanent' | 'rate_limited' = 'permanent'): ToolError =>
  new ToolError(message, { kind, nothingHappened: true });

/** Makes texts safe for logs and errors: configured secrets are taken out. */
export type Redact = (text: string) => string;

/** Shorter values would take ordinary words out of texts. */
const MIN_SECRET = 6;

/** Takes secret values out of texts. */
export const redactor = (secrets: readonly string[]): Redact => {
  const hidden = secrets.filter((each) => each.length >= MIN_SECRET).toSorted((a, b) => b.length - a.length);
  return (text) => hidden.reduce((all, secret) => all.replaceAll(secret, '[redacted]'), text);
};

/** Message and causes of an error, on one line. */
export const textOf = (error: unknown): string => {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 4; depth++) {
    parts.push(at instanceof Error ? at.message : JSON.stringify(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ').replaceAll(/\s+/g, ' ');
};

/** Of what comes before anything is sent. Unreachable hosts are left out: a route may be lost under a running request. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

const codesOf = (error: unknown): string[] => {
  const codes: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code);
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap(codesOf));
  }
  return codes;
};

/** What a failed request means for the connection and for the effect. */
export type Failed =
  /** Nothing was sent; `isSessionLost`: the server has forgotten us, and said so. */
  | { readonly kind: 'not_sent'; readonly isSessionLost: boolean }
  | { readonly kind: 'answered'; readonly isBusy?: boolean }
  | { readonly kind: 'timeout' }
  /** It may have happened. */
  | { readonly kind: 'lost' };

const ofHttp = (status: number): Failed => {
  // The session is gone: the server refused before it looked at the request.
  if (status === 404) return { kind: 'not_sent', isSessionLost: true };
  return status < 500 && status !== 408 ? { kind: 'answered', isBusy: status === 429 } : { kind: 'lost' };
};

const OF_SDK: Partial<Record<SdkErrorCode, Failed>> = {
  [SdkErrorCode.NotConnected]: { kind: 'not_sent', isSessionLost: true },
  [SdkErrorCode.MethodNotSupportedByProtocolVersion]: { kind: 'not_sent', isSessionLost: true },
  [SdkErrorCode.RequestTimeout]: { kind: 'timeout' },
  // It asks for what is not offered (input from a person, a model), instead of doing the work.
  [SdkErrorCode.UnsupportedResultType]: { kind: 'answered' },
};

/**
 * JSON-RPC's words for a request that was not taken up: not parsed, not valid, no such method, wrong parameters, and the
 * one that wants a person to open a page first. INVARIANT E3: other codes may stand for what went wrong half-way, or behind
 * a proxy.
 */
const REFUSALS = new Set([-32_700, -32_600, -32_601, -32_602, -32_042]);

/** Sorts an error of a `tools/call` request. */
export const classifyRequest = (error: unknown): Failed => {
  if (error instanceof ProtocolError) return { kind: REFUSALS.has(error.code) ? 'answered' : 'lost' };
  if (error instanceof SdkHttpError) return ofHttp(error.data.status);
  // INVARIANT E3: an answer that cannot be read proves nothing.
  if (error instanceof SdkError) return OF_SDK[error.code] ?? { kind: 'lost' };
  if (error instanceof Error && error.message === 'Not connected') return { kind: 'not_sent', isSessionLost: true };
  const codes = codesOf(error);
  if (codes.some((code) => NOT_SENT.has(code))) return { kind: 'not_sent', isSessionLost: false };
  return { kind: 'lost' };
};
