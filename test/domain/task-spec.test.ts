import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TaskSpec } from '../../src/domain/schemas/task-spec.ts';

const base = { agent: 'refunds', goal: 'Refund order 17', principal: { id: 'ana' } };
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, {}]));
const deep = (levels: number): unknown => (levels === 0 ? {} : { not: deep(levels - 1) });

const problemsOf = (fields: object): string => {
  const { error } = TaskSpec.safeParse({ ...base, ...fields });
  return error === undefined ? 'none' : z.prettifyError(error).replaceAll('\n', ' ');
};

describe('a task specification', () => {
  it.each([
    { name: 'patterns', fields: { grants: ['orders.*', 'refund'] } },
    {
      name: 'a pattern with constraints',
      fields: { grants: ['orders.*', { tool: 'refund', args: { amount: { maximum: 50 } } }] },
    },
    { name: 'an object without constraints', fields: { grants: [{ tool: 'refund' }] } },
    { name: 'minimal grants', fields: { grants: 'minimal' } },
    { name: 'no grants at all', fields: { grants: [] } },
    { name: 'rules of its own', fields: { escalate: { policy: 'forbid (principal, action, resource);' } } },
    { name: 'what happens to effects', fields: { onFailure: 'ask' } },
    { name: 'a review point', fields: { reviewAt: 0.25 } },
    { name: 'no review point', fields: { reviewAt: 1 } },
    { name: 'a person at its limits', fields: { onLimit: 'escalate' } },
    { name: 'a confidence', fields: { escalate: { confidenceBelow: 0.6 } } },
  ])('is taken as it is: $name', ({ fields }) => {
    expect(TaskSpec.parse({ ...base, ...fields })).toEqual({ ...base, ...fields });
  });

  it.each([
    { name: 'another word', fields: { grants: 'all' }, problem: /expected "minimal".*at grants$/ },
    { name: 'a number among patterns', fields: { grants: ['a', 5] }, problem: /at grants\[1\]$/ },
    { name: 'an empty pattern', fields: { grants: [''] }, problem: /may not be empty.*at grants\[0\]$/ },
    { name: 'a misspelt field', fields: { grants: [{ tool: 'a', arg: {} }] }, problem: /"arg".*at grants\[0\]$/ },
    {
      name: 'a value for a constraint',
      fields: { grants: [{ tool: 'a', args: { amount: 50 } }] },
      problem: /at grants\[0\]\.args\.amount$/,
    },
    { name: 'a list for constraints', fields: { grants: [{ tool: 'a', args: [] }] }, problem: /at grants\[0\]\.args$/ },
    {
      name: 'a large constraint',
      fields: { grants: [{ tool: 'a', args: { x: { const: 'x'.repeat(5_000) } } }] },
      problem: /at most 4096 bytes/,
    },
    {
      name: 'a deep constraint',
      fields: { grants: [{ tool: 'a', args: { x: deep(20) } }] },
      problem: /at most 12 levels/,
    },
    {
      name: 'a very deep constraint',
      fields: { grants: [{ tool: 'a', args: { x: deep(3_000) } }] },
      problem: /at most 12 levels/,
    },
    {
      name: 'many constraints of a grant',
      fields: { grants: [{ tool: 'a', args: many(21) }] },
      problem: /at most 20 arguments/,
    },
    {
      name: 'many constraints together',
      fields: { grants: Array.from({ length: 11 }, () => ({ tool: 'a', args: many(10) })) },
      problem: /at most 100 constraints/,
    },
    { name: 'many grants', fields: { grants: Array.from({ length: 201 }, () => 'a') }, problem: /at grants$/ },
    {
      name: 'confidence in percent',
      fields: { escalate: { confidenceBelow: 60 } },
      problem: /at escalate\.confidenceBelow$/,
    },
    { name: 'a review point before anything is used', fields: { reviewAt: 0 }, problem: /at reviewAt$/ },
    { name: 'a review point beyond the limit', fields: { reviewAt: 1.5 }, problem: /at reviewAt$/ },
    { name: 'another way to meet a limit', fields: { onLimit: 'ask' }, problem: /at onLimit$/ },
    { name: 'another end', fields: { onFailure: 'ignore' }, problem: /at onFailure$/ },
  ])('is refused with the place of the mistake: $name', ({ fields, problem }) => {
    expect(problemsOf(fields)).toMatch(problem);
  });

  it('is refused rather than rid of a constraint whose name parsing would drop', () => {
    const args = JSON.parse('{"__proto__":{"maximum":1}}') as object;
    const inside = { x: JSON.parse('{"properties":{"__proto__":{"maximum":1}}}') as object };
    expect(problemsOf({ grants: [{ tool: 'a', args }] })).toMatch(/at grants\[0\]\.args\.__proto__$/);
    expect(problemsOf({ grants: [{ tool: 'a', args: inside }] })).toMatch(/may not name __proto__/);
  });
});
