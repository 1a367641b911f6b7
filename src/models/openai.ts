import type { Model, ModelAnswer, ModelContext, Prompt } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import { type Parsed, type ParsedAnswer, readUsage } from './answer.ts';
import { chatApi } from './chat.ts';
import type { Dialect } from './dialect.ts';
import { classify, createFailure, type FailureSubject } from './failures.ts';
import { formatOf } from './format.ts';
import { createPost } from './http.ts';
import { renderPrompt } from './render.ts';
import { responsesApi } from './responses.ts';
import type { ModelSlots } from './slots.ts';

/** What `createOpenAiModel` takes. */
export type OpenAiModelOptions = {
  /** The model's name in the configuration. */
  readonly name: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly api: 'responses' | 'chat';
  /** By default OpenAI's. Nothing here reads the environment. */
  readonly baseURL?: string | undefined;
  /** Absent: `none` is sent, which local servers take. */
  readonly apiKey?: string | undefined;
  /** Tokens of the model's window. */
  readonly contextWindow?: number | undefined;
  readonly price?: Model['price'];
  /** For one request, its answer included; waiting for a slot does not count. */
  readonly timeoutMs: number;
  /** Requests at a time; holds only where `slots` is given too. */
  readonly maxConcurrent?: number | undefined;
  readonly slots?: ModelSlots | undefined;
};

const OPENAI_URL = 'https://api.openai.com/v1';
const DIALECTS = { responses: responsesApi, chat: chatApi } as const satisfies Record<
  OpenAiModelOptions['api'],
  Dialect
>;

/** How much longer than a request a slot is held at most: for the way there and back. */
const SLOT_MARGIN_MS = 10_000;

const withSlot = async <T>(options: OpenAiModelOptions, context: ModelContext, run: () => Promise<T>): Promise<T> => {
  const { name, slots, maxConcurrent, timeoutMs } = options;
  if (slots === undefined || maxConcurrent === undefined) return run();
  const { signal, holder } = context;
  const release = await slots.acquire({
    model: name,
    holder,
    limit: maxConcurrent,
    ttlMs: timeoutMs + SLOT_MARGIN_MS,
    signal,
  });
  try {
    return await run();
  } finally {
    // A slot ends by itself; an answer that was paid for must not be lost because its slot could not be given back.
    await release().catch(() => undefined);
  }
};

const takeAnswer = (subject: FailureSubject, parsed: Parsed): ParsedAnswer => {
  switch (parsed.kind) {
    case 'answer':
      return parsed.answer;
    case 'refused':
      throw createFailure(subject, 'Model.Refused', { message: `the model refused: ${parsed.message}` });
    case 'unreadable':
      throw createFailure(subject, 'Model.BadResponse', { message: parsed.message });
    case 'failed':
      throw classify(subject, parsed.problem);
    default:
      return assertNever(parsed);
  }
};

/** @throws ApplicationFailure `Model.ResponseTooLarge`. INVARIANT H1: the answer goes into heartbeat details. */
const checkSize = (subject: FailureSubject, answer: ModelAnswer): ModelAnswer => {
  const bytes = jsonBytes(answer);
  if (bytes <= SIZES.modelAnswer) return answer;
  throw createFailure(subject, 'Model.ResponseTooLarge', {
    message: `the answer has ${bytes} bytes, at most ${SIZES.modelAnswer} are taken`,
  });
};

/**
 * Creates a model behind OpenAI's Responses or Chat Completions API, at OpenAI or any compatible server.
 * It neither retries nor keeps state. An answer without text and calls is given as it is.
 */
export const createOpenAiModel = (options: OpenAiModelOptions): Model => {
  const { name, model, api, baseURL = OPENAI_URL, timeoutMs, contextWindow, price } = options;
  const { host, hostname } = new URL(baseURL);
  const apiKey = options.apiKey?.trim();
  const subject: FailureSubject = { name, model, host, apiKey };
  const post = createPost({ subject, baseURL, apiKey: apiKey || 'none', timeoutMs });
  const dialect: Dialect = DIALECTS[api];

  const answer = async (prompt: Prompt, context: ModelContext): Promise<ModelAnswer> => {
    const body = dialect.build({
      model,
      rendered: renderPrompt(prompt),
      setup: prompt.setup,
      maxOutputTokens: prompt.maxOutputTokens,
      format: formatOf(prompt),
      isOpenAi: hostname === 'api.openai.com',
    });
    const raw = await withSlot(options, context, () => post({ path: dialect.path, body, signal: context.signal }));
    const { usage, ...rest } = takeAnswer(subject, dialect.parse(raw));
    const chars = {
      input: () => JSON.stringify(body).length,
      output: rest.text.length + JSON.stringify(rest.calls).length - 2,
    };
    const named = typeof raw['model'] === 'string' && raw['model'] !== '' ? raw['model'] : model;
    return checkSize(subject, { model: named, ...rest, usage: readUsage(usage, chars) });
  };
  return { name, contextWindow, price, answer };
};
