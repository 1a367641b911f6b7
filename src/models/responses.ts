import { z } from 'zod';
import { assertNever } from '../domain/assert-never.ts';
import { isRecord } from '../domain/json.ts';
import { type Parsed, readArguments, readBody } from './answer.ts';
import type { Dialect, RequestFacts } from './dialect.ts';
import type { RenderedTurn } from './render.ts';

const toItems = (turn: RenderedTurn): unknown[] => {
  switch (turn.kind) {
    case 'user':
      return [{ role: 'user', content: turn.text }];
    case 'output':
      return [{ type: 'function_call_output', call_id: turn.callId, output: turn.text }];
    case 'answer':
      return [
        ...turn.opaque,
        ...(turn.text === '' ? [] : [{ role: 'assistant', content: turn.text }]),
        ...turn.calls.map(({ id, ...call }) => ({ type: 'function_call', call_id: id, ...call })),
      ];
    default:
      return assertNever(turn);
  }
};

const build = ({ model, rendered, setup, format, maxOutputTokens }: RequestFacts): Record<string, unknown> => {
  const functions = setup.tools.map(({ name, description, parameters }) => ({
    type: 'function',
    name,
    description,
    parameters,
    strict: false,
  }));
  return {
    model,
    instructions: rendered.instructions,
    ...(functions.length === 0 ? {} : { tools: functions, parallel_tool_calls: true }),
    ...(format === undefined ? {} : { text: { format: { type: 'json_schema', ...format } } }),
    store: false,
    include: ['reasoning.encrypted_content'],
    max_output_tokens: maxOutputTokens,
    input: rendered.turns.flatMap(toItems),
  };
};

const Part = z.object({ text: z.string().nullish(), refusal: z.string().nullish() });
const Item = z.union([
  z.object({ type: z.literal('message'), content: z.union([z.string(), z.array(Part)]).nullish() }),
  z.object({
    type: z.literal('function_call'),
    name: z.string(),
    call_id: z.string().nullish(),
    arguments: z.unknown().optional(),
  }),
  // Other kinds, reasoning among them, say nothing to the platform.
  z
    .object({ type: z.string().refine((type) => type !== 'message' && type !== 'function_call') })
    .transform(() => undefined),
]);
const Body = z.object({
  output: z.array(Item),
  status: z.string().nullish(),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
});

/** Any status but these, such as `in_progress`, has no answer yet; a server that leaves it out has finished. */
const FINISHED = new Set(['completed', 'incomplete']);

const partsOf = (content: string | z.infer<typeof Part>[] | null | undefined): z.infer<typeof Part>[] =>
  typeof content === 'string' ? [{ text: content }] : (content ?? []);

const toParsed = (
  { output, status, incomplete_details }: z.infer<typeof Body>,
  raw: Record<string, unknown>,
): Parsed => {
  const items = output.filter((item) => item !== undefined);
  const parts = items.flatMap((item) => (item.type === 'message' ? partsOf(item.content) : []));
  const refusal = parts.find((part) => typeof part.refusal === 'string')?.refusal;
  if (typeof refusal === 'string') return { kind: 'refused', message: refusal };
  const reason = incomplete_details?.reason;
  if (reason === 'content_filter') return { kind: 'refused', message: 'the content filter stopped the answer' };
  // From the raw body: what was parsed may have lost or reordered fields, and these must go back as they came.
  const opaque = Array.isArray(raw['output'])
    ? raw['output'].filter((item) => isRecord(item) && item['type'] === 'reasoning')
    : [];
  return {
    kind: 'answer',
    answer: {
      text: parts.map((part) => part.text ?? '').join(''),
      calls: items.flatMap((item) =>
        item.type === 'function_call'
          ? [{ providerId: item.call_id ?? '', name: item.name, arguments: readArguments(item.arguments) }]
          : [],
      ),
      ...(opaque.length === 0 ? {} : { opaque }),
      // Also without a reason: half an answer must not end a task.
      finish: status === 'incomplete' || reason === 'max_output_tokens' ? 'length' : 'stop',
      usage: raw['usage'],
    },
  };
};

const parse = (raw: Record<string, unknown>): Parsed =>
  readBody(Body, raw, (body) =>
    FINISHED.has(body.status ?? 'completed')
      ? toParsed(body, raw)
      : { kind: 'unreadable', message: `the response has the status ${body.status}` },
  );

/** OpenAI's Responses API, without state on the server: reasoning travels encrypted with the transcript. */
export const responsesApi: Dialect = { path: '/responses', build, parse };
