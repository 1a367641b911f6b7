import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { matchesTool } from '../../src/domain/grants.ts';
import type { Effect } from '../../src/domain/task.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { createToolset } from '../../src/tools/toolset.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { approve, makeGateway, newContext, type RunOptions } from './support.ts';

const makeTool = (
  fields: {
    name?: string;
    effect?: Effect;
    idempotent?: boolean;
    timeout?: '50ms';
    execute?: (signal: AbortSignal) => unknown;
  } = {},
) =>
  defineTool({
    name: fields.name ?? 'act',
    description: 'Act',
    effect: fields.effect ?? 'read',
    input: z.object({ x: z.string().optional() }),
    ...(fields.idempotent === undefined ? {} : { idempotent: fields.idempotent }),
    ...(fields.timeout === undefined ? {} : { timeout: fields.timeout }),
    execute: (_, { signal }) => (fields.execute ?? (() => 'ok'))(signal),
  });

/** One call in a task of its own. */
const run = async (tool: Tool, options: RunOptions = {}) => {
  const { run } = await makeGateway([tool]);
  return (await run(tool.name, newContext(), options)).result;
};

const coded = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('what a failing tool means', () => {
  it.each([
    {
      name: 'a read that says no',
      tool: { execute: () => Promise.reject(new Error('no such file')) },
      status: 'failed',
    },
    {
      name: 'a read that cannot connect',
      tool: { execute: () => Promise.reject(coded('ECONNRESET')) },
      status: 'failed',
    },
    {
      name: 'an effect that says no',
      tool: { effect: 'write', execute: () => Promise.reject(new Error('amount too high')) },
      status: 'failed',
    },
    {
      name: 'an effect that could not be sent',
      tool: { effect: 'write', execute: () => Promise.reject(coded('ECONNREFUSED')) },
      status: 'failed',
    },
    {
      name: 'an effect whose reply was lost',
      tool: { effect: 'write', execute: () => Promise.reject(coded('ECONNRESET')) },
      status: 'unknown',
    },
    {
      name: 'an effect that took too long',
      tool: { effect: 'write', timeout: '50ms', execute: () => new Promise(() => undefined) },
      status: 'unknown',
    },
    {
      name: 'a read that took too long',
      tool: { timeout: '50ms', execute: () => new Promise(() => undefined) },
      status: 'failed',
    },
    { name: 'a thrown text', tool: { execute: () => Promise.reject('just a text') }, status: 'failed' },
    { name: 'nothing returned', tool: { execute: () => undefined }, status: 'succeeded' },
    {
      name: 'a circular object',
      tool: {
        execute: () => {
          const circle: Record<string, unknown> = {};
          circle['self'] = circle;
          return circle;
        },
      },
      status: 'succeeded',
    },
    { name: 'a function returned', tool: { execute: () => () => 1 }, status: 'succeeded' },
    { name: 'a big integer returned', tool: { execute: () => ({ n: 1n }) }, status: 'succeeded' },
  ] as const)('$name: $status', async ({ tool, status }) => {
    const result = await run(makeTool(tool));

    expect(result).toMatchObject({ status });
    expect(() => JSON.stringify(result)).not.toThrow();
  });

  it('INVARIANT E3: a lost reply is tried again only where the tool is idempotent, and is unknown at last', async () => {
    const tool = makeTool({ effect: 'write', idempotent: true, execute: () => Promise.reject(coded('ECONNRESET')) });
    const { run } = await makeGateway([tool]);
    const context = newContext();

    await expect(run('act', context)).rejects.toMatchObject({ type: 'Tool.Failed' });
    await expect(run('act', context, { attempt: 2 })).rejects.toMatchObject({ type: 'Tool.Failed' });
    expect((await run('act', context, { attempt: 3 })).result).toMatchObject({ status: 'unknown', attempts: 3 });
  });

  it('INVARIANT H1: cuts 50 MB to the bound, with a mark', async () => {
    const result = await run(makeTool({ execute: () => 'x'.repeat(50_000_000) }));

    expect(String(result.output).length).toBeLessThan(40_000);
    expect(String(result.output).slice(-400)).toMatch(
      /\[cut: \d+ of 50000000 bytes shown|which holds the first \d+ bytes/,
    );
  });

  it('a cancelled tool is told by its signal', async () => {
    const controller = new AbortController();
    let told = false;
    const tool = makeTool({
      execute: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('stopped'));
          });
          controller.abort(new Error('cancelled'));
        }),
    });

    await expect(run(tool, { signal: controller.signal })).rejects.toThrow('cancelled');
    expect(told).toBe(true);
  });

  it('a tool whose task was cancelled already does not begin, and so is no unknown effect', async () => {
    const tool = makeTool({ effect: 'write', execute: () => Promise.reject(new Error('must not run')) });

    expect(await run(tool, { signal: AbortSignal.abort() })).toMatchObject({
      status: 'failed',
      output: 'cancelled before it began',
    });
  });
});

describe('INVARIANT A1: at the moment of execution', () => {
  const asked = withApproval(makeTool({ effect: 'write' }), { requireConfirmation: true });

  it('a call that must be approved does not run without the digest of what was approved: it is asked about', async () => {
    const { run } = await makeGateway([asked]);

    expect(await run('act', newContext())).toMatchObject({
      result: { status: 'rejected' },
      ask: { verdict: { outcome: 'ask', reasons: [{ code: 'confirmation_required' }] } },
    });
    const context = newContext();
    const id = `${context.taskId}/e1/s1.c1-7f3a`;
    expect(await run('act', context, { approval: { digest: 'sha256:00', id } })).toMatchObject({
      result: { status: 'rejected' },
      ask: { tool: 'act' },
    });
  });

  it('other arguments than those that were approved do not run', async () => {
    const { run, review } = await makeGateway([asked]);
    const context = newContext();
    const approval = approve(context, await review('act', context, { args: { x: 'a' } }));

    expect((await run('act', context, { approval, args: { x: 'b' } })).result.status).toBe('rejected');
    expect((await run('act', context, { approval, args: { x: 'a' } })).result.status).toBe('succeeded');
  });

  it('INVARIANT E2: an approval is used once, also where its name fits another call', async () => {
    const { run, review } = await makeGateway([asked]);
    const context = newContext();
    const id = `${context.taskId}/e1/s1.c1-7f3a-9b`;
    const approval = approve(context, await review('act', context), { id });

    expect((await run('act', context, { approval })).result.status).toBe('succeeded');
    expect(await run('act', context, { approval, callId: 's1.c1-7f3a' })).toMatchObject({
      result: { status: 'rejected' },
      ask: { verdict: { reasons: [{ code: 'confirmation_required' }, { code: 'approval_used' }] } },
    });
  });

  it('INVARIANT T2: a rule that throws asks', async () => {
    const broken = withApproval(makeTool(), {
      requireConfirmation: () => {
        throw new Error('rule is broken');
      },
    });
    const { review } = await makeGateway([broken]);

    expect((await review('act', newContext())).verdict).toMatchObject({
      outcome: 'ask',
      reasons: [{ code: 'confirmation_rule_failed' }],
    });
  });
});

describe('grants', () => {
  const orders = createToolset({
    name: 'orders',
    tools: [makeTool({ name: 'find' }), makeTool({ name: 'refund', effect: 'write' })],
  });

  it('hide the tools that a task may not call, and refuse them when they are called all the same', async () => {
    const { gateway, review } = await makeGateway(orders.tools);
    const granted = newContext({ grants: ['orders.find'] });

    const { item } = await gateway.setup(granted, undefined);

    expect(item.tools.map(({ tool }) => tool)).toEqual(['orders.find', 'ask_human']);
    expect((await review('orders__refund', granted)).verdict).toMatchObject({
      outcome: 'reject',
      reasons: [{ code: 'not_granted' }],
    });
  });

  it('an empty list grants nothing', async () => {
    const { gateway } = await makeGateway(orders.tools);
    const { item } = await gateway.setup(newContext({ grants: [] }), undefined);
    expect(item.tools.map(({ tool }) => tool)).toEqual(['ask_human']);
  });

  it.each([
    { pattern: 'orders.*', tool: 'orders.find', matches: true },
    { pattern: '*', tool: 'orders.find', matches: true },
    { pattern: 'orders.find', tool: 'ordersXfind', matches: false },
    { pattern: 'orders', tool: 'orders.find', matches: false },
    { pattern: '(a|orders).find', tool: 'orders.find', matches: false },
    { pattern: 'o*d*s.*d', tool: 'orders.find', matches: true },
    { pattern: 'orders*ders.find', tool: 'orders.find', matches: false },
    { pattern: `${'*'.repeat(150)}Z`, tool: 'orders.find', matches: false },
  ])('$pattern on $tool: $matches', ({ pattern, tool, matches }) => {
    expect(matchesTool(pattern, tool)).toBe(matches);
  });
});

describe('definitions that cannot be meant', () => {
  const base = { name: 'x', description: 'x', effect: 'write', input: z.object({}), execute: () => 1 } as const;
  it.each([
    {
      name: 'a retry of what is not idempotent',
      definition: { ...base, retry: { maxAttempts: 3 } },
      message: 'idempotent',
    },
    {
      name: 'an input named decision',
      definition: { ...base, input: z.object({ decision: z.string() }) },
      message: 'decision',
    },
    { name: 'an unknown field', definition: { ...base, undo: () => undefined }, message: 'undo' },
    { name: 'a wrong timeout', definition: { ...base, timeout: 'banana' }, message: 'timeout' },
    { name: 'an empty description', definition: { ...base, description: ' ' }, message: 'description' },
    { name: 'a name with a space', definition: { ...base, name: 'a b' }, message: 'name' },
    { name: 'an input that is no object', definition: { ...base, input: z.string() }, message: 'z.object' },
  ])('$name is refused, named', ({ definition, message }) => {
    expect(() => defineTool(definition as never)).toThrow(message);
  });

  it('two tools that look the same to the model', () => {
    const one = createToolset({ name: 'a', tools: [makeTool({ name: 'b' })] });
    expect(() => defineAgent({ name: 'x', instructions: 'x', tools: [one, makeTool({ name: 'a__b' })] })).toThrow(
      'look like a__b',
    );
  });
});
