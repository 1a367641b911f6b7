import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AuthorizerRequest } from '../../src/gateway/ports.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, MODES, startHarness } from '../support/harness.ts';

type Rights = { readonly has: Set<string>; readonly asked: AuthorizerRequest[] };

/** A host that knows who has which permission now, and a tool that one of them is needed for. */
const makeWorld = () => {
  const rights: Rights = { has: new Set(['payments:write']), asked: [] };
  const paid: number[] = [];
  const pay = defineTool({
    name: 'pay',
    description: 'Pay an amount',
    effect: 'write',
    idempotent: true,
    unattended: true,
    requires: ['payments:write'],
    input: z.object({ amount: z.number() }),
    execute: ({ amount }) => {
      paid.push(amount);
      return { paid: amount };
    },
  });
  const authorizer = async (request: AuthorizerRequest) => {
    rights.asked.push(request);
    const missing = request.requires.filter((each) => !rights.has.has(each));
    return missing.length === 0 || { allow: false, reason: `ana has lost ${missing.join()}` };
  };
  return { rights, paid, authorizer, agents: [defineAgent({ name: 'payer', instructions: 'Pay.', tools: [pay] })] };
};

const call = (amount: number) => ({ calls: [{ tool: 'pay', args: { amount } }] });
const spec = { agent: 'payer', goal: 'Pay the bills.', principal: ana };

describe.each(MODES)('the principal’s own rights ($name)', ({ maxCachedWorkflows }) => {
  it('end at the next call when they are withdrawn in the middle of a task', async () => {
    const { rights, paid, authorizer, agents } = makeWorld();
    const offered: string[][] = [];
    const { client, newTaskId } = await startHarness({
      agents,
      authorizer,
      maxCachedWorkflows,
      script: ({ step, tools, lastResults }) => {
        offered.push([...tools]);
        if (step === 1) return call(1);
        if (step === 2) {
          // The call of this step is reviewed after the answer, so the right is gone by then.
          rights.has.clear();
          return call(2);
        }
        return { text: lastResults.join() };
      },
    });

    const outcome = await (await client.start(spec, { taskId: newTaskId() })).result();

    expect(paid).toEqual([1]);
    expect(outcome.status).toBe('completed');
    expect(String(outcome.output)).toContain('ana has lost payments:write');
    expect(offered.map((tools) => tools.includes('pay'))).toEqual([true, true, false]);
    expect(rights.asked).toContainEqual(
      expect.objectContaining({
        tool: 'pay',
        effect: 'write',
        requires: ['payments:write'],
        args: { amount: 2 },
        principal: ana,
      }),
    );
  });

  it('are asked for again at the moment of execution, after a person has approved', async () => {
    const { rights, paid, authorizer } = makeWorld();
    const drop = defineTool({
      name: 'drop',
      description: 'Drop a table',
      effect: 'destructive',
      requires: ['payments:write'],
      input: z.object({ amount: z.number() }),
      execute: ({ amount }) => {
        paid.push(amount);
        return null;
      },
    });
    const { client, newTaskId } = await startHarness({
      agents: [defineAgent({ name: 'payer', instructions: 'Pay.', tools: [drop] })],
      authorizer,
      maxCachedWorkflows,
      script: [{ calls: [{ tool: 'drop', args: { amount: 5 } }] }, { text: 'done' }],
    });
    const task = await client.start(spec, { taskId: newTaskId() });
    await expect.poll(async () => (await task.status()).pending.length, { timeout: 20_000 }).toBe(1);

    rights.has.clear();
    await task.approve({ by: 'ben' });

    const outcome = await task.result();
    expect([outcome.status, paid]).toEqual(['completed', []]);
  });

  it('INVARIANT T2: are missing when the host cannot be asked, or where nobody can say', async () => {
    const { paid, agents } = makeWorld();
    for (const authorizer of [() => Promise.reject(new Error('directory down')), undefined]) {
      const { client, newTaskId } = await startHarness({
        agents,
        ...(authorizer === undefined ? {} : { authorizer }),
        maxCachedWorkflows,
        script: [call(1), { text: 'done' }],
      });
      await (await client.start(spec, { taskId: newTaskId() })).result();
    }
    expect(paid).toEqual([]);
  });
});

describe.each(MODES)('minimal grants in a task ($name)', ({ maxCachedWorkflows }) => {
  it('hold for the whole task, and take no step of it', async () => {
    const { paid, authorizer, agents } = makeWorld();
    const { client, model, newTaskId } = await startHarness({
      agents,
      authorizer,
      maxCachedWorkflows,
      script: [
        { format: 'minimal_grants', json: { grants: [{ tool: 'pay', args: { amount: { maximum: 10 } } }] } },
        call(50),
        call(7),
        { text: 'done' },
      ],
    });

    const outcome = await (
      await client.start({ ...spec, grants: 'minimal', input: { note: 'unread' } }, { taskId: newTaskId() })
    ).result();

    expect([outcome.status, outcome.usage.steps, paid]).toEqual(['completed', 3, [7]]);
    expect(model.requests.map(({ format }) => format)).toEqual(['minimal_grants', undefined, undefined, undefined]);
    expect(JSON.stringify(model.requests[0]?.body)).not.toContain('unread');
    expect(JSON.stringify(model.requests[2]?.body)).toContain('must be <= 10');
  });

  it('end the task when the model names none that can be used', async () => {
    const { authorizer, agents } = makeWorld();
    const { client, newTaskId } = await startHarness({ agents, authorizer, maxCachedWorkflows, script: [call(1)] });

    const outcome = await (await client.start({ ...spec, grants: 'minimal' }, { taskId: newTaskId() })).result();

    expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringContaining('Grants.NotMinimal') });
  });
});

describe('grants with constraints in a task', () => {
  it('a wrong constraint ends it before anything is done, with its place', async () => {
    const { authorizer, agents } = makeWorld();
    const { client, model, newTaskId } = await startHarness({ agents, authorizer, script: [{ text: 'done' }] });
    const grants = [{ tool: 'pay', args: { amount: { maximun: 5 } } }];

    const outcome = await (await client.start({ ...spec, grants }, { taskId: newTaskId() })).result();

    expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringContaining('grants[0].args["amount"]') });
    expect(model.requests).toHaveLength(0);
  });
});
