import type { ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import {
  chooseTurn,
  type Fault,
  isOwnFormat,
  type Script,
  type ScriptedMessage,
  type ScriptedTranscript,
  type Turn,
} from './script.ts';
import { answerBody, errorBody } from './scripted-body.ts';
import { delay, type Reply, sendFault, sendReply } from './scripted-reply.ts';
import { type Entry, readRequest, type ScriptedApi, type ScriptedRequest } from './scripted-request.ts';
import { checkReasoning, checkRequest } from './scripted-rules.ts';

/** A request on its way to an answer. */
export type Exchange = {
  readonly api: ScriptedApi;
  readonly body: unknown;
  readonly chars: number;
  readonly response: ServerResponse;
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal;
  /** Says that the script breaks the connection itself. */
  readonly expectBreak: () => void;
};

/** Conversations that are remembered; the oldest ones begin to count anew. */
const MAX_STEPS = 100_000;

const textsOf = (entries: readonly Entry[]): string[] =>
  entries.flatMap(({ role, text }) => (role === 'tool' ? [text] : []));

const conversationOf = ({ entries }: ScriptedRequest): string =>
  entries.find(({ role }) => role === 'user')?.text ?? '';

const stepOf = ({ entries }: ScriptedRequest): number => entries.filter(({ role }) => role === 'assistant').length + 1;

/** What attempts are counted by. A question of the platform's own about a goal is no attempt of a step. */
const keyOf = (request: ScriptedRequest): string => {
  const key = `${stepOf(request)}\n${conversationOf(request)}`;
  return isOwnFormat(request.format?.name) ? `${request.format?.name}\n${key}` : key;
};

const toMessage = (entry: Entry): ScriptedMessage => {
  const { reasoning: _, ...message } = entry;
  return message;
};

const toTranscript = (request: ScriptedRequest, attempt: number): ScriptedTranscript => {
  const { entries, tools, model, format } = request;
  return {
    step: stepOf(request),
    goal: conversationOf(request).split('\n\n[input untrusted #', 1)[0] ?? '',
    tools: tools.map(({ name }) => name),
    schemas: Object.fromEntries(tools.map(({ name, parameters }) => [name, parameters])),
    messages: entries.map(toMessage),
    results: textsOf(entries),
    lastResults: textsOf(entries.slice(entries.findLastIndex(({ role }) => role === 'assistant') + 1)),
    attempt,
    ...(format === undefined ? {} : { format: format.name }),
    model,
  };
};

const faultOf = ({ fault, times = Number.POSITIVE_INFINITY }: Turn, attempt: number): Fault | undefined =>
  attempt <= times ? fault : undefined;

const refusalReply = (refusal: { message: string; code?: string; param?: string }): Reply => ({
  status: 400,
  body: errorBody(refusal.message, { code: refusal.code ?? null, param: refusal.param ?? null }),
});

/** Creates what answers requests by a script. It keeps counts only, so every attempt of a step is answered alike. */
export const createAnswerer = (script: Script): ((exchange: Exchange) => Promise<void>) => {
  const attempts = new LRUCache<string, number>({ max: MAX_STEPS });
  const issued = new LRUCache<string, true>({ max: MAX_STEPS });

  const countAttempt = (key: string): number => {
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    return attempt;
  };

  return async ({ api, body, chars, response, signal, expectBreak }) => {
    const request = readRequest(api, body);
    if ('message' in request) return sendReply(response, refusalReply(request));
    const conversation = conversationOf(request);
    const refusal =
      checkRequest(request) ??
      checkReasoning(conversation, request.entries, (step) => issued.has(`${step}\n${conversation}`));
    if (refusal !== undefined) return sendReply(response, refusalReply(refusal));
    const key = keyOf(request);
    const transcript = toTranscript(request, countAttempt(key));
    const turn = await chooseTurn(script, transcript);
    if (turn.delayMs !== undefined) await delay(turn.delayMs, signal);
    const { model, step, tools, attempt } = transcript;
    const good = answerBody({ api, turn, model, step, conversation, tools, requestChars: chars });
    const fault = faultOf(turn, attempt);
    if (fault === undefined) {
      if (api === 'responses' && turn.reasoning === true) issued.set(key, true);
      else issued.delete(key);
      return sendReply(response, { status: 200, body: good });
    }
    if (typeof fault === 'object' && 'drop' in fault) expectBreak();
    sendFault(response, fault, good);
  };
};
