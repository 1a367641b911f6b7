import { createHash } from 'node:crypto';
import { argumentsText, offeredName, type Turn, textOf } from './script.ts';
import type { ScriptedApi } from './scripted-request.ts';
import { reasoningItem } from './scripted-rules.ts';

/** What the body of an answer is made from. */
export type BodyFacts = {
  readonly api: ScriptedApi;
  readonly turn: Turn;
  readonly model: string;
  readonly step: number;
  /** The first user text: makes ids the same for every attempt. */
  readonly conversation: string;
  readonly tools: readonly string[];
  /** Characters of the request. */
  readonly requestChars: number;
};

type Call = { readonly id: string; readonly name: string; readonly arguments: string };
type Tokens = { readonly input: number; readonly output: number; readonly cached: number };

const idFrom = (...parts: readonly (string | number)[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 24);

const callsOf = ({ turn, tools, step, conversation }: BodyFacts): Call[] =>
  (turn.calls ?? []).map((call, index) => ({
    id: call.id ?? `call_${idFrom(conversation, step, index)}`,
    name: offeredName(call.tool, tools),
    arguments: argumentsText(call),
  }));

const tokensOf = ({ turn, requestChars }: BodyFacts, calls: readonly Call[]): Tokens => {
  const chars =
    (textOf(turn) ?? '').length + calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
  return {
    input: turn.usage?.inputTokens ?? Math.ceil(requestChars / 4),
    output: turn.usage?.outputTokens ?? Math.ceil(chars / 4),
    cached: turn.usage?.cachedTokens ?? 0,
  };
};

const createdAt = (): number => Math.floor(Date.now() / 1000);

const responsesBody = (facts: BodyFacts): unknown => {
  const { turn, step, conversation } = facts;
  const text = textOf(turn);
  const calls = callsOf(facts);
  const { input, output, cached } = tokensOf(facts, calls);
  const id = idFrom(conversation, step);
  const content = [
    ...(text === undefined || text === '' ? [] : [{ type: 'output_text', text, annotations: [] }]),
    ...(turn.refusal === undefined ? [] : [{ type: 'refusal', refusal: turn.refusal }]),
  ];
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: createdAt(),
    status: turn.finish === 'length' ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: turn.finish === 'length' ? { reason: 'max_output_tokens' } : null,
    model: facts.model,
    output: [
      ...(turn.reasoning === true ? [reasoningItem(conversation, step)] : []),
      ...(content.length === 0
        ? []
        : [{ type: 'message', id: `msg_${id}`, status: 'completed', role: 'assistant', content }]),
      ...calls.map(({ id: callId, ...call }, index) => ({
        type: 'function_call',
        id: `fc_${idFrom(conversation, step, index)}`,
        call_id: callId,
        status: 'completed',
        ...call,
      })),
    ],
    ...(turn.usage === null
      ? {}
      : {
          usage: {
            input_tokens: input,
            input_tokens_details: { cached_tokens: cached },
            output_tokens: output,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: input + output,
          },
        }),
  };
};

const chatBody = (facts: BodyFacts): unknown => {
  const { turn } = facts;
  const calls = callsOf(facts);
  const { input, output, cached } = tokensOf(facts, calls);
  const finish = turn.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop');
  return {
    id: `chatcmpl-${idFrom(facts.conversation, facts.step)}`,
    object: 'chat.completion',
    created: createdAt(),
    model: facts.model,
    choices: [
      {
        index: 0,
        finish_reason: finish,
        logprobs: null,
        message: {
          role: 'assistant',
          content: textOf(turn) ?? null,
          refusal: turn.refusal ?? null,
          ...(calls.length === 0
            ? {}
            : { tool_calls: calls.map(({ id, ...call }) => ({ id, type: 'function', function: call })) }),
        },
      },
    ],
    ...(turn.usage === null
      ? {}
      : {
          usage: {
            prompt_tokens: input,
            prompt_tokens_details: { cached_tokens: cached },
            completion_tokens: output,
            total_tokens: input + output,
          },
        }),
  };
};

/** The JSON body of an answer, in the API's form. */
export const answerBody = (facts: BodyFacts): string =>
  JSON.stringify(facts.api === 'chat' ? chatBody(facts) : responsesBody(facts));

/** The JSON body of an error, in OpenAI's form. */
export const errorBody = (
  message: string,
  details: { type?: string; code?: string | null; param?: string | null } = {},
): string => JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null, ...details } });
