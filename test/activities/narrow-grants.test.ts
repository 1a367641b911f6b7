import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { narrowGrants } from '../../src/activities/narrow-grants.ts';
import type { ActivityDeps, CallContext, Model } from '../../src/activities/ports.ts';
import { digestText } from '../../src/domain/digest.ts';
import type { Grant } from '../../src/domain/grants.ts';
import { faceOf } from '../../src/gateway/faces.ts';
import { checkGrants } from '../../src/gateway/grants.ts';
import type { Script } from '../../src/testing/index.ts';
import { askHuman } from '../../src/tools/ask-human.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { APIS, bodiesOf, failureOf, startBench } from '../models/support.ts';

const GOAL = 'Refund order 17, at most 50 dollars.';

const makeTool = (name: string, input: z.ZodObject) =>
  defineTool({ name, description: `Does ${name}`, effect: 'write', input, execute: () => null });

const tools = [
  makeTool('orders.find', z.object({ id: z.string() })),
  makeTool('refund', z.object({ orderId: z.string(), amount: z.number() })),
  makeTool('mail.send', z.object({ to: z.object({ address: z.string() }), text: z.string() })),
  askHuman,
];

const makeDeps = (model: Model, offered: typeof tools = tools): ActivityDeps => {
  const item = {
    kind: 'setup',
    id: 'setup-1',
    instructions: 'You refund orders.',
    tools: offered.map(faceOf),
    output: { type: 'object', properties: { secretShape: {} } },
    digest: digestText('setup'),
  } as const;
  const agents = { find: () => ({ name: 'refunds', model, limits: {} }) };
  return { agents, gateway: { setup: async () => ({ item, notes: [] }) } } as unknown as ActivityDeps;
};

type Attempt = { readonly details?: unknown; readonly grants?: readonly Grant[]; readonly offered?: typeof tools };

/** Runs the activity as Temporal would, over what an earlier attempt left. */
const narrow = async (model: Model, { details, grants, offered }: Attempt = {}) => {
  const activity = {
    info: { heartbeatDetails: details, heartbeatTimeoutMs: 60_000 },
    cancellationSignal: new AbortController().signal,
    heartbeat: () => undefined,
  } as unknown as Context;
  const context: CallContext = {
    taskId: 't',
    epoch: 'e1',
    agent: 'refunds',
    principal: { id: 'ana' },
    ...(grants === undefined ? {} : { grants }),
  };
  return asyncLocalStorage.run(activity, () =>
    narrowGrants(makeDeps(model, offered), { context, goal: GOAL, maxOutputTokens: 500 }),
  );
};

const answer = (json: unknown) => ({ format: 'minimal_grants', json });
const grantsOf = async (script: Script, attempt?: Attempt) => {
  const bench = await startBench('responses', script, { price: { inputPer1M: 1, outputPer1M: 10 } });
  return { ...(await narrow(bench.model, attempt)), server: bench.server };
};

describe.each(APIS)('minimal grants ($api)', ({ api }) => {
  it('are asked for by a schema whose tools are the agent’s, from the goal alone', async () => {
    const { server, model } = await startBench(api, [answer({ grants: [{ tool: 'orders.find', args: {} }] })]);

    const { grants } = await narrow(model);

    expect(grants).toEqual(['orders.find']);
    const [body] = bodiesOf(server);
    const text = JSON.stringify(body);
    const format = api === 'chat' ? Object(body?.['response_format']).json_schema : Object(body?.['text']).format;
    expect(format).toMatchObject({ name: 'minimal_grants', strict: false });
    expect(format.schema.properties.grants.items.properties.tool.enum).toEqual(['orders.find', 'refund', 'mail.send']);
    expect(body).not.toHaveProperty('tools');
    expect(text).toContain('You refund orders.');
    expect(text).toContain('Does mail.send');
    expect(text).not.toContain('ask_human');
    expect(text).not.toContain('secretShape');
    expect(text).not.toContain('You act only by calling tools');
  });

  it('are asked for once more when the answer is of no use, with what was wrong', async () => {
    const { server, model } = await startBench(api, [
      { format: 'minimal_grants', text: 'I think you need refund.', usage: { inputTokens: 10, outputTokens: 3 } },
      { ...answer({ grants: [{ tool: 'refund', args: {} }] }), usage: { inputTokens: 20, outputTokens: 4 } },
    ]);

    const { grants, usage } = await narrow(model);

    expect(grants).toEqual(['refund']);
    expect(usage).toMatchObject({ inputTokens: 30, outputTokens: 7 });
    expect(JSON.stringify(bodiesOf(server)[1])).toContain('must be JSON alone');
  });
});

describe('minimal grants', () => {
  it('limit arguments by values and by JSON Schemas', async () => {
    const args = { orderId: '17', amount: { minimum: 1, maximum: 50 } };
    const { grants } = await grantsOf([answer({ grants: [{ tool: 'refund', args }] })]);

    expect(grants).toEqual([{ tool: 'refund', args: { orderId: { const: '17' }, amount: args.amount } }]);
    expect(checkGrants(grants, 'refund', { orderId: '17', amount: 50 }).ok).toBe(true);
    expect(checkGrants(grants, 'refund', { orderId: '18', amount: 5 }).ok).toBe(false);
  });

  it.each([
    {
      name: 'an object that is no schema is a value',
      to: { address: 'a@b.c' },
      schema: { const: { address: 'a@b.c' } },
    },
    { name: 'a misspelt schema is a value, never no limit', to: { maximun: 50 }, schema: { const: { maximun: 50 } } },
    { name: 'true is a value, not a schema', to: true, schema: { const: true } },
    { name: 'null is a value', to: null, schema: { const: null } },
    { name: 'a list is a value', to: ['a'], schema: { const: ['a'] } },
  ])('take it narrowly: $name', async ({ to, schema }) => {
    const { grants } = await grantsOf([answer({ grants: [{ tool: 'mail.send', args: { to } }] })]);
    expect(grants).toEqual([{ tool: 'mail.send', args: { to: schema } }]);
  });

  it('take an empty schema for no limit, pointers for nested arguments, and the names that models see', async () => {
    const args = { text: {}, '/to/address': 'a@b.c' };
    const { grants } = await grantsOf([answer({ grants: [{ tool: 'mail__send', args }] })]);
    expect(grants).toEqual([{ tool: 'mail.send', args: { '/to/address': { const: 'a@b.c' } } }]);
  });

  it('leave out tools that were not offered', async () => {
    const named = ['shell', 'refund', '*', 'ask_human'].map((tool) => ({ tool, args: {} }));
    const { grants } = await grantsOf([answer({ grants: named })]);
    expect(grants).toEqual(['refund']);
  });

  it('can be none', async () => {
    const { grants } = await grantsOf([answer({ grants: [] })]);
    expect(grants).toEqual([]);
  });

  it('cost what the requests cost', async () => {
    const { costUsd, model } = await grantsOf([
      { ...answer({ grants: [] }), usage: { inputTokens: 1_000_000, outputTokens: 100_000 } },
    ]);
    expect(costUsd).toBe(2);
    expect(model).toBe('small');
  });

  it('are not asked for when there is nothing to choose from', async () => {
    const { grants, server, usage } = await grantsOf([], { offered: [askHuman] });
    expect([grants, server.requests.length, usage.inputTokens]).toEqual([[], 0, 0]);
  });

  it('only narrow what the specification gives', async () => {
    const given: Grant[] = ['orders.*', { tool: 'refund', args: { amount: { maximum: 20 } } }];
    const proposed = [
      { tool: 'refund', args: { amount: { maximum: 50 } } },
      { tool: 'mail.send', args: {} },
      { tool: 'orders.find', args: {} },
    ];
    const { grants } = await grantsOf([answer({ grants: proposed })], { grants: given });
    expect(checkGrants(grants, 'refund', { amount: 20 }).ok).toBe(true);
    expect(checkGrants(grants, 'refund', { amount: 21 }).ok).toBe(false);
    expect(checkGrants(grants, 'mail.send', {}).ok).toBe(false);
    expect(checkGrants(grants, 'orders.find', {}).ok).toBe(true);
    expect(checkGrants(grants, 'orders.delete', {}).ok).toBe(false);
  });

  it.each([
    { name: 'no JSON', turn: { text: 'all of them' } },
    { name: 'another shape', turn: { json: ['refund'] } },
    { name: 'unknown tools alone', turn: { json: { grants: [{ tool: 'shell', args: {} }] } } },
    {
      name: 'arguments that the tool does not have',
      turn: { json: { grants: [{ tool: 'refund', args: { sum: 5 } }] } },
    },
    {
      name: 'too many grants',
      turn: { json: { grants: Array.from({ length: 201 }, () => ({ tool: 'refund', args: {} })) } },
    },
    { name: 'half an answer', turn: { text: '{"grants":[]}', finish: 'length' as const } },
  ])('end the task when two answers are of no use: $name', async ({ turn }) => {
    const { model, server } = await startBench('responses', () => turn);
    const failure = await failureOf(narrow(model));
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: 'Grants.NotMinimal', nonRetryable: true });
    expect(server.requests).toHaveLength(2);
  });

  it('INVARIANT H2: are not paid for again by a retry', async () => {
    const text = '{"grants":[{"tool":"refund","args":{}}]}';
    const paid = {
      model: 'small',
      text,
      calls: [],
      finish: 'stop',
      usage: { inputTokens: 5, outputTokens: 1, cachedTokens: 0 },
    };
    const { grants, server, usage } = await grantsOf([], { details: { answers: [paid] } });
    expect([grants, server.requests.length, usage.inputTokens]).toEqual([['refund'], 0, 5]);
  });
});
