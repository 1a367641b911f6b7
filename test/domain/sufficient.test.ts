import { describe, expect, it } from 'vitest';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import { riskOf } from '../../src/domain/risk.ts';
import { describeNeeds, suffices } from '../../src/domain/sufficient.ts';

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

describe('INVARIANT A3: an approval', () => {
  const vote = (by: string, ...roles: readonly string[]) => ({
    by,
    issuer: 'sso',
    roles,
    at: '2026-01-01T00:00:00.000Z',
  });
  const finance = rule({ roles: ['finance'], escalate: [{ afterMs: 1, roles: ['boss'] }] });

  it.each([
    { name: 'by a claim, where anybody may', asked: rule({}), given: {}, is: true },
    { name: 'by a claim, where a signature is asked for', asked: rule({ verified: true }), given: {}, is: false },
    {
      name: 'by one who has the role',
      asked: finance,
      given: { verified: true, votes: [vote('ben', 'finance')] },
      is: true,
    },
    {
      name: 'by one it was escalated to',
      asked: finance,
      given: { verified: true, votes: [vote('eve', 'boss')] },
      is: true,
    },
    {
      name: 'by one who has another role',
      asked: finance,
      given: { verified: true, votes: [vote('dan', 'clerk')] },
      is: false,
    },
    {
      name: 'by a name that nobody proved',
      asked: finance,
      given: { verified: false, votes: [vote('ben', 'finance')] },
      is: false,
    },
    { name: 'that is proven, of nobody', asked: finance, given: { verified: true, votes: [] }, is: false },
    {
      name: 'of one person, where two are asked for',
      asked: rule({ quorum: 2 }),
      given: { verified: true, votes: [vote('ben'), vote('BEN')] },
      is: false,
    },
    {
      name: 'of the principal, where duties are separated',
      asked: rule({ separate: true }),
      given: { verified: true, votes: [vote('ana')] },
      is: false,
    },
  ])('$name is enough: $is', ({ asked, given, is }) => {
    expect(suffices(asked, given, 'ana')).toBe(is);
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
