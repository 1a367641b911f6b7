import { z } from 'zod';
import { isRecord } from '../domain/json.ts';
import type { ScriptedMessage, TranscriptCall } from './script.ts';

/** The APIs that the scripted model speaks. */
export type ScriptedApi = 'responses' | 'chat';

/** One entry of a request, whichever API it came by. `reasoning` are the items that stand before an answer. */
export type Entry = ScriptedMessage & { readonly reasoning?: readonly unknown[] };

/** A request, read. */
export type ScriptedRequest = {
  readonly model: string;
  readonly entries: readonly Entry[];
  readonly tools: readonly { readonly name: string; readonly parameters: unknown }[];
  /** The structured output that is asked for. */
  readonly format?: ScriptedFormat | undefined;
};

/** Structured output, as a request asks for it. */
export type ScriptedFormat = {
  readonly name: string;
  readonly schema?: unknown;
  readonly strict?: boolean | null | undefined;
};

/** Why a request is refused, in OpenAI's words. */
export type Refusal = { readonly message: string; readonly param?: string; readonly code?: string };

const Text = z
  .union([z.string(), z.array(z.object({ text: z.string() }))])
  .transform((content) => (typeof content === 'string' ? content : content.map(({ text }) => text).join('')));
const Common = z.object({ model: z.string().min(1), stream: z.literal(false).nullish() });
const Parameters = z.unknown();
const Format = z.object({ name: z.string(), schema: z.unknown(), strict: z.boolean().nullish() });
/** `text` and `json_object` name no schema. */
const OtherFormat = z.object({ type: z.enum(['text', 'json_object']) }).transform(() => undefined);

const ChatBody = Common.extend({
  response_format: z
    .union([
      OtherFormat,
      z.object({ type: z.literal('json_schema'), json_schema: Format }).transform((format) => format.json_schema),
    ])
    .nullish(),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
        content: Text.nullish(),
        tool_call_id: z.string().optional(),
        tool_calls: z
          .array(z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }))
          .min(1)
          .optional(),
      }),
    )
    .min(1),
  tools: z
    .array(z.object({ function: z.object({ name: z.string(), parameters: Parameters }) }))
    .min(1)
    .optional(),
});

const Item = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), role: z.enum(['system', 'developer', 'user', 'assistant']), content: Text }),
  z.object({ type: z.literal('function_call'), call_id: z.string(), name: z.string(), arguments: z.string() }),
  z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: Text }),
  z.looseObject({ type: z.literal('reasoning') }),
]);

const ResponsesBody = Common.extend({
  instructions: z.string().nullish(),
  text: z
    .object({ format: z.union([OtherFormat, Format.extend({ type: z.literal('json_schema') })]).nullish() })
    .nullish()
    .transform((text) => text?.format ?? undefined),
  input: z.union([
    z.string().transform((content) => [{ type: 'message' as const, role: 'user' as const, content }]),
    z
      .array(
        z.preprocess((item) => (typeof item === 'object' && item !== null ? { type: 'message', ...item } : item), Item),
      )
      .min(1),
  ]),
  tools: z.array(z.object({ name: z.string(), parameters: Parameters })).optional(),
});

const roleOf = (role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'): Entry['role'] =>
  role === 'developer' ? 'system' : role;

const readChat = ({ model, messages, tools = [], response_format }: z.infer<typeof ChatBody>): ScriptedRequest => ({
  model,
  format: response_format ?? undefined,
  tools: tools.map(({ function: { name, parameters } }) => ({ name, parameters })),
  entries: messages.map(({ role, content, tool_calls, tool_call_id }) => ({
    role: roleOf(role),
    text: content ?? '',
    ...(tool_calls === undefined ? {} : { calls: tool_calls.map((call) => ({ id: call.id, ...call.function })) }),
    ...(tool_call_id === undefined ? {} : { callId: tool_call_id }),
  })),
});

type Answer = { role: 'assistant'; text: string; calls: TranscriptCall[]; reasoning: unknown[] };

/** The answer that an item belongs to. Reasoning, then text, then calls: what comes before its place begins a new one. */
const answerFor = (
  entries: Entry[],
  type: 'reasoning' | 'message' | 'function_call',
  open: Answer | undefined,
): Answer => {
  const isOpen = open !== undefined && entries.at(-1) === open;
  if (isOpen && (type === 'function_call' || (open.text === '' && open.calls.length === 0))) return open;
  const answer: Answer = { role: 'assistant', text: '', calls: [], reasoning: [] };
  entries.push(answer);
  return answer;
};

const readResponses = (body: z.infer<typeof ResponsesBody>): ScriptedRequest => {
  const { model, instructions, input, tools = [], text: format } = body;
  const entries: Entry[] = typeof instructions === 'string' ? [{ role: 'system', text: instructions }] : [];
  let open: Answer | undefined;
  for (const item of input) {
    if (item.type === 'function_call_output') entries.push({ role: 'tool', text: item.output, callId: item.call_id });
    else if (item.type === 'message' && item.role !== 'assistant')
      entries.push({ role: roleOf(item.role), text: item.content });
    else {
      open = answerFor(entries, item.type, open);
      if (item.type === 'message') open.text = item.content;
      else if (item.type === 'reasoning') open.reasoning.push(item);
      else open.calls.push({ id: item.call_id, name: item.name, arguments: item.arguments });
    }
  }
  return { model, entries, tools, format };
};

const refusalOf = (error: z.ZodError): Refusal => {
  const [issue] = error.issues;
  const param = issue?.path.join('.') ?? '';
  return { message: `Invalid request at '${param}': ${issue?.message ?? 'unknown'}`, param };
};

/** Reads the body of a request, or says why a provider would not take its form. */
export const readRequest = (api: ScriptedApi, body: unknown): ScriptedRequest | Refusal => {
  if (api === 'chat') {
    const chat = ChatBody.safeParse(body);
    return chat.success ? readChat(chat.data) : refusalOf(chat.error);
  }
  const responses = ResponsesBody.safeParse(body);
  return responses.success ? readResponses(responses.data) : refusalOf(responses.error);
};

const inside = (value: unknown, ...path: string[]): unknown =>
  path.reduce((at, key) => (isRecord(at) ? at[key] : undefined), value);

/** Name of the structured output that a body asks for, whatever else is in it. */
export const formatName = (body: unknown): string | undefined => {
  const name = inside(body, 'text', 'format', 'name') ?? inside(body, 'response_format', 'json_schema', 'name');
  return typeof name === 'string' ? name : undefined;
};
