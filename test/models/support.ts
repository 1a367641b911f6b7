import { createServer, type RequestListener } from 'node:http';
import { ApplicationFailure } from '@temporalio/common';
import { onTestFinished } from 'vitest';
import type { Model, ModelAnswer, ModelContext, Prompt } from '../../src/activities/ports.ts';
import { digestText } from '../../src/domain/digest.ts';
import { callId } from '../../src/domain/proposal.ts';
import type { ProposalItem, ResultItem, SetupItem } from '../../src/domain/transcript.ts';
import { createOpenAiModel, type OpenAiModelOptions } from '../../src/models/openai.ts';
import {
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
  type Turn,
} from '../../src/testing/index.ts';

export const APIS = [{ api: 'responses' }, { api: 'chat' }] as const;

export type Api = (typeof APIS)[number]['api'];

export const KEY = 'local-key-3f9a77c1';

export const goal = { kind: 'goal', id: 'goal', text: 'Tidy the files.' } as const;

const makeSetup = (given: Partial<SetupItem> = {}): SetupItem => ({
  kind: 'setup',
  id: 'setup1',
  instructions: 'You tidy files.',
  tools: [
    {
      name: 'files__read',
      tool: 'files.read',
      description: 'Reads a file',
      parameters: { type: 'object', properties: { path: { type: 'string' }, decision: { type: 'object' } } },
    },
  ],
  digest: digestText('setup'),
  ...given,
});

export const makePrompt = (items: Prompt['items'] = [goal], setup: Partial<SetupItem> = {}): Prompt => ({
  setup: makeSetup(setup),
  items,
  maxOutputTokens: 1000,
});

export const makeContext = (given: Partial<ModelContext> = {}): ModelContext => ({
  signal: new AbortController().signal,
  holder: 'task/1/s1',
  ...given,
});

export const toProposal = (step: number, answer: Pick<ModelAnswer, 'text' | 'calls' | 'opaque'>): ProposalItem => ({
  kind: 'proposal',
  id: `s${step}`,
  text: answer.text,
  calls: answer.calls.map((call, index) => ({ id: callId(step, index), ...call })),
  ...(answer.opaque === undefined ? {} : { opaque: answer.opaque }),
});

export const makeResult = (id: string, given: Partial<ResultItem> = {}): ResultItem => ({
  kind: 'result',
  id,
  tool: 'files.read',
  status: 'succeeded',
  output: `content for ${id}`,
  trust: 'untrusted',
  ...given,
});

/** A proposal of calls with these provider ids. */
export const makeProposal = (step: number, calls: readonly Partial<ModelAnswer['calls'][number]>[]): ProposalItem =>
  toProposal(step, {
    text: '',
    calls: calls.map((call, index) => ({
      providerId: `p${step}_${index}`,
      name: 'files__read',
      arguments: '{}',
      ...call,
    })),
  });

export type Bench = { readonly server: ScriptedModel; readonly model: Model };

/** A scripted server and a model that speaks to it, for one test. */
export const startBench = async (
  api: Api,
  script: ScriptedModelOptions['script'],
  options: Partial<OpenAiModelOptions> = {},
): Promise<Bench> => {
  const server = await startScriptedModel({ script });
  onTestFinished(() => server.close());
  const model = createOpenAiModel({
    name: 'default',
    model: 'small',
    api,
    baseURL: server.url,
    apiKey: KEY,
    timeoutMs: 20_000,
    ...options,
  });
  return { server, model };
};

/** A server for what the scripted one cannot do; gives its base URL. */
export const startRawServer = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/v1`;
};

/** The answer to one prompt, from a script of one turn. */
export const answerOnce = async (api: Api, turn: Turn, prompt: Prompt = makePrompt()): Promise<ModelAnswer> =>
  (await startBench(api, () => turn)).model.answer(prompt, makeContext());

/** How a promise fails. */
export const failureOf = async (promise: Promise<unknown>): Promise<ApplicationFailure> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error('it did not fail');
};

/** The failure of one request that the server answers with this turn. */
export const failOnce = async (
  api: Api,
  turn: Turn,
  options: Partial<OpenAiModelOptions> = {},
): Promise<ApplicationFailure> =>
  failureOf((await startBench(api, () => turn, options)).model.answer(makePrompt(), makeContext()));

type Body = { readonly input?: unknown[]; readonly messages?: unknown[] } & Record<string, unknown>;

/** The bodies that the server got. */
export const bodiesOf = (server: ScriptedModel): Body[] => server.requests.map(({ body }) => body as Body);

/** What was said, in an API's own form, without the instructions. */
export const itemsOf = (body: Body | undefined): Record<string, unknown>[] =>
  (body?.input ?? body?.messages?.slice(1) ?? []) as Record<string, unknown>[];

/** The items that a prompt is rendered to, as the server got them. */
export const render = async (api: Api, prompt: Prompt): Promise<Record<string, unknown>[]> => {
  const { server, model } = await startBench(api, () => ({ text: 'ok' }));
  await model.answer(prompt, makeContext());
  return itemsOf(bodiesOf(server)[0]);
};

type Said = {
  outputs: { id: unknown; text: string }[];
  calls: { id: unknown; name: unknown; arguments: unknown }[];
  users: string[];
};

/** Calls, outputs and user texts of a request, the same for both APIs. */
export const readSaid = (items: readonly Record<string, unknown>[]): Said => ({
  outputs: items.flatMap((item) => {
    if (item['type'] === 'function_call_output') return [{ id: item['call_id'], text: String(item['output']) }];
    return item['role'] === 'tool' ? [{ id: item['tool_call_id'], text: String(item['content']) }] : [];
  }),
  calls: items.flatMap((item) => {
    if (item['type'] === 'function_call')
      return [{ id: item['call_id'], name: item['name'], arguments: item['arguments'] }];
    const calls = (item['tool_calls'] ?? []) as { id: string; function: { name: string; arguments: string } }[];
    return calls.map((call) => ({ id: call.id, ...call.function }));
  }),
  users: items.flatMap((item) => (item['role'] === 'user' ? [String(item['content'])] : [])),
});

/** Takes part in a conversation until the model makes no more calls; gives all answers. */
export const converse = async (model: Model, setup: Partial<SetupItem> = {}): Promise<ModelAnswer[]> => {
  const items: Prompt['items'][number][] = [goal];
  const answers: ModelAnswer[] = [];
  for (let step = 1; ; step++) {
    const answer = await model.answer(makePrompt([...items], setup), makeContext());
    answers.push(answer);
    if (answer.calls.length === 0) return answers;
    const proposal = toProposal(step, answer);
    // As through Temporal: what is kept is a copy by way of JSON.
    items.push(JSON.parse(JSON.stringify(proposal)) as ProposalItem, ...proposal.calls.map(({ id }) => makeResult(id)));
  }
};
