import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SIZES } from '../../src/domain/sizes.ts';
import { chatApi } from '../../src/models/chat.ts';
import { isStrictSchema } from '../../src/models/format.ts';
import { createOpenAiModel } from '../../src/models/openai.ts';
import { renderPrompt } from '../../src/models/render.ts';
import {
  APIS,
  type Api,
  answerOnce,
  bodiesOf,
  converse,
  failOnce,
  failureOf,
  itemsOf,
  KEY,
  makeContext,
  makePrompt,
  startBench,
  startRawServer,
} from './support.ts';

const schema = { type: 'object', properties: { done: { type: 'boolean' } }, required: ['done'] };

describe.each(APIS)('the request ($api)', ({ api }) => {
  it('offers the tools under the names that the API accepts', async () => {
    const { server, model } = await startBench(api, (transcript) => ({ text: transcript.tools.join() }));
    const answer = await model.answer(makePrompt(), makeContext());
    expect(answer.text).toBe('files__read');
    expect(JSON.stringify(bodiesOf(server)[0]?.['tools'])).toContain('Reads a file');
  });

  it('leaves tools out when there are none', async () => {
    const { server, model } = await startBench(api, [{ text: 'ok' }]);
    await model.answer(makePrompt(undefined, { tools: [] }), makeContext());
    expect(bodiesOf(server)[0]).not.toHaveProperty('tools');
    expect(bodiesOf(server)[0]).not.toHaveProperty('parallel_tool_calls');
  });

  it('asks for the output schema where there is one', async () => {
    const { server, model } = await startBench(api, [{ text: '{"done":true}' }]);
    await model.answer(makePrompt(undefined, { output: schema }), makeContext());
    const body = bodiesOf(server)[0];
    const format = { name: 'final_output', strict: false, schema };
    const expected = {
      chat: { response_format: { type: 'json_schema', json_schema: format } },
      responses: { text: { format: { type: 'json_schema', ...format } } },
    };
    expect(body).toMatchObject(expected[api]);
  });

  it.each([
    { name: 'strict where the schema allows it', closed: { ...schema, additionalProperties: false }, strict: true },
    { name: 'not strict where it is open', closed: schema, strict: false },
  ])('asks for structured output in its place: $name', async ({ closed, strict }) => {
    const { server, model } = await startBench(api, [{ format: 'verdict', json: { done: true } }]);
    const prompt = { ...makePrompt(undefined, { output: schema }), format: { name: 'verdict', schema: closed } };

    const { text } = await model.answer(prompt, makeContext());

    expect(JSON.parse(text)).toEqual({ done: true });
    const format = { name: 'verdict', strict, schema: closed };
    const body = bodiesOf(server)[0];
    expect(api === 'chat' ? body?.['response_format'] : body?.['text']).toEqual(
      api === 'chat' ? { type: 'json_schema', json_schema: format } : { format: { type: 'json_schema', ...format } },
    );
    expect(JSON.stringify(body)).not.toContain('You act only by calling tools');
  });

  it('bounds the answer in the words that the server knows', async () => {
    const { server, model } = await startBench(api, [{ text: 'ok' }]);
    await model.answer(makePrompt(), makeContext());
    expect(bodiesOf(server)[0]?.[api === 'chat' ? 'max_tokens' : 'max_output_tokens']).toBe(1000);
  });

  it('carries the given key, else `none`, and nothing from the environment', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-from-environment');
    vi.stubEnv('OPENAI_ORG_ID', 'org-from-environment');
    onTestFinished(() => void vi.unstubAllEnvs());
    const headers: IncomingHttpHeaders[] = [];
    const baseURL = await startRawServer((request, response) => {
      headers.push(request.headers);
      response.writeHead(500).end();
    });
    for (const apiKey of [KEY, undefined, '']) {
      const model = createOpenAiModel({ name: 'default', model: 'small', api, baseURL, apiKey, timeoutMs: 5000 });
      await failureOf(model.answer(makePrompt(), makeContext()));
    }
    expect(headers.map(({ authorization }) => authorization)).toEqual([`Bearer ${KEY}`, 'Bearer none', 'Bearer none']);
    expect(JSON.stringify(headers)).not.toContain('from-environment');
  });
});

const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const within = (a: unknown) => ({ ...closed, properties: { a } });

describe('a schema is strict', () => {
  it.each([
    { name: 'closed, everything required', schema: closed, isStrict: true },
    { name: 'closed all the way down', schema: within({ type: 'array', items: closed }), isStrict: true },
    { name: 'choices', schema: within({ anyOf: [closed, { type: 'null' }] }), isStrict: true },
    { name: 'open', schema: { ...closed, additionalProperties: true }, isStrict: false },
    { name: 'something optional', schema: { ...closed, required: [] }, isStrict: false },
    { name: 'open further down', schema: within({ type: 'object' }), isStrict: false },
    { name: 'a part that says nothing', schema: within({}), isStrict: false },
    { name: 'a list of anything', schema: within({ type: 'array' }), isStrict: false },
    {
      name: 'a keyword that strict mode may not know',
      schema: within({ type: 'string', not: { const: '' } }),
      isStrict: false,
    },
    { name: 'no object', schema: { type: 'array', items: closed }, isStrict: false },
    { name: 'six levels', schema: within(within(within(within(within(closed))))), isStrict: false },
    { name: 'no schema', schema: null, isStrict: false },
  ])('$name: $isStrict', ({ schema, isStrict }) => {
    expect(isStrictSchema(schema)).toBe(isStrict);
  });
});

describe('the Chat Completions request', () => {
  it.each([
    { isOpenAi: true, field: 'max_completion_tokens' },
    { isOpenAi: false, field: 'max_tokens' },
  ])('bounds the answer by $field (OpenAI: $isOpenAi)', ({ isOpenAi, field }) => {
    const prompt = makePrompt();
    expect(
      chatApi.build({ model: 'small', ...prompt, rendered: renderPrompt(prompt), format: undefined, isOpenAi }),
    ).toHaveProperty(field, 1000);
  });
});

describe('the Responses request', () => {
  it('keeps nothing at the provider and asks for encrypted reasoning', async () => {
    const { server, model } = await startBench('responses', [{ text: 'ok' }]);
    await model.answer(makePrompt(), makeContext());
    expect(bodiesOf(server)[0]).toMatchObject({
      store: false,
      include: ['reasoning.encrypted_content'],
      parallel_tool_calls: true,
      tools: [{ type: 'function', strict: false }],
    });
  });
});

describe.each(APIS)('the answer ($api)', ({ api }) => {
  it('holds text, calls and reported usage', async () => {
    const answer = await answerOnce(api, {
      text: 'reading',
      calls: [{ tool: 'files.read', args: { path: 'a' }, decision: null, id: 'p1' }],
      usage: { inputTokens: 70, outputTokens: 9, cachedTokens: 50 },
    });
    expect(answer).toEqual({
      model: 'small',
      text: 'reading',
      calls: [{ providerId: 'p1', name: 'files__read', arguments: '{"path":"a"}' }],
      finish: 'stop',
      usage: { inputTokens: 70, outputTokens: 9, cachedTokens: 50 },
    });
  });

  it('holds twelve calls in their order', async () => {
    const calls = Array.from({ length: 12 }, (_, n) => ({ tool: 'files.read', args: { path: `f${n}` } }));
    const answer = await answerOnce(api, { calls });
    expect(answer.calls.map((call) => JSON.parse(call.arguments).path)).toEqual(calls.map(({ args }) => args.path));
    expect(new Set(answer.calls.map(({ providerId }) => providerId)).size).toBe(12);
  });

  it('is returned empty when the model said nothing', async () => {
    expect(await answerOnce(api, { text: '' })).toMatchObject({ text: '', calls: [], finish: 'stop' });
  });

  it('says when it was cut at the token limit', async () => {
    const calls = [{ tool: 'files.read', rawArguments: '{"path": "a' }];
    const answer = await answerOnce(api, { text: 'so I wi', calls, finish: 'length' });
    expect(answer).toMatchObject({ text: 'so I wi', finish: 'length', calls: [{ arguments: '{"path": "a' }] });
  });

  it('keeps arguments that are not JSON as the model wrote them', async () => {
    const answer = await answerOnce(api, { calls: [{ tool: 'files.read', rawArguments: '{path: a,}' }] });
    expect(answer.calls[0]?.arguments).toBe('{path: a,}');
  });

  it('has estimated usage where the server reports none', async () => {
    const { usage } = await answerOnce(api, { text: 'x'.repeat(400), usage: null });
    expect(usage.outputTokens).toBe(100);
    expect(usage.inputTokens).toBeGreaterThan(300);
    expect(usage.cachedTokens).toBe(0);
  });

  it('has estimated usage where the server reports nonsense', async () => {
    const { usage } = await answerOnce(api, {
      text: 'x'.repeat(400),
      usage: { inputTokens: 0, outputTokens: -7, cachedTokens: -1 },
    });
    expect(usage.outputTokens).toBe(100);
    expect(usage.inputTokens).toBeGreaterThan(300);
    expect(usage.cachedTokens).toBe(0);
  });

  it('is refused with Model.ResponseTooLarge when heartbeats could not hold it', async () => {
    const failure = await failOnce(api, { text: 'x'.repeat(SIZES.modelAnswer) });
    expect(failure).toMatchObject({ type: 'Model.ResponseTooLarge', nonRetryable: true });
  });

  it('fails with Model.Refused when the model refuses', async () => {
    const failure = await failOnce(api, { refusal: 'I will not do that.' });
    expect(failure).toMatchObject({ type: 'Model.Refused', nonRetryable: true });
    expect(failure.message).toContain('I will not do that.');
  });
});

type Shape = { name: string; api: Api; body: unknown };

const BAD_SHAPES: Shape[] = [
  { name: 'no fields', api: 'responses', body: {} },
  { name: 'a list', api: 'responses', body: [] },
  { name: 'null', api: 'responses', body: 'null' },
  { name: 'output that is a text', api: 'responses', body: { output: 'hello' } },
  { name: 'null among the output', api: 'responses', body: { output: [null] } },
  {
    name: 'a call without a name',
    api: 'responses',
    body: { output: [{ type: 'function_call', call_id: 'a', arguments: '{}' }] },
  },
  { name: 'text that is a number', api: 'responses', body: { output: [{ type: 'message', content: [{ text: 5 }] }] } },
  { name: 'an unfinished response', api: 'responses', body: { status: 'in_progress', output: [] } },
  { name: 'a failed response without a reason', api: 'responses', body: { status: 'failed', output: [] } },
  { name: 'no fields', api: 'chat', body: {} },
  { name: 'no choices', api: 'chat', body: { choices: [] } },
  { name: 'null for choices', api: 'chat', body: { choices: null } },
  { name: 'a choice without a message', api: 'chat', body: { choices: [{ finish_reason: 'stop' }] } },
  { name: 'a call without a function', api: 'chat', body: { choices: [{ message: { tool_calls: [{ id: 'a' }] } }] } },
  { name: 'calls that are an object', api: 'chat', body: { choices: [{ message: { tool_calls: { id: 'a' } } }] } },
];

describe('an answer of the wrong shape', () => {
  it.each(BAD_SHAPES)('fails with Model.BadResponse: $name ($api)', async ({ api, body }) => {
    const failure = await failOnce(api, { fault: { status: 200, body } });
    expect(failure).toMatchObject({ type: 'Model.BadResponse', nonRetryable: false });
  });

  it('is taken where only the form is sloppy (responses)', async () => {
    const body = {
      output: [
        { type: 'web_search_call' },
        { type: 'message', content: 'hel' },
        { type: 'message', content: [{ text: 'lo' }, { text: null }] },
        { type: 'function_call', name: 'files__read', arguments: { path: 'a' } },
        { type: 'function_call', name: 'files__read' },
      ],
    };
    const answer = await answerOnce('responses', { fault: { status: 200, body } });
    expect(answer).toMatchObject({ model: 'small', text: 'hello', finish: 'stop' });
    expect(answer.calls).toEqual([
      { providerId: '', name: 'files__read', arguments: '{"path":"a"}' },
      { providerId: '', name: 'files__read', arguments: '' },
    ]);
  });

  it('is taken where only the form is sloppy (chat)', async () => {
    const message = {
      content: [{ type: 'text', text: 'hello' }],
      refusal: '',
      tool_calls: [{ function: { name: 'files__read', arguments: {} } }],
    };
    const answer = await answerOnce('chat', { fault: { status: 200, body: { choices: [{ message }] } } });
    expect(answer).toMatchObject({ model: 'small', text: 'hello', finish: 'stop' });
    expect(answer.calls).toEqual([{ providerId: '', name: 'files__read', arguments: '{}' }]);
  });
});

const FAILED: { name: string; api: Api; body: unknown; type: string }[] = [
  {
    name: 'a filtered response',
    api: 'responses',
    body: { status: 'incomplete', incomplete_details: { reason: 'content_filter' }, output: [] },
    type: 'Model.Refused',
  },
  {
    name: 'a failed response',
    api: 'responses',
    body: { status: 'failed', error: { code: 'server_error', message: 'Oops.' }, output: [] },
    type: 'Model.Unavailable',
  },
  {
    name: 'a filtered choice',
    api: 'chat',
    body: { choices: [{ finish_reason: 'content_filter', message: { content: '' } }] },
    type: 'Model.Refused',
  },
  {
    name: 'a router’s error',
    api: 'chat',
    body: { error: { code: 502, message: 'Provider returned error' } },
    type: 'Model.Unavailable',
  },
];

describe('an answer with status 200 that is a failure', () => {
  it.each(FAILED)('is one: $name is $type', async ({ api, body, type }) => {
    expect(await failOnce(api, { fault: { status: 200, body } })).toMatchObject({ type });
  });
});

describe('an incomplete response', () => {
  it('counts as cut even when it gives no reason', async () => {
    const body = { status: 'incomplete', output: [{ type: 'message', content: 'so I wi' }] };
    expect(await answerOnce('responses', { fault: { status: 200, body } })).toMatchObject({
      text: 'so I wi',
      finish: 'length',
    });
  });
});

describe('reasoning', () => {
  it('is given out unread, and goes back unchanged before its answer', async () => {
    const call = { tool: 'files.read', args: { path: 'a' } };
    const script = [
      { calls: [call], reasoning: true },
      { text: 'and one more', calls: [call], reasoning: true },
      { text: 'done' },
    ];
    const { server, model } = await startBench('responses', script);

    const answers = await converse(model);

    expect(answers.map(({ opaque }) => opaque?.length)).toEqual([1, 1, undefined]);
    const items = itemsOf(bodiesOf(server)[2]);
    expect(items.map((item) => item['type'] ?? item['role'])).toEqual([
      'user',
      'reasoning',
      'function_call',
      'function_call_output',
      'reasoning',
      'assistant',
      'function_call',
      'function_call_output',
    ]);
    expect(JSON.stringify(items[1])).toBe(JSON.stringify(answers[0]?.opaque?.[0]));
  });

  it('is left out of Chat Completions, which has no place for it', async () => {
    const { model } = await startBench('chat', [
      { calls: [{ tool: 'files.read' }], reasoning: true },
      { text: 'done' },
    ]);
    expect((await converse(model)).map(({ opaque }) => opaque)).toEqual([undefined, undefined]);
  });
});
