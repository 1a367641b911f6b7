import { ApplicationFailure } from '@temporalio/common';
import { FAILURES, type FailureType } from '../domain/failures.ts';
import { isRecord } from '../domain/json.ts';

type ModelFailureType = Extract<FailureType, `Model.${string}`>;

/** Whom a failure is about, and the one secret that its message must not show. */
export type FailureSubject = {
  readonly name: string;
  readonly model: string;
  readonly host: string;
  readonly apiKey?: string | undefined;
};

/** What went wrong, in the provider's words; `status` is absent when no HTTP answer came, or the answer was the error. */
export type Problem = {
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly message: string;
  readonly headers?: Headers | undefined;
};

type Rule = {
  readonly codes?: readonly string[];
  /** First and last status it is about. */
  readonly status?: readonly [number, number];
  readonly message?: RegExp;
  readonly type: ModelFailureType;
};

/** From a provider's error to its failure type: the first row wins, a row's every condition must hold. */
const RULES: readonly Rule[] = [
  { codes: ['context_length_exceeded', 'exceed_context_size_error'], type: 'Model.ContextOverflow' },
  { codes: ['content_policy_violation', 'content_filter'], type: 'Model.Refused' },
  // Comes as 429, but no wait helps until somebody pays: better ended than retried for days.
  { codes: ['insufficient_quota'], type: 'Model.Forbidden' },
  { codes: ['rate_limit_exceeded'], type: 'Model.RateLimited' },
  { codes: ['server_error'], type: 'Model.Unavailable' },
  { codes: ['model_not_found'], type: 'Model.NotFound' },
  {
    status: [400, 422],
    message: /maximum context length|context window|context[ _]length|context size/i,
    type: 'Model.ContextOverflow',
  },
  { status: [401, 401], type: 'Model.Unauthorized' },
  { status: [402, 403], type: 'Model.Forbidden' },
  { status: [404, 404], type: 'Model.NotFound' },
  { status: [408, 408], type: 'Model.Timeout' },
  { status: [409, 409], type: 'Model.Unavailable' },
  { status: [425, 425], type: 'Model.Unavailable' },
  { status: [429, 429], type: 'Model.RateLimited' },
  { status: [400, 499], type: 'Model.BadRequest' },
  { status: [500, 599], type: 'Model.Unavailable' },
];

const holds = (rule: Rule, { code, status, message }: Problem): boolean =>
  (rule.codes === undefined || rule.codes.includes(code ?? '')) &&
  (rule.status === undefined || (status !== undefined && status >= rule.status[0] && status <= rule.status[1])) &&
  (rule.message === undefined || rule.message.test(message));

const MAX_DELAY_MS = 10 * 60_000;
const MAX_MESSAGE = 500;
const MAX_SCANNED = 10_000;

/** `Date.parse` takes almost anything for a date, "-5" included: only digits or an HTTP date count. */
const parseRetryAfter = (value: string): number => {
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1000;
  return /^\s*[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) - Date.now() : Number.NaN;
};

/** How long the provider asks to wait, at most ten minutes; undefined when it asks for nothing sensible. */
const readRetryDelayMs = (headers: Headers | undefined): number | undefined => {
  const millis = headers?.get('retry-after-ms') ?? '';
  const delays = [
    /^\s*\d+(\.\d+)?\s*$/.test(millis) ? Number(millis) : Number.NaN,
    parseRetryAfter(headers?.get('retry-after') ?? ''),
  ];
  const delay = delays.find((ms) => ms > 0);
  return delay === undefined ? undefined : Math.ceil(Math.min(delay, MAX_DELAY_MS));
};

/** Takes keys out of a text: this model's own, and whatever looks like one. */
const redact = (text: string, apiKey: string | undefined): string =>
  (apiKey === undefined || apiKey === '' ? text : text.replaceAll(apiKey, '[redacted]'))
    .replaceAll(/\bBearer\s+[^\s"',;]+/gi, 'Bearer [redacted]')
    .replaceAll(/\bsk-[\w*.-]+/g, '[redacted]');

const describe = ({ name, model, host, apiKey }: FailureSubject, { status, message }: Problem): string => {
  const told = redact(message.slice(0, MAX_SCANNED), apiKey).replaceAll(/\s+/g, ' ').trim();
  const text = `model ${name} (${model} at ${host})${status === undefined ? '' : ` answered ${status}`}: ${told}`;
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1).toWellFormed()}…`;
};

/** A failure of a known type. It carries no `cause`: the client's errors hold headers, which hold the key. */
export const createFailure = (
  subject: FailureSubject,
  type: ModelFailureType,
  problem: Problem,
): ApplicationFailure => {
  const { retryable } = FAILURES[type];
  const delayMs = retryable ? readRetryDelayMs(problem.headers) : undefined;
  return ApplicationFailure.create({
    message: describe(subject, problem),
    type,
    nonRetryable: !retryable,
    ...(delayMs === undefined ? {} : { nextRetryDelay: delayMs }),
  });
};

/** The failure for an error that a provider reported; `Model.BadResponse` for one that means nothing. */
export const classify = (subject: FailureSubject, problem: Problem): ApplicationFailure =>
  createFailure(subject, RULES.find((rule) => holds(rule, problem))?.type ?? 'Model.BadResponse', problem);

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** FastAPI's list of mistakes: only `msg`, as its `input` repeats the prompt. */
const readDetail = (detail: unknown): string | undefined =>
  Array.isArray(detail)
    ? detail.flatMap((entry) => (isRecord(entry) ? (text(entry['msg']) ?? []) : [])).join('; ')
    : text(detail);

/** Code and message of an error body in the forms in use: OpenAI's, vLLM's, FastAPI's, a bare text. Never the whole body. */
export const readProblem = (body: unknown): { code: string | undefined; message: string | undefined } => {
  if (!isRecord(body)) return { code: undefined, message: text(body) };
  const error = isRecord(body['error']) ? body['error'] : body;
  const code = [error['code'], error['type']].filter((value) => typeof value === 'string');
  const known = code.find((value) => RULES.some((rule) => rule.codes?.includes(value)));
  return {
    code: known ?? code[0],
    message: text(error['message']) ?? text(body['error']) ?? readDetail(body['detail']),
  };
};
