import { describe, expect, it } from 'vitest';
import { createCedar } from '../../src/policy/cedar.ts';
import { parsePolicies } from '../../src/policy/policy.ts';
import { createSlices } from '../../src/policy/slices.ts';

const cedar = createCedar();
const policiesOf = (text: string) => {
  const parsed = parsePolicies(cedar, { name: 'x.cedar', text });
  if (!parsed.ok) throw new Error(parsed.findings.join());
  return parsed.policies;
};

const request = (action: string, order = '1') => ({
  principal: { type: 'User', id: 'ana' },
  action: { type: 'Action', id: action },
  resource: { type: 'Tool::refund', id: 'refund' },
  context: { task: order },
  entities: [],
});

describe('the policies that are asked', () => {
  it.each([
    ['none', '', false, []],
    ['one that always permits', '@id("a") permit (principal, action, resource);', true, ['a']],
    [
      'one that always forbids',
      '@id("a") permit (principal, action, resource); @id("b") forbid (principal, action, resource is Tool::refund);',
      false,
      ['b'],
    ],
    [
      'those of this tool',
      '@id("a") permit (principal, action, resource); @id("b") forbid (principal, action, resource is Tool::other);',
      true,
      ['a'],
    ],
    [
      'those of this question',
      '@id("a") permit (principal, action, resource); @id("b") forbid (principal, action == Action::"callUnattended", resource);',
      true,
      ['a'],
    ],
    [
      'those of several questions',
      '@id("a") permit (principal, action in [Action::"call", Action::"callUnattended"], resource);',
      true,
      ['a'],
    ],
    ['one for a principal', '@id("a") permit (principal == User::"ben", action, resource);', false, []],
    [
      'one with a condition',
      '@id("a") permit (principal, action, resource) when { context.task == "1" };',
      true,
      ['a'],
    ],
    ['one for one resource', '@id("a") permit (principal, action, resource == Tool::refund::"refund");', true, ['a']],
  ] as const)('%s', (_name, text, isAllowed, ids) => {
    const slice = createSlices()({ key: 'set', policies: policiesOf(text) }, 'Tool::refund', 'call');

    const answer = slice.ask(request('call'));

    expect(answer.isAllowed).toBe(isAllowed);
    expect(answer.determining.map(({ id }) => id)).toEqual(ids);
  });

  it('are parsed again when they come back after others took their place', () => {
    const slices = createSlices(3);
    const decide = (order: string) => {
      const text = `permit (principal, action, resource) when { context.task == "${order}" };`;
      const slice = slices({ key: order, policies: policiesOf(text) }, 'Tool::refund', 'call');
      return [slice.ask(request('call', order)).isAllowed, slice.ask(request('call', 'x')).isAllowed];
    };

    const orders = [...Array.from({ length: 20 }, (_, index) => String(index)), '0', '1', '19'];

    expect(orders.map(decide)).toEqual(orders.map(() => [true, false]));
  });

  it('are parsed again after a crash of the engine', () => {
    const instance = createCedar();
    const deep = `forbid (principal, action, resource) when { ${'('.repeat(5_000)}true${')'.repeat(5_000)} };`;

    expect(() => instance.use((each) => each.policyToJson(deep))).toThrow(/crashed/);

    expect(instance.generation()).toBe(1);
    expect(instance.use((each) => each.policyToJson('permit (principal, action, resource);')).type).toBe('success');
  });
});
