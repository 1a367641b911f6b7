import { describe, expect, it } from 'vitest';
import type { Script } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { ana, MODES, startHarness } from '../support/harness.ts';
import { makeTools, World } from './tools.ts';

const look = (what = 'x') => ({ tool: 'look', args: { what } });

for (const { name: mode, maxCachedWorkflows } of MODES) {
  const run = async (script: Script, spec: Record<string, unknown> = {}, model: Record<string, unknown> = {}) => {
    const world = new World();
    const tools = Object.values(makeTools(world));
    const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools });
    const harness = await startHarness({ agents: [agent], script, maxCachedWorkflows, model });
    const task = await harness.client.start(
      { agent: 'clerk', goal: 'work', principal: ana, ...spec },
      { taskId: harness.newTaskId() },
    );
    return { outcome: await task.result(), world, task, ...harness };
  };

  describe(`limits (${mode})`, () => {
    it.each([
      { name: 'steps', limits: { steps: 3 }, steps: 3 },
      { name: 'toolCalls', limits: { toolCalls: 2 }, steps: 2 },
      { name: 'tokens', limits: { tokens: 1 }, steps: 1 },
    ])('ends with the status limit at $name', async ({ name, limits, steps }) => {
      const { outcome } = await run(() => ({ calls: [look()] }), { limits });

      expect(outcome).toMatchObject({
        status: 'limit',
        reason: expect.stringContaining(`limit ${name} reached`),
        usage: { steps },
      });
    });

    it('runs none of the calls of a proposal that is over the limit', async () => {
      const { outcome, world } = await run([{ calls: [look(), look(), look()] }], { limits: { toolCalls: 2 } });

      expect(outcome).toMatchObject({
        status: 'limit',
        reason: 'limit toolCalls reached: 3 more calls proposed, 2 left',
      });
      expect(world.calls).toEqual([]);
    });

    it('ends at the limit of cost where a price is configured', async () => {
      const turn = { calls: [look()], usage: { inputTokens: 1_000_000, outputTokens: 1 } };
      const { outcome } = await run(
        () => turn,
        { limits: { costUsd: 2.5, tokens: 1_000_000_000 }, reviewAt: 1 },
        { price: { inputPer1M: 1, outputPer1M: 1 } },
      );

      expect(outcome).toMatchObject({ status: 'limit', usage: { steps: 3, costUsd: expect.closeTo(3, 4) } });
    });

    it('ends at the limit of duration in the middle of a model call that hangs', async () => {
      const { outcome } = await run([{ fault: 'hang' }], { limits: { duration: '1s' } });

      expect(outcome).toMatchObject({
        status: 'limit',
        reason: expect.stringContaining('limit duration reached: 1 s'),
      });
    });

    it('asks for no more tokens than a turn may have', async () => {
      const { model } = await run([{ text: 'done' }], { limits: { tokensPerTurn: 77 } });

      expect(model.requests[0]?.body).toMatchObject({ max_output_tokens: 77 });
    });
  });

  describe(`answers that cannot be used (${mode})`, () => {
    it.each([
      { name: 'empty', turn: {} },
      { name: 'cut at the token limit', turn: { text: 'so far', finish: 'length' as const } },
      { name: 'arguments that are not JSON', turn: { calls: [{ tool: 'look', rawArguments: '{"what": ' }] } },
      { name: 'no decision', turn: { calls: [{ ...look(), decision: null }] } },
      { name: 'a decision of the wrong shape', turn: { calls: [{ ...look(), decision: { rationale: '' } }] } },
      { name: 'an unknown tool', turn: { calls: [{ tool: 'nothing_like_it', args: {} }] } },
      { name: 'arguments of the wrong type', turn: { calls: [{ tool: 'look', args: { what: 7 } }] } },
      { name: 'arguments with hidden characters', turn: { calls: [look('a\u202Eb')] } },
      {
        name: 'arguments with a lone surrogate',
        turn: { calls: [{ tool: 'look', rawArguments: '{"what":"a\\ud800"}' }] },
      },
      {
        name: 'arguments nested 20,000 deep',
        turn: { calls: [{ tool: 'look', rawArguments: `{"what":${'['.repeat(20_000)}${']'.repeat(20_000)}}` }] },
      },
      { name: 'arguments of 100 KB', turn: { calls: [look('x'.repeat(100_000))] } },
      {
        name: 'arguments with __proto__',
        turn: { calls: [{ tool: 'look', rawArguments: '{"__proto__":{"what":"x"}}' }] },
      },
    ])('$name: sent back, and ended with the status limit after three in a row', async ({ turn }) => {
      const { outcome, world } = await run(() => turn);

      expect(outcome).toMatchObject({
        status: 'limit',
        reason: expect.stringContaining('invalidProposals'),
        usage: { steps: 3 },
      });
      expect(world.calls).toEqual([]);
    });

    it('goes on when the model does better', async () => {
      const { outcome } = await run([
        {},
        { calls: [{ ...look(), decision: null }] },
        { calls: [look()] },
        {},
        {},
        { text: 'done' },
      ]);

      expect(outcome).toMatchObject({ status: 'completed', usage: { steps: 6, toolCalls: 1 } });
    });

    it('runs nothing of an answer that was cut', async () => {
      const { world } = await run([
        { calls: [{ tool: 'note', args: { text: 'half' } }], finish: 'length' },
        { text: 'done' },
      ]);

      expect(world.calls).toEqual([]);
    });

    it('handles twelve calls at once, some of them bad', async () => {
      const calls = Array.from({ length: 12 }, (_, n) => (n % 4 === 3 ? { tool: 'nope', args: {} } : look(`w${n}`)));
      const { outcome, world, task } = await run([{ calls }, { text: 'done' }]);

      expect(outcome).toMatchObject({ status: 'completed', usage: { toolCalls: 9 } });
      expect(world.count('look')).toBe(9);
      const statuses = (await task.trace()).steps[0]?.calls.map(({ result }) => result?.status);
      expect(statuses).toEqual(calls.map(({ tool }) => (tool === 'nope' ? 'rejected' : 'succeeded')));
    });
  });

  describe(`a model in trouble (${mode})`, () => {
    it('honours Retry-After as the next delay', async () => {
      const fault = { status: 429, headers: { 'retry-after-ms': '700' } };
      const { outcome, model } = await run([{ fault, times: 1, text: 'done' }]);

      expect(outcome.status).toBe('completed');
      const [first, second] = model.requests.map(({ at }) => new Date(at).getTime());
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(700);
    });

    it.each([
      { status: 400, type: 'Model.BadRequest' },
      { status: 401, type: 'Model.Unauthorized' },
      { status: 403, type: 'Model.Forbidden' },
      { status: 404, type: 'Model.NotFound' },
    ])('ends with a typed failure at $status, after one request', async ({ status, type }) => {
      const { outcome, model } = await run([{ fault: { status } }]);

      expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringContaining(type) });
      expect(model.requests).toHaveLength(1);
    });

    it.each([
      { name: '500', fault: { status: 500, headers: { 'retry-after-ms': '10' } } },
      { name: 'broken JSON', fault: 'broken-json' as const },
      { name: 'a dropped connection', fault: { drop: 'before' as const } },
      { name: 'an answer that breaks off', fault: { drop: 'mid-body' as const } },
    ])('tries again after $name', async ({ fault }) => {
      const { outcome, model } = await run([{ fault, times: 1, text: 'done' }]);

      expect(outcome.status).toBe('completed');
      expect(model.requests).toHaveLength(2);
    });

    it('a model that cannot be reached ends the task with a typed failure', async () => {
      const { outcome } = await run([], { limits: { duration: '2s' } }, { baseURL: 'http://127.0.0.1:9/v1' });

      expect(outcome).toMatchObject({
        status: 'limit',
        reason: expect.stringMatching(/duration reached.*127\.0\.0\.1:9/),
      });
    });
  });
}
