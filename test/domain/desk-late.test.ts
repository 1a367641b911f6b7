import { describe, expect, it } from 'vitest';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import {
  advanceDecision,
  currentId,
  emptyDesk,
  expireDecision,
  isTaken,
  openDecision,
  replaceDecision,
  ruleDecision,
  withdrawDecision,
} from '../../src/domain/desk.ts';
import { timelineOf } from '../../src/domain/desk-clock.ts';
import { asMeant, findDecision } from '../../src/domain/find-decision.ts';
import { anybody, MINUTE, makePending } from './desk-support.ts';

const ID = 's1.c1-aaaa';
const named = { name: 'approve', target: ID } as const;

const deskWith = (...ids: readonly string[]) => {
  const desk = emptyDesk();
  for (const id of ids) openDecision(desk, makePending(id, { who: anybody }));
  return desk;
};

describe('a decision that comes late', () => {
  it('is told that the question expired, and changes nothing', () => {
    const desk = deskWith(ID);
    const before = desk.pending[0];

    const ruling = expireDecision(desk, ID, MINUTE);

    expect(ruling).toMatchObject({
      pending: before,
      isExpired: true,
      atMs: MINUTE,
      message: { name: 'deny', target: ID },
    });
    expect(ruling?.message.text).toContain('expired at 1970-01-01T00:01:00.000Z');
    expect(ruleDecision(desk, named, 2 * MINUTE)).toEqual({
      ok: false,
      refusal: `${ID} expired at 1970-01-01T00:01:00.000Z; this changed nothing`,
    });
    expect(expireDecision(desk, ID, 2 * MINUTE)).toBeUndefined();
  });

  it('is told that the question was withdrawn', () => {
    const desk = deskWith(ID);

    withdrawDecision(desk, ID, MINUTE);

    expect(ruleDecision(desk, { name: 'deny', target: 's1.c1' }, 2 * MINUTE)).toEqual({
      ok: false,
      refusal: `${ID} was withdrawn at 1970-01-01T00:01:00.000Z; this changed nothing`,
    });
  });

  it('is told that the question was replaced, and by which', () => {
    const desk = deskWith(ID);

    replaceDecision(desk, { id: ID, next: makePending('s1.c1-bbbb', { who: anybody }) }, 0);

    expect(ruleDecision(desk, named, 0)).toMatchObject({ refusal: expect.stringContaining('replaced by s1.c1-bbbb') });
    expect(currentId(desk, ID)).toBe('s1.c1-bbbb');
    expect(isTaken(desk, ID)).toBe(true);
  });

  it.each([
    { name: 'withdrawn', end: (desk: ReturnType<typeof deskWith>) => withdrawDecision(desk, ID, 0) },
    { name: 'expired', end: (desk: ReturnType<typeof deskWith>) => expireDecision(desk, ID, 0) },
  ])('INVARIANT A2: and names nothing is not taken for the next question, after one that was $name', ({ end }) => {
    const desk = deskWith(ID);
    end(desk);
    openDecision(desk, makePending('s2.c1-bbbb', { who: anybody }));

    expect(ruleDecision(desk, { name: 'approve' }, MINUTE)).toMatchObject({ refusal: expect.stringContaining(ID) });
    expect(ruleDecision(desk, { name: 'approve' }, 11 * MINUTE).ok).toBe(true);
  });

  it('INVARIANT A2: and names the call is not taken for the next question about it right away: a repeated approval is no "it happened"', () => {
    const desk = deskWith(ID);
    ruleDecision(desk, { name: 'approve', target: 's1.c1' }, 0);
    openDecision(desk, makePending('s1.c1-bbbb', { kind: 'effect', may: ['approve', 'deny'], who: anybody }));

    expect(ruleDecision(desk, { name: 'approve', target: 's1.c1' }, 400)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('name s1.c1-bbbb'),
    });
    expect(findDecision(desk, { name: 'approve', target: 's1.c1-bbbb' }, 400).ok).toBe(true);
    expect(findDecision(desk, { name: 'approve', target: 's1.c1' }, 600).ok).toBe(true);
  });

  it('pasted as it was asked changes no arguments; with others, it does', () => {
    const asked = makePending(ID, { who: anybody, args: { to: 'ben', amount: 5 } });
    const message = { name: 'approve', by: 'ana' } as const;

    expect(asMeant({ ...message, args: { amount: 5, to: 'ben' } }, asked)).toEqual(message);
    expect(asMeant({ ...message, args: { amount: 6, to: 'ben' } }, asked)).toHaveProperty('args');
    expect(asMeant({ ...message, args: { amount: 5, to: 'ben' } }, { ...asked, kind: 'effect' })).toHaveProperty(
      'args',
    );
  });

  it('INVARIANT A2: a call with two questions is not named by its id', () => {
    const desk = deskWith('task-aaaa', 'task-bbbb');

    expect(ruleDecision(desk, { name: 'approve', target: 'task' }, 0)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('task-aaaa, task-bbbb'),
    });
  });

  it('says nothing of questions of tasks of before: their histories are read as they were', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending(ID));
    withdrawDecision(desk, ID, 0);
    openDecision(desk, makePending('s2.c1-bbbb'));

    expect(ruleDecision(desk, { name: 'approve' }, 0).ok).toBe(true);
  });
});

describe('while nobody decides', () => {
  const roles = ['boss', 'clerk'];
  // As text: an object with a `then` looks like a promise.
  const expire = JSON.parse('{"afterMs":180000,"then":"deny"}') as NonNullable<ApprovalRule['expire']>;
  const times = {
    remindMs: MINUTE,
    escalate: [{ afterMs: 2 * MINUTE, roles }],
    expire,
  } as const;
  const timeline = timelineOf(times, 'approval', 0);

  it('the steps are taken one by one, and roles are added to those that are there', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending(ID, { who: { ...anybody, roles: ['clerk'] }, timeline }));

    const reminded = advanceDecision(desk, ID);
    const escalated = advanceDecision(desk, ID);

    expect(reminded).toMatchObject({ timeline: timeline.slice(1), who: { roles: ['clerk'] } });
    expect(escalated).toMatchObject({ timeline: timeline.slice(2), who: { roles: ['clerk', 'boss'] } });
    expect(desk.pending).toEqual([escalated]);
  });

  it('a question that anybody may decide stays one: escalating shuts nobody out', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending(ID, { who: anybody, timeline: timeline.slice(1) }));

    expect(advanceDecision(desk, ID)?.who).toEqual(anybody);
    expect(ruleDecision(desk, named, 0).ok).toBe(true);
  });

  it('nothing happens to a question that is gone', () => {
    expect(advanceDecision(emptyDesk(), ID)).toBeUndefined();
    expect(expireDecision(emptyDesk(), ID, 0)).toBeUndefined();
    expect(currentId(emptyDesk(), ID)).toBe(ID);
  });
});

describe('a question in the place of another', () => {
  it('INVARIANT A2: takes over that it was pending together with others', () => {
    const desk = deskWith(ID, 's1.c2-cccc');
    ruleDecision(desk, { name: 'approve', target: 's1.c2-cccc' }, 0);

    replaceDecision(desk, { id: ID, next: makePending('s1.c1-bbbb', { who: anybody }) }, 0);

    expect(ruleDecision(desk, { name: 'approve' }, 60 * MINUTE)).toMatchObject({
      refusal: expect.stringContaining('name it'),
    });
  });

  it('keeps its place, and forgets nobody who waits', () => {
    const desk = deskWith(ID, 's1.c2-cccc');

    replaceDecision(desk, { id: ID, next: makePending('s1.c1-bbbb') }, 0);
    replaceDecision(desk, { id: 's1.c1-bbbb', next: makePending('s1.c1-dddd') }, 0);
    replaceDecision(desk, { id: 's9.c9-ffff', next: makePending('s9.c9-eeee') }, 0);

    expect(desk.pending.map(({ id }) => id)).toEqual(['s1.c1-dddd', 's1.c2-cccc']);
    expect(currentId(desk, ID)).toBe('s1.c1-dddd');
  });
});

describe('a name that somebody made up', () => {
  it.each(['', ' ', '\u0000', '💥'.repeat(100_000), 's1.c1\u200B-aaaa', '__proto__', 'constructor', 's1.c1-aaaa\n'])(
    'finds nothing and is quoted in bounds',
    (target) => {
      const ruled = ruleDecision(deskWith(ID), { name: 'approve', target }, 0);

      expect(ruled.ok).toBe(false);
      expect(ruled.ok ? '' : ruled.refusal.length).toBeLessThan(700);
    },
  );
});
