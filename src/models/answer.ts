import { z } from 'zod';
import type { ModelAnswer, ModelUsage } from '../activities/ports.ts';
import { isRecord } from '../domain/json.ts';
import { type Problem, readProblem } from './failures.ts';

/** What an API's body held, before usage is settled and sizes are checked. */
export type ParsedAnswer = Omit<ModelAnswer, 'usage' | 'model'> & { readonly usage: unknown };

/** How reading a provider's answer ended; `failed` carries an error that the provider sent with status 200. */
export type Parsed =
  | { readonly kind: 'answer'; readonly answer: ParsedAnswer }
  | { readonly kind: 'refused' | 'unreadable'; readonly message: string }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** The error in an answer with status 200, if it is one. Routers send the status of the server behind them as its code. */
const readFailed = (raw: Record<string, unknown>): Parsed | undefined => {
  if (!isRecord(raw['error']) && raw['status'] !== 'failed') return undefined;
  const { code, message = 'the request failed' } = readProblem(raw);
  const status = isRecord(raw['error']) && typeof raw['error']['code'] === 'number' ? raw['error']['code'] : undefined;
  return { kind: 'failed', problem: { code, message, status } };
};

/** Reads an answer's body by its schema. Never throws: what does not fit is unreadable. */
export const readBody = <T>(schema: z.ZodType<T>, raw: Record<string, unknown>, read: (body: T) => Parsed): Parsed => {
  const failed = readFailed(raw);
  if (failed !== undefined) return failed;
  const body = schema.safeParse(raw);
  if (body.success) return read(body.data);
  return { kind: 'unreadable', message: `not an answer of this API: ${z.prettifyError(body.error)}` };
};

/** A call's arguments as the model's text; some servers send the object itself. */
export const readArguments = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);

const CHARS_PER_TOKEN = 4;

const estimate = (chars: number): number => Math.ceil(chars / CHARS_PER_TOKEN);

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : undefined;

const first = (usage: Record<string, unknown>, names: readonly string[]): unknown =>
  names.map((name) => usage[name]).find((value) => value !== undefined && value !== null);

/** The usage that the provider reports. What it leaves out is estimated from lengths: token limits must count anyway. */
export const readUsage = (
  usage: unknown,
  chars: { readonly input: () => number; readonly output: number },
): ModelUsage => {
  const reported = isRecord(usage) ? usage : {};
  const details = first(reported, ['input_tokens_details', 'prompt_tokens_details']);
  return {
    inputTokens: count(first(reported, ['input_tokens', 'prompt_tokens'])) ?? estimate(chars.input()),
    outputTokens: count(first(reported, ['output_tokens', 'completion_tokens'])) ?? estimate(chars.output),
    cachedTokens: (isRecord(details) ? count(details['cached_tokens']) : undefined) ?? 0,
  };
};
