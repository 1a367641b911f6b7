import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from './script.ts';
import { errorBody } from './scripted-body.ts';

/** What goes out as one HTTP answer. */
export type Reply = {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends an answer whole. */
export const sendReply = (response: ServerResponse, { status, body, headers = {} }: Reply): void => {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
};

/** Waits, or returns at once when the client leaves. */
export const delay = async (ms: number, signal: AbortSignal): Promise<void> => {
  await wait(ms, undefined, { signal }).catch(() => undefined);
};

const sendHalf = (response: ServerResponse, body: string): void => {
  const bytes = Buffer.from(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
  // Only what has left the process reaches the client before the connection breaks.
  response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
};

const STATUS_CODES: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  404: 'model_not_found',
  429: 'rate_limit_exceeded',
};

const statusBody = (status: number, body: unknown): string => {
  if (body === undefined)
    return errorBody(`The script answers ${status}.`, { type: 'scripted_error', code: STATUS_CODES[status] ?? null });
  return typeof body === 'string' ? body : JSON.stringify(body);
};

/**
 * Does what a fault says. A hang answers nothing: it ends when the client leaves or the server closes.
 * @param body the good answer that the fault spoils
 */
export const sendFault = (response: ServerResponse, fault: Fault, body: string): void => {
  if (fault === 'hang') return;
  if (fault === 'broken-json') sendReply(response, { status: 200, body: body.slice(0, Math.floor(body.length / 2)) });
  else if (fault === 'html') {
    const page = '<!doctype html><html><body><h1>Welcome to nginx!</h1></body></html>';
    sendReply(response, { status: 200, body: page, headers: { 'content-type': 'text/html' } });
  } else if ('status' in fault) {
    sendReply(response, {
      status: fault.status,
      body: statusBody(fault.status, fault.body),
      headers: fault.headers ?? {},
    });
  } else if (fault.drop === 'before') response.destroy();
  else sendHalf(response, body);
};
