import { z } from 'zod';
import { assertNever } from '../domain/assert-never.ts';
import { type Parsed, readArguments, readBody } from './answer.ts';
import type { Dialect, RequestFacts } from './dialect.ts';
import type { RenderedTurn } from './render.ts';

const toMessage = (turn: RenderedTurn): unknown => {
  switch (turn.kind) {
    case 'user':
      return { role: 'user', content: turn.text };
    case 'output':
      return { role: 'tool', tool_call_id: turn.callId, content: turn.text };
    case 'answer': {
      const calls = turn.calls.map(({ id, ...call }) => ({ id, type: 'function', function: call }));
      return {
        role: 'assistant',
        content: turn.text === '' ? null : turn.text,
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      };
    }
    default:
      return assertNever(turn);
  }
};

const build = ({
  model,
  rendered,
  setup,
  format,
  maxOutputTokens,
  isOpenAi,
}: RequestFacts): Record<string, unknown> => {
  const functions = setup.tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));
  return {
    model,
    ...(functions.length === 0 ? {} : { tools: functions }),
    ...(format === undefined ? {} : { response_format: { type: 'json_schema', json_schema: format } }),
    // OpenAI's newer models refuse `max_tokens`; many compatible servers know nothing else.
    [isOpenAi ? 'max_completion_tokens' : 'max_tokens']: maxOutputTokens,
    messages: [{ role: 'system', content: rendered.instructions }, ...rendered.turns.map(toMessage)],
  };
};

const Part = z.object({ text: z.string().nullish(), refusal: z.string().nullish() });
const Call = z.object({
  id: z.string().nullish(),
  function: z.object({ name: z.string(), arguments: z.unknown().optional() }),
});
const Message = z.object({
  content: z.union([z.string(), z.array(Part)]).nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(Call).nullish(),
});
const Choice = z.object({ message: Message, finish_reason: z.string().nullish() });
const Body = z.object({ choices: z.tuple([Choice], z.unknown()) });

const toParsed = ({ message, finish_reason }: z.infer<typeof Choice>, usage: unknown): Parsed => {
  const parts = typeof message.content === 'string' ? [{ text: message.content }] : (message.content ?? []);
  // Some servers send `refusal: ""` with every answer.
  const refusal = [message, ...parts].map((part) => ('refusal' in part ? part.refusal : undefined)).find(Boolean);
  if (typeof refusal === 'string') return { kind: 'refused', message: refusal };
  if (finish_reason === 'content_filter') return { kind: 'refused', message: 'the content filter stopped the answer' };
  return {
    kind: 'answer',
    answer: {
      text: parts.map((part) => part.text ?? '').join(''),
      calls: (message.tool_calls ?? []).map((call) => ({
        providerId: call.id ?? '',
        name: call.function.name,
        arguments: readArguments(call.function.arguments),
      })),
      finish: finish_reason === 'length' ? 'length' : 'stop',
      usage,
    },
  };
};

const parse = (raw: Record<string, unknown>): Parsed =>
  readBody(Body, raw, ({ choices }) => toParsed(choices[0], raw['usage']));

/** The Chat Completions API, which most compatible servers speak. It has no place for reasoning items. */
export const chatApi: Dialect = { path: '/chat/completions', build, parse };
