import { describe, expect, it, onTestFinished } from 'vitest';
import type { Prompt } from '../../src/activities/ports.ts';
import { type ScriptedModelOptions, type ScriptedTranscript, startScriptedModel } from '../../src/testing/index.ts';
import { APIS, converse, goal, makeContext, makePrompt, startBench } from './support.ts';

const start = async (options: Partial<ScriptedModelOptions> = {}) => {
  const server = await startScriptedModel({ script: [{ text: 'ok' }], ...options });
  onTestFinished(() => server.close());
  const post = async (path: string, body: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer secret' },
      body: text,
    });
    return { status: response.status, body: (await response.json()) as { error?: { message: string } } };
  };
  return { server, post };
};

const user = { role: 'user', content: 'hi' };
const call = (id: string, more: object = {}) => ({
  type: 'function_call',
  call_id: id,
  name: 'read',
  arguments: '{}',
  ...more,
});
const output = (id: string) => ({ type: 'function_call_output', call_id: id, output: 'x' });

const REFUSED: { name: string; input: unknown[]; message: RegExp }[] = [
  { name: 'a call without an output', input: [user, call('a')], message: /No tool output found/ },
  {
    name: 'a call that something else follows',
    input: [user, call('a'), user, output('a')],
    message: /No tool output found/,
  },
  { name: 'an output without a call', input: [user, output('a')], message: /No tool call found/ },
  { name: 'two outputs of a call', input: [user, call('a'), output('a'), output('a')], message: /No tool call found/ },
  { name: 'two calls with one id', input: [user, call('a'), call('a'), output('a')], message: /Duplicate/ },
  { name: 'an empty call id', input: [user, call(''), output('')], message: /Invalid call id/ },
  {
    name: 'arguments that are not JSON',
    input: [user, call('a', { arguments: '{a' }), output('a')],
    message: /not valid JSON/,
  },
  {
    name: 'an impossible tool name',
    input: [user, call('a', { name: 'a.b' }), output('a')],
    message: /Invalid function name/,
  },
  { name: 'an unknown item', input: [user, { type: 'dance' }], message: /Invalid request/ },
  {
    name: 'reasoning of somebody else',
    input: [user, { type: 'reasoning', id: 'rs_1', encrypted_content: 'x' }, { role: 'assistant', content: 'y' }],
    message: /could not be verified/,
  },
];

describe('the scripted model refuses, as a provider does', () => {
  it.each(REFUSED)('$name', async ({ input, message }) => {
    const { post } = await start();
    const answer = await post('/responses', { model: 'm', input });
    expect(answer.status).toBe(400);
    expect(answer.body.error?.message).toMatch(message);
  });

  it.each([
    { name: 'a strict schema that is open', format: { name: 'x', strict: true, schema: { type: 'object' } } },
    { name: 'a format name with spaces', format: { name: 'a b', schema: {} } },
    { name: 'a format without a schema', format: { name: 'x' } },
    { name: 'a format of an unknown type', format: { type: 'xml', name: 'x', schema: {} } },
  ])('$name', async ({ format }) => {
    const { post } = await start();
    const text = { format: { type: 'json_schema', ...format } };
    expect((await post('/responses', { model: 'm', input: [user], text })).status).toBe(400);
    const { type = 'json_schema', ...json_schema } = format;
    const chat = { model: 'm', messages: [user], response_format: { type, json_schema } };
    expect((await post('/chat/completions', chat)).status).toBe(400);
  });

  it.each([{}, 'no JSON', { model: 'm' }, { model: '', messages: [user] }, { messages: [user] }])(
    'a request like %j',
    async (body) => {
      const { post } = await start();
      expect((await post('/chat/completions', body)).status).toBe(400);
    },
  );

  it('reasoning that does not come back', async () => {
    const { post } = await start({ script: [{ calls: [{ tool: 'read', id: 'a' }], reasoning: true }, { text: 'ok' }] });
    const first = (await post('/responses', { model: 'm', input: [user] })).body as unknown as {
      output: { type: string }[];
    };
    const [reasoning, made] = first.output;
    const lost = await post('/responses', { model: 'm', input: [user, made, output('a')] });
    const changed = await post('/responses', {
      model: 'm',
      input: [user, { ...reasoning, summary: ['x'] }, made, output('a')],
    });
    const kept = await post('/responses', { model: 'm', input: [user, reasoning, made, output('a')] });
    expect([lost.status, changed.status, kept.status]).toEqual([400, 400, 200]);
  });
});

describe.each(APIS)('the scripted model ($api)', ({ api }) => {
  it('answers by the place in the conversation, so every attempt alike', async () => {
    const { model } = await startBench(api, [{ calls: [{ tool: 'files.read' }] }, { text: 'done' }]);
    const [first, again] = [
      await model.answer(makePrompt(), makeContext()),
      await model.answer(makePrompt(), makeContext()),
    ];
    expect(again).toEqual(first);
    expect((await converse(model)).map(({ text }) => text)).toEqual(['', 'done']);
  });

  it('says when the script is over', async () => {
    const { model } = await startBench(api, []);
    expect((await model.answer(makePrompt(), makeContext())).text).toBe('script exhausted');
  });

  it('adds a decision unless told otherwise', async () => {
    const calls = [
      { tool: 'files.read' },
      { tool: 'files.read', decision: null },
      { tool: 'files.read', decision: { confidence: 7 } },
    ];
    const { model } = await startBench(api, [{ calls }]);
    const answer = await model.answer(makePrompt(), makeContext());
    const [standard, none, own] = answer.calls.map((made) => JSON.parse(made.arguments).decision);
    expect(standard).toMatchObject({ alternatives: [], basis: ['goal'] });
    expect(none).toBeUndefined();
    expect(own).toEqual({ confidence: 7 });
  });

  it('shows a script the transcript', async () => {
    const seen: ScriptedTranscript[] = [];
    const { model } = await startBench(api, (transcript) => {
      seen.push(transcript);
      return transcript.step === 1
        ? { text: 'reading', calls: [{ tool: 'files.read', id: 'p1', args: { path: 'a' } }] }
        : { text: 'done' };
    });
    await converse(model);
    expect(seen[1]).toMatchObject({ step: 2, goal: goal.text, tools: ['files__read'], attempt: 1, model: 'small' });
    expect(seen[1]?.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool']);
    expect(seen[1]?.messages[2]).toMatchObject({ text: 'reading', calls: [{ id: 'p1', name: 'files__read' }] });
    expect(seen[1]?.lastResults).toEqual(seen[1]?.results);
    expect(seen[1]?.lastResults[0]).toContain('content for s1.c1');
    expect(seen[1]?.schemas).toHaveProperty('files__read.properties.path');
  });

  it('shows a script the goal without its input', async () => {
    const { model } = await startBench(api, (transcript) => ({ text: transcript.goal }));
    const { text } = await model.answer(makePrompt([{ ...goal, input: { n: 1 } }]), makeContext());
    expect(text).toBe(goal.text);
  });

  it('counts the attempts of a step', async () => {
    const { model } = await startBench(api, ({ attempt }) => ({ text: `attempt ${attempt}` }));
    await model.answer(makePrompt(), makeContext());
    expect((await model.answer(makePrompt(), makeContext())).text).toBe('attempt 2');
  });

  it('keeps turns of a format for requests of that format, by place among themselves', async () => {
    const script = [
      { text: 'first step' },
      { format: 'plan', json: { n: 1 } },
      { text: 'second step' },
      { format: 'plan', json: { n: 2 } },
    ];
    const { server, model } = await startBench(api, script);
    const format = { name: 'plan', schema: { type: 'object' } };
    const said = { kind: 'proposal', id: 's1', text: 'so', calls: [] } as const;
    const ask = async (prompt: Prompt) => (await model.answer(prompt, makeContext())).text;

    const texts = [
      await ask({ ...makePrompt(), format }),
      await ask(makePrompt()),
      await ask({ ...makePrompt([goal, said]), format }),
      await ask(makePrompt([goal, said])),
      await ask({ ...makePrompt(), format: { ...format, name: 'other' } }),
    ];

    expect(texts.slice(0, 4)).toEqual(['{"n":1}', 'first step', '{"n":2}', 'second step']);
    expect(texts[4]).toContain('no turn for the format other');
    expect(server.requests.map((request) => request.format)).toEqual(['plan', undefined, 'plan', undefined, 'other']);
  });

  it('takes steps of an agent with an output schema for steps', async () => {
    const { server, model } = await startBench(api, [{ json: { done: true } }]);
    const { text } = await model.answer(makePrompt(undefined, { output: { type: 'object' } }), makeContext());
    expect(text).toBe('{"done":true}');
    expect(server.requests[0]?.format).toBe('final_output');
  });

  it('shows a function the format, and counts its attempts apart', async () => {
    const { model } = await startBench(api, ({ format, attempt }) => ({ text: `${format} ${attempt}` }));
    const format = { name: 'plan', schema: { type: 'object' } };
    const prompts = [makePrompt(), { ...makePrompt(), format }, { ...makePrompt(), format }, makePrompt()];
    const texts: string[] = [];
    for (const prompt of prompts) texts.push((await model.answer(prompt, makeContext())).text);
    expect(texts).toEqual(['undefined 1', 'plan 1', 'plan 2', 'undefined 2']);
  });

  it('answers after a delay', async () => {
    const { model } = await startBench(api, [{ text: 'late', delayMs: 60 }]);
    const before = performance.now();
    await model.answer(makePrompt(), makeContext());
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
  });
});

describe('the scripted model', () => {
  it('records requests without the key', async () => {
    const { server, post } = await start();
    await post('/chat/completions', { model: 'm', messages: [user] });
    expect(server.requests).toMatchObject([{ api: 'chat', body: { model: 'm' } }]);
    expect(JSON.stringify(server.requests)).not.toContain('secret');
  });

  it('lists a model', async () => {
    const { server } = await start();
    expect(await (await fetch(`${server.url}/models`)).json()).toMatchObject({ object: 'list' });
  });

  it('serves one API only where told so', async () => {
    const { post } = await start({ api: 'responses' });
    expect((await post('/chat/completions', { model: 'm', messages: [user] })).status).toBe(404);
    expect((await post('/responses', { model: 'm', input: 'hi' })).status).toBe(200);
  });

  it('answers 500 when the script throws', async () => {
    const { post } = await start({
      script: () => {
        throw new Error('no idea');
      },
    });
    const answer = await post('/responses', { model: 'm', input: 'hi' });
    expect(answer.status).toBe(500);
    expect(answer.body.error?.message).toContain('no idea');
  });

  it('closes while a request hangs', async () => {
    const server = await startScriptedModel({ script: [{ fault: 'hang' }] });
    const request = fetch(`${server.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'hi' }),
    });
    const failed = request.catch((error: unknown) => error);
    await expect.poll(() => server.inFlight()).toBe(1);
    await server.close();
    expect(await failed).toBeInstanceOf(TypeError);
    expect(server.aborted()).toBe(0);
  });
});
