import { ApplicationFailure } from '@temporalio/common';
import OpenAI, { APIConnectionTimeoutError, APIError } from 'openai';
import { isRecord } from '../domain/json.ts';
import { classify, createFailure, type FailureSubject, readProblem } from './failures.ts';

/** Where requests go, and how long one may take, from its first byte to the last one of the answer. */
export type Endpoint = {
  readonly subject: FailureSubject;
  readonly baseURL: string;
  readonly apiKey: string;
  readonly timeoutMs: number;
};

/** One request; `signal` aborts it wherever it is. */
export type JsonRequest = {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
};

/** Answers repeat instructions and tools, so they may be far longer than what of them is kept. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/** The body as text; undefined when it is longer than allowed, so that no server can fill the worker's memory. */
const readText = async (response: Response, maxBytes: number): Promise<string | undefined> => {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The client reads messages from OpenAI's own form of error only; this brings the other ones into it. */
const fetchWithPlainErrors = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
  const response = await fetch(url, init);
  if (response.ok || response.status < 400) return response;
  const text = (await readText(response, MAX_ERROR_BYTES).catch(() => undefined)) ?? '';
  const error = readProblem(parseJson(text) ?? text);
  return new Response(JSON.stringify({ error }), { status: response.status, headers: response.headers });
};

/** The system's code of a broken connection, such as ECONNREFUSED: errors of `fetch` keep it in their causes. */
const findCode = (error: unknown): string | undefined => {
  for (let cause = error, depth = 0; isRecord(cause) && depth < 5; cause = cause['cause'], depth++) {
    if (typeof cause['code'] === 'string') return cause['code'];
  }
  return undefined;
};

const toFailure = (subject: FailureSubject, error: unknown): ApplicationFailure => {
  if (error instanceof APIError && error.status !== undefined) {
    const told: unknown = error.error;
    const message = isRecord(told) && typeof told['message'] === 'string' ? told['message'] : 'no message';
    return classify(subject, { status: error.status, code: error.code ?? undefined, message, headers: error.headers });
  }
  const code = findCode(error) ?? 'no code';
  // The errors' own messages stay out: they may hold headers.
  return error instanceof APIConnectionTimeoutError || code.includes('TIMEOUT')
    ? createFailure(subject, 'Model.Timeout', { message: `the connection timed out (${code})` })
    : createFailure(subject, 'Model.Unreachable', { message: `the connection failed (${code})` });
};

/** What cancelled a request, as an error: Temporal's `CancelledFailure` where an activity was cancelled. */
const cancellation = (signal: AbortSignal): Error =>
  signal.reason instanceof Error
    ? signal.reason
    : new DOMException('The request to the model was aborted.', 'AbortError');

const readJson = async (subject: FailureSubject, response: Response): Promise<Record<string, unknown>> => {
  const text = await readText(response, MAX_BODY_BYTES);
  if (text === undefined) {
    throw createFailure(subject, 'Model.ResponseTooLarge', { message: `the body is over ${MAX_BODY_BYTES} bytes` });
  }
  const json = parseJson(text);
  if (isRecord(json)) return json;
  // Not the text itself: it may repeat the prompt.
  const kind = response.headers.get('content-type') ?? 'no content type';
  throw createFailure(subject, 'Model.BadResponse', {
    status: response.status,
    message: `the body is not a JSON object (${kind}, ${text.length} characters)`,
  });
};

/**
 * Creates a function that sends one request and gives the JSON object of its answer. It never tries twice: retries are
 * Temporal's.
 * @throws ApplicationFailure `Model.*`; the signal's reason when it was aborted
 */
export const createPost = ({ subject, baseURL, apiKey, timeoutMs }: Endpoint) => {
  const client = new OpenAI({
    apiKey,
    baseURL,
    timeout: timeoutMs,
    maxRetries: 0,
    fetch: fetchWithPlainErrors,
    // Everything that the client would otherwise read from the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
  });
  const send = async ({ path, body, signal }: JsonRequest): Promise<Record<string, unknown>> =>
    readJson(subject, await client.post(path, { body, signal }).asResponse());

  return async (request: JsonRequest): Promise<Record<string, unknown>> => {
    const { signal } = request;
    if (signal.aborted) throw cancellation(signal);
    // The client's own timeout ends with the headers; a body may hang as well.
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    const timer = setTimeout(stop, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await send({ ...request, signal: controller.signal });
    } catch (error) {
      if (signal.aborted) throw cancellation(signal);
      if (controller.signal.aborted)
        throw createFailure(subject, 'Model.Timeout', { message: `no answer within ${timeoutMs} ms` });
      throw error instanceof ApplicationFailure ? error : toFailure(subject, error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  };
};
