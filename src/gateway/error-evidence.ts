import { readProperty, readText } from './error-reading.ts';
import { retryAfterOf } from './retry-after.ts';
import type { ToolErrorKind } from './tool-error.ts';

/** What one error shows about the request behind it. */
export type Evidence = {
  /**
   * `not_sent`: the request never left. `refused`: the other side looked at it and said no. `open`: it may have happened.
   * Undefined: the error says nothing about a request.
   */
  readonly proof?: 'not_sent' | 'refused' | 'open' | undefined;
  readonly kind?: ToolErrorKind | undefined;
  readonly retryAfterMs?: number | undefined;
};

const NOTHING: Evidence = {};
const LOST: Evidence = { proof: 'open', kind: 'transient' };
const NOT_SENT: Evidence = { proof: 'not_sent', kind: 'transient' };
const REFUSED: Evidence = { proof: 'refused', kind: 'permanent' };

/* ----------------------------------------------------------------- HTTP */

/** Statuses whose meaning is not that of their hundred. 408 may come from a proxy, after the request was passed on. */
const STATUSES: Readonly<Record<number, Evidence>> = {
  408: LOST,
  425: { proof: 'refused', kind: 'transient' },
  429: { proof: 'refused', kind: 'rate_limited' },
  499: LOST,
};

const ofStatus = (status: number, retryAfterMs: number | undefined): Evidence => {
  const special = STATUSES[status];
  if (special !== undefined) return { ...special, retryAfterMs };
  if (status >= 400 && status < 500) return REFUSED;
  // INVARIANT E3: a server that fails may have done it before.
  if (status === 503 && retryAfterMs !== undefined) return { proof: 'open', kind: 'rate_limited', retryAfterMs };
  if (status >= 500) return { ...LOST, retryAfterMs };
  // An error about an answer that was none: a body that could not be read, a redirect after the effect.
  return { proof: 'open', kind: 'permanent' };
};

const httpEvidence = (error: unknown): Evidence => {
  const response = readProperty(error, 'response');
  const status = [error, response]
    .flatMap((holder) => [readProperty(holder, 'status'), readProperty(holder, 'statusCode')])
    .find((each) => typeof each === 'number' && Number.isInteger(each) && each >= 200 && each < 600);
  return typeof status === 'number' ? ofStatus(status, retryAfterOf(error)) : NOTHING;
};

/* ----------------------------------------------------------- connections */

/** Node's system calls that come before anything is sent. */
const BEFORE_SENDING = /^(connect|getaddrinfo|query[A-Z]\w*)$/;
const NOT_SENT_CODES = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
/** Unreachable hosts, too, are mostly found out when connecting; only the system call tells that for sure. */
const LOST_CODE =
  /^(ECONN(RESET|ABORTED)|EPIPE|E(SOCKET)?TIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENETRESET|ERR_NETWORK|ERR_CANCELED|ABORT_ERR|ERR_STREAM_\w+|ERR_HTTP2_\w+|ERR_SOCKET_\w+|HPE_\w+|UND_ERR_\w+)$/;
/** The other side's certificate was refused in the handshake, before any request. */
const CERTIFICATE_CODE =
  /^(CERT_\w+|ERR_TLS_CERT_\w+|\w+_SELF_SIGNED_CERT\w*|SELF_SIGNED_CERT\w*|UNABLE_TO_(GET|VERIFY)_\w+)$/;
const LOST_NAME = /^(AbortError|TimeoutError|CancelledFailure)$/;
/** Words of errors that carry no code; words never prove that nothing happened. */
const LOST_WORDS =
  /\b(ECONNRESET|EPIPE|ETIMEDOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w+)\b|socket hang up|other side closed|fetch failed|network error|^terminated$|connection (was )?(terminated|reset|lost|closed|aborted|dropped|broken)|(reset|closed) by peer|lost connection|\btimed out\b|(request|response|connection|socket|gateway) time-?out/i;

const codeOf = (error: unknown): string => (readText(error, 'code') ?? '').slice(0, 100);

const codeEvidence = (code: string, syscall: string | undefined): Evidence => {
  if (CERTIFICATE_CODE.test(code)) return { proof: 'not_sent', kind: 'permanent' };
  if (!NOT_SENT_CODES.has(code) && !LOST_CODE.test(code)) return NOTHING;
  const isBefore = syscall === undefined ? NOT_SENT_CODES.has(code) : BEFORE_SENDING.test(syscall);
  return isBefore ? NOT_SENT : LOST;
};

const connectionEvidence = (error: unknown): Evidence => {
  const name = readText(error, 'name') ?? '';
  // Has the code of one of its errors; they speak for themselves.
  const byCode = name === 'AggregateError' ? NOTHING : codeEvidence(codeOf(error), readText(error, 'syscall'));
  if (byCode.proof !== undefined) return byCode;
  if (LOST_NAME.test(name)) return LOST;
  const words = typeof error === 'string' ? error : (readText(error, 'message') ?? '');
  return LOST_WORDS.test(words.slice(0, 2_000)) ? { kind: 'transient' } : NOTHING;
};

/* ------------------------------------------------------------ PostgreSQL */

/** By SQLSTATE; the first row wins. A statement that PostgreSQL refuses is rolled back. */
const SQLSTATES: readonly (readonly [RegExp, Evidence])[] = [
  [/^(40001|40P01|55P03)$/, { proof: 'refused', kind: 'transient' }],
  [/^(08001|08004|53300|57P03)$/, NOT_SENT],
  [/^(08|53|57P|57014|40003)/, LOST],
  [/^(0A|21|22|23|28|2[67]|3[DF]|42|44|P0)/, REFUSED],
];

const sqlEvidence = (error: unknown): Evidence => {
  const code = codeOf(error);
  // Node's own codes may have five letters as well; only a server gives a severity.
  if (!/^[0-9A-Z]{5}$/.test(code) || readText(error, 'severity') === undefined) return NOTHING;
  return SQLSTATES.find(([pattern]) => pattern.test(code))?.[1] ?? { proof: 'open', kind: 'permanent' };
};

/* -------------------------------------------------------------- Temporal */

const temporalEvidence = (error: unknown): Evidence => {
  if (readText(error, 'name') !== 'ApplicationFailure') return NOTHING;
  return { proof: 'open', kind: readProperty(error, 'nonRetryable') === true ? 'permanent' : 'transient' };
};

/** What an error shows, without its causes. Never throws. */
export const evidenceOf = (error: unknown): Evidence => {
  const found = [sqlEvidence, temporalEvidence, connectionEvidence, httpEvidence].map((read) => read(error));
  // INVARIANT E3: an answer that broke off has a status, and a code; what leaves it open counts.
  return (
    found.find(({ proof }) => proof === 'open') ??
    found.find(({ proof }) => proof !== undefined) ??
    found.find(({ kind }) => kind !== undefined) ??
    NOTHING
  );
};
