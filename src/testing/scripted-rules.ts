import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../domain/json.ts';
import type { TranscriptCall } from './script.ts';
import type { Entry, Refusal, ScriptedRequest } from './scripted-request.ts';

const NAME = /^[\w-]{1,64}$/;
/** The limit of Chat Completions; the Responses API takes 64. */
const MAX_CALL_ID = 40;

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const checkCall = (call: TranscriptCall, used: Set<string>): string | undefined => {
  if (call.id === '' || call.id.length > MAX_CALL_ID)
    return `Invalid call id '${call.id}': 1 to ${MAX_CALL_ID} characters.`;
  if (used.has(call.id)) return `Duplicate call id '${call.id}'.`;
  used.add(call.id);
  if (!NAME.test(call.name)) return `Invalid function name '${call.name}'.`;
  return isJson(call.arguments) ? undefined : `The arguments of call '${call.id}' are not valid JSON.`;
};

/** Every call needs exactly one output, before anything else is said. */
const checkEntry = (entry: Entry, waiting: Set<string>, used: Set<string>): string | undefined => {
  if (entry.role === 'tool') {
    return waiting.delete(entry.callId ?? '')
      ? undefined
      : `No tool call found for function call output with call_id '${entry.callId}'.`;
  }
  if (waiting.size > 0) return `No tool output found for function call '${[...waiting][0]}'.`;
  for (const call of entry.calls ?? []) {
    const message = checkCall(call, used);
    if (message !== undefined) return message;
    waiting.add(call.id);
  }
  return undefined;
};

const checkTools = (tools: ScriptedRequest['tools']): string | undefined => {
  const names = tools.map(({ name }) => name);
  const wrong = names.find((name, index) => !NAME.test(name) || names.indexOf(name) !== index);
  return wrong === undefined ? undefined : `Invalid or duplicate tool name '${wrong}'.`;
};

/** Whether every object of a schema is closed and has all of its properties required, as strict mode wants it. */
const isClosed = (schema: unknown): boolean => {
  if (Array.isArray(schema)) return schema.every(isClosed);
  if (!isRecord(schema)) return true;
  const { type, properties, required, additionalProperties } = schema;
  const names = Object.keys(isRecord(properties) ? properties : {});
  const isMet =
    additionalProperties === false && names.every((name) => Array.isArray(required) && required.includes(name));
  return (type !== 'object' || isMet) && Object.values(schema).every(isClosed);
};

const checkFormat = (format: ScriptedRequest['format']): string | undefined => {
  if (format === undefined) return undefined;
  if (!NAME.test(format.name)) return `Invalid format name '${format.name}'.`;
  if (!isRecord(format.schema)) return `Missing schema of the format '${format.name}'.`;
  if (format.strict !== true || isClosed(format.schema)) return undefined;
  return `Invalid schema for response_format '${format.name}': strict mode wants closed objects with everything required.`;
};

/** Why a provider would refuse the request, if it would. */
export const checkRequest = ({ entries, tools, format }: ScriptedRequest): Refusal | undefined => {
  const waiting = new Set<string>();
  const used = new Set<string>();
  const messages = entries.map((entry) => checkEntry(entry, waiting, used));
  const unanswered = waiting.size === 0 ? undefined : `No tool output found for function call '${[...waiting][0]}'.`;
  const message = [checkTools(tools), checkFormat(format), ...messages, unanswered].find(
    (wrong) => wrong !== undefined,
  );
  return message === undefined ? undefined : { message };
};

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The reasoning item of a step. Made from conversation and step alone, so that it can be checked after a restart too. */
export const reasoningItem = (
  conversation: string,
  step: number,
): Record<string, unknown> & { readonly id: string } => {
  const id = digest(`${step}\n${conversation}`);
  return {
    id: `rs_${id.slice(0, 32)}`,
    type: 'reasoning',
    summary: [],
    encrypted_content: digest(`encrypted ${id}`).repeat(4),
  };
};

/** Why a provider would refuse the reasoning items of a request: each one issued must come back in place, unchanged. */
export const checkReasoning = (
  conversation: string,
  entries: readonly Entry[],
  isIssued: (step: number) => boolean,
): Refusal | undefined => {
  const answers = entries.filter(({ role }) => role === 'assistant');
  for (const [index, { reasoning = [] }] of answers.entries()) {
    const step = index + 1;
    const expected = reasoningItem(conversation, step);
    if (reasoning.some((item) => !isDeepStrictEqual(item, expected))) {
      return {
        message: `A reasoning item of answer ${step} could not be verified.`,
        code: 'invalid_encrypted_content',
      };
    }
    if (reasoning.length === 0 && isIssued(step))
      return { message: `Reasoning item '${expected.id}' of answer ${step} is missing.` };
  }
  return undefined;
};
