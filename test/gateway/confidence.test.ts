import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTool, type ToolDefinition } from '../../src/tools/define-tool.ts';
import { approve, makeGateway, newContext } from './support.ts';

const input = z.object({});
type Fields = Partial<ToolDefinition<typeof input, z.ZodType>>;

const makeAct = (fields: Fields = {}) =>
  defineTool({ name: 'act', description: 'Act', effect: 'write', input, execute: () => 'done', ...fields });

const careful = () => newContext({ confidenceBelow: 0.6 });

describe('an agent that is less sure than its task asks for', () => {
  it('asks, and says how sure it is', async () => {
    const { review } = await makeGateway([makeAct()]);

    const { verdict } = await review('act', careful(), { confidence: 0.4 });

    expect(verdict).toEqual({
      outcome: 'ask',
      reasons: [{ code: 'low_confidence', message: 'the agent is 0.4 sure, and below 0.6 a person is asked' }],
    });
  });

  it.each([
    ['as sure as asked for', makeAct(), 0.6],
    ['with a read', makeAct({ effect: 'read' }), 0.1],
  ])('%s: does not ask', async (_, tool, confidence) => {
    const { review } = await makeGateway([tool]);

    expect((await review('act', careful(), { confidence })).verdict.outcome).toBe('allow');
  });

  it('asks about a read that leaves the trust boundary', async () => {
    const { review } = await makeGateway([makeAct({ effect: 'read', egress: true })]);

    expect((await review('act', careful(), { confidence: 0.1 })).verdict.outcome).toBe('ask');
  });

  it('is not asked about arguments that a person wrote, nor where no bound is set', async () => {
    const { review } = await makeGateway([makeAct()]);

    expect((await review('act', careful())).verdict.outcome).toBe('allow');
    expect((await review('act', newContext(), { confidence: 0 })).verdict.outcome).toBe('allow');
  });

  it('keeps its other reasons', async () => {
    const { review } = await makeGateway([makeAct({ effect: 'destructive' })]);

    const { verdict } = await review('act', careful(), { confidence: 0.1 });

    expect(verdict.reasons.map(({ code }) => code)).toEqual(['destructive', 'low_confidence']);
  });

  it('INVARIANT A1: is not asked again at execution, and what runs is what was approved', async () => {
    let file = 'one';
    const tool = makeAct({ snapshot: () => file });
    const { review, run } = await makeGateway([tool]);
    const context = careful();
    const approval = approve(context, await review('act', context, { confidence: 0.4 }));

    file = 'two';
    const changed = await run('act', context, { approval });
    file = 'one';
    const ran = await run('act', context, { approval });

    expect(changed.ask?.verdict.reasons.map(({ code }) => code)).toEqual(['low_confidence', 'before_changed']);
    expect(ran.result.status).toBe('succeeded');
  });
});
