import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import type { Deciders, PendingDecision } from '../../src/domain/decision.ts';
import type { Review } from '../../src/domain/proposal.ts';
import type { Proof } from '../../src/domain/votes.ts';

export const MINUTE = 60_000;

/** A question whether a call may run. */
export const makePending = (id: string, fields: Partial<PendingDecision> = {}): PendingDecision => ({
  id,
  taskId: 't',
  kind: 'approval',
  callId: id.split('-')[0] ?? id,
  tool: 'refund',
  args: {},
  reasons: [],
  digest: 'sha256:00',
  since: '2026-01-01T00:00:00.000Z',
  may: ['approve', 'deny', 'edit'],
  ...fields,
});

export const anybody: Deciders = { roles: [], quorum: 1, verified: false, not: [] };

export const makeProof = (by: string, fields: Partial<Proof> = {}): Proof => ({
  by,
  issuer: 'https://id.example',
  roles: ['finance'],
  ...fields,
});

export const makeRule = (fields: Partial<ApprovalRule> = {}): ApprovalRule => ({
  name: 'money',
  when: {},
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  ...fields,
});

/** The review of a call that asks. */
export const makeReview = (fields: Partial<Review> = {}): Review => ({
  callId: 's2.c1',
  tool: 'refund',
  effect: 'write',
  verdict: { outcome: 'ask', reasons: [{ code: 'confirmation_required', message: 'it asks' }] },
  risk: 'medium',
  rule: makeRule(),
  toolDigest: 'sha256:aa',
  ...fields,
});
