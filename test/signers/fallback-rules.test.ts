import { expect, it } from 'vitest';
import { toApprovalRules } from '../../src/domain/schemas/approvals.ts';
import { missingFallbacks } from '../../src/signers/fallback-rules.ts';

const expire = { after: '1h', then: 'fallback' } as const;
const agents = { clerk: {}, cook: { fallback: { output: 'soup' } } };

const warningsOf = (rules: Parameters<typeof toApprovalRules>[0]) => missingFallbacks(toApprovalRules(rules), agents);

it('a rule that ends tasks with a fallback is told apart where an agent has none', () => {
  expect(warningsOf([{ name: 'r', expire }])).toEqual([expect.stringMatching(/^approval rule r: .*have none: clerk;/)]);
  expect(warningsOf([{ name: 'r', expire, when: { agents: ['clerk', 'gone'] } }])).toHaveLength(1);
});

it('is not warned of where it cannot happen', () => {
  expect(warningsOf([{ name: 'r', expire: { after: '1h', then: 'deny' } }, { name: 's' }])).toEqual([]);
  expect(warningsOf([{ name: 'r', expire, when: { agents: ['cook'] } }])).toEqual([]);
  expect(warningsOf([{ name: 'r', expire, when: { kinds: ['effect'] } }])).toEqual([]);
});

it('agents of code are told apart likewise', () => {
  const rules = toApprovalRules([{ name: 'r', expire }]);

  expect(missingFallbacks(rules, [{ name: 'clerk', reviews: {} }])).toHaveLength(1);
  expect(missingFallbacks(rules, [{ name: 'cook', reviews: { fallback: { output: null } } }])).toEqual([]);
});
