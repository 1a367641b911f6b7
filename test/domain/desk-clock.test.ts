import { describe, expect, it } from 'vitest';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { afterStep, deadlineOf, describeStep, msUntil, nextStep, timelineOf } from '../../src/domain/desk-clock.ts';

const HOUR = 3_600_000;
const since = Date.UTC(2026, 0, 5, 9);
const iso = (hours: number) => new Date(since + hours * HOUR).toISOString();

const rule = (fields: Partial<ApprovalRule> = {}): ApprovalRule => ({
  name: 'ledger',
  when: {},
  roles: ['clerk'],
  quorum: 1,
  verified: false,
  separate: false,
  remindMs: HOUR,
  escalate: [
    { afterMs: 2 * HOUR, roles: ['lead'] },
    { afterMs: 3 * HOUR, roles: ['head', 'clerk'] },
  ],
  expire: { afterMs: 4 * HOUR, then: 'deny' },
  ...fields,
});

const pending = (fields: Partial<PendingDecision> = {}): PendingDecision => ({
  id: 's1.c1-7f3a',
  taskId: 't1',
  kind: 'approval',
  callId: 's1.c1',
  tool: 'pay',
  reasons: [],
  digest: 'sha256:7f3a',
  since: iso(0),
  may: ['approve', 'deny'],
  who: { roles: ['clerk'], quorum: 1, verified: false, not: [] },
  timeline: timelineOf(rule(), 'approval', since),
  deadline: iso(4),
  ...fields,
});

describe('the clock of a question', () => {
  it('reminds, goes to others and expires, each after its own duration from the asking', () => {
    expect(timelineOf(rule(), 'approval', since)).toEqual([
      { at: iso(1), do: 'remind' },
      { at: iso(2), do: 'escalate', roles: ['lead'] },
      { at: iso(3), do: 'escalate', roles: ['head', 'clerk'] },
      { at: iso(4), do: 'expire', then: 'deny' },
    ]);
    expect(deadlineOf(timelineOf(rule(), 'approval', since))).toBe(iso(4));
  });

  it('has no times where the rule has none', () => {
    expect(timelineOf({ escalate: [] }, 'approval', since)).toEqual([]);
    expect(deadlineOf([])).toBeUndefined();
    expect(nextStep({})).toBeUndefined();
  });

  it.each(['effect', 'compensation'] as const)('never expires where nobody but a person can know: %s', (kind) => {
    const timeline = timelineOf(rule(), kind, since);

    expect(timeline.map((step) => step.do)).toEqual(['remind', 'escalate', 'escalate']);
    expect(deadlineOf(timeline)).toBeUndefined();
  });

  it('does nothing after it has expired, and takes its steps in the order of their times', () => {
    const late = rule({ remindMs: 5 * HOUR, escalate: [{ afterMs: 4 * HOUR, roles: ['lead'] }] });
    const mixed = rule({ remindMs: 3.5 * HOUR, expire: undefined });

    expect(timelineOf(late, 'approval', since).map((step) => step.do)).toEqual(['expire']);
    expect(timelineOf(mixed, 'approval', since).map((step) => step.do)).toEqual(['escalate', 'escalate', 'remind']);
  });

  it.each([
    { now: 0, left: 1 },
    { now: 0.75, left: 0.25 },
    { now: 1, left: 0 },
    { now: 30, left: 0 },
  ])('waits until the time of the next step, and not at all once that has passed ($now h)', ({ now, left }) => {
    const step = nextStep(pending());

    expect(step && msUntil(step, since + now * HOUR)).toBe(left * HOUR);
  });

  it('lets more people decide with every step, and keeps who could before', () => {
    const asked = pending();
    const reminded = afterStep(asked);
    const once = afterStep(reminded);
    const twice = afterStep(once);

    expect(reminded.who).toEqual(asked.who);
    expect(once.who?.roles).toEqual(['clerk', 'lead']);
    expect(twice.who?.roles).toEqual(['clerk', 'lead', 'head']);
    expect(twice).toMatchObject({ deadline: iso(4), timeline: [{ do: 'expire' }] });
  });

  it('adds nobody where anybody may decide: a list of roles would shut the others out', () => {
    const open = pending({ who: { roles: [], quorum: 1, verified: false, not: [] } });

    expect(afterStep(afterStep(open)).who?.roles).toEqual([]);
  });

  it('has neither times nor a deadline after its last step', () => {
    const last = afterStep(pending({ timeline: [{ at: iso(4), do: 'expire', then: 'pause' }] }));

    expect(last).not.toHaveProperty('timeline');
    expect(last).not.toHaveProperty('deadline');
    expect(afterStep(last)).toEqual(last);
  });

  it('says in words what a timer is for', () => {
    const steps = pending().timeline ?? [];

    const asked = { id: 's1.c1-7f3a', tool: 'pay', kind: 'approval' } as const;
    expect(steps.map((step) => describeStep(asked, step))).toEqual([
      'remind: pay waits (s1.c1-7f3a)',
      'pay goes to lead (s1.c1-7f3a)',
      'pay goes to head, clerk (s1.c1-7f3a)',
      'pay: denied at 13:00 UTC (s1.c1-7f3a)',
    ]);
    expect(describeStep({ ...asked, tool: '', kind: 'review' }, { at: iso(1), do: 'remind' })).toBe(
      'remind: review waits (s1.c1-7f3a)',
    );
  });

  it.each([
    { kind: 'approval', tool: 'pay', then: 'deny', says: 'pay: denied at' },
    { kind: 'answer', tool: 'ask_human', then: 'deny', says: 'ask_human: no answer at' },
    { kind: 'review', tool: '', then: 'deny', says: 'review: the task ends at' },
    { kind: 'answer', tool: 'ask_human', then: 'pause', says: 'ask_human: the task pauses at' },
    { kind: 'review', tool: '', then: 'fallback', says: 'review: the task ends with its fallback at' },
  ] as const)('says what comes of it if nobody decides: $says', ({ kind, tool, then, says }) => {
    const step = { at: iso(4), do: 'expire', then } as const;

    expect(describeStep({ id: 's1.c1-7f3a', tool, kind }, step)).toBe(`${says} 13:00 UTC (s1.c1-7f3a)`);
  });

  it('says that others are told where anybody may decide: nobody is added', () => {
    const open = { roles: [], quorum: 1, verified: false, not: [] };
    const step = { at: iso(2), do: 'escalate', roles: ['heads', 'board'] } as const;

    expect(describeStep({ id: 's1.c1-7f3a', tool: 'pay', kind: 'approval', who: open }, step)).toBe(
      'heads, board are told that pay waits (s1.c1-7f3a)',
    );
  });
});
