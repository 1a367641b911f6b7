import { describe, expect, it } from 'vitest';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import { riskOf } from '../../src/domain/risk.ts';
import { describeNeeds } from '../../src/domain/sufficient.ts';

const rule = (fields: Partial<ApprovalRule>): ApprovalRule => ({
  name: 'r',
  when: {},
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  ...fields,
});

describe('what an approval rule asks for, in words', () => {
  it.each([
    [rule({}), 'anybody'],
    [rule({ verified: true }), 'signed'],
    [rule({ roles: ['finance'], quorum: 2 }), 'finance, 2 people, signed'],
    [rule({ roles: ['clerk'], escalate: [{ afterMs: 1, roles: ['boss', 'clerk'] }] }), 'clerk or boss, signed'],
    [rule({ separate: true }), 'nobody for whom the task runs, signed'],
  ])('%#: %s', (held, words) => {
    expect(describeNeeds(held)).toBe(words);
  });
});

describe('the risk of a tool', () => {
  const facts = { effect: 'read', unattended: true, egress: false, isChanged: false } as const;

  it.each([
    [{}, 'low'],
    [{ egress: true }, 'medium'],
    [{ effect: 'write' }, 'medium'],
    [{ effect: 'destructive' }, 'high'],
    [{ effect: 'write', unattended: false }, 'high'],
    [{ isChanged: true }, 'high'],
  ] as const)('%j is %s', (fields, risk) => {
    expect(riskOf({ ...facts, ...fields })).toBe(risk);
  });
});
