import { describe, expect, it } from 'vitest';
import { emptyDesk, isTaken, openDecision, replaceDecision, ruleProven } from '../../src/domain/desk.ts';
import type { DecisionMessage } from '../../src/domain/messages.ts';
import { castEdit, castVote, decisionOfAll, refuseOther } from '../../src/domain/quorum.ts';
import { replacementOf } from '../../src/domain/replacement.ts';
import { toVote } from '../../src/domain/votes.ts';
import { anybody, makePending, makeProof, makeReview } from './desk-support.ts';

const ID = 's1.c1-aaaa';
const two = { ...anybody, roles: ['finance'], quorum: 2 };

const cast = (by: string, said: Partial<DecisionMessage> = {}) => ({
  message: { name: 'approve', target: ID, by, ...said } as DecisionMessage,
  vote: toVote(makeProof(by), two, 0),
});

const start = (fields: Parameters<typeof makePending>[1] = {}) => {
  const desk = emptyDesk();
  const pending = makePending(ID, {
    who: two,
    reasons: [{ code: 'policy', message: 'why' }],
    scopes: ['once', 'values', 'tool'],
    args: { to: 'ben', cc: 'eve' },
    ...fields,
  });
  openDecision(desk, pending);
  return { desk, pending };
};

describe('a decision of several people', () => {
  it('has all their names and words, and stands on the desk until the last', () => {
    const { desk, pending } = start();

    const voted = castVote(desk, pending, cast('ben', { text: 'fine' }));
    const all = decisionOfAll(desk, voted, cast('cat', { text: 'for me, too' }));
    const ruled = ruleProven(desk, all, 0);

    expect(voted.votes).toHaveLength(1);
    expect(ruled).toMatchObject({
      ok: true,
      value: {
        message: { by: 'ben, cat', text: 'ben: fine\ncat: for me, too' },
        votes: [{ by: 'ben' }, { by: 'cat' }],
      },
    });
    expect(desk).toMatchObject({ pending: [], gathered: [] });
  });

  it.each([
    { name: 'once and for the tool', one: {}, other: { scope: 'tool' }, reach: {} },
    { name: 'for the tool and once', one: { scope: 'tool' }, other: {}, reach: {} },
    { name: 'for the tool, twice', one: { scope: 'tool' }, other: { scope: 'tool' }, reach: { scope: 'tool' } },
    {
      name: 'for values and for the tool',
      one: { scope: 'values', same: ['/to'] },
      other: { scope: 'tool' },
      reach: { scope: 'values', same: ['/to'] },
    },
    {
      name: 'for values and others',
      one: { scope: 'values', same: ['/to'] },
      other: { scope: 'values', same: ['/cc', '/to'] },
      reach: { scope: 'values', same: ['/to', '/cc'] },
    },
    {
      name: 'for values and all of them',
      one: { scope: 'values', same: ['/to'] },
      other: { scope: 'values' },
      reach: { scope: 'values' },
    },
  ] as const)('reaches no further than each of them: $name', ({ one, other, reach }) => {
    const { desk, pending } = start();
    const voted = castVote(desk, pending, cast('ben', one));

    const { message } = decisionOfAll(desk, voted, cast('cat', other));

    expect({ scope: message.scope, same: message.same }).toEqual({ scope: undefined, same: undefined, ...reach });
  });

  describe('that it happened', () => {
    const said = (args?: DecisionMessage['args']) => cast('cat', args === undefined ? {} : { args }).message;
    const after = (args?: DecisionMessage['args']) => {
      const { desk, pending } = start({ kind: 'effect', may: ['approve', 'deny'] });
      const voted = castVote(desk, pending, cast('ben', args === undefined ? {} : { args }));
      return { desk, voted };
    };

    it.each([
      { name: 'another output', first: { booking: 'b1' }, then: { booking: 'b2' } },
      { name: 'an output where there was none', first: undefined, then: { booking: 'b1' } },
      { name: 'none where there was one', first: { booking: 'b1' }, then: undefined },
    ])('INVARIANT A3: is not said with $name by the next one', ({ first, then }) => {
      const { desk, voted } = after(first);

      expect(refuseOther(desk, voted, said(then))).toContain('your approval has to be of the same "args"');
    });

    it('is said with the same output by all, and with it by the decision', () => {
      const { desk, voted } = after({ booking: 'b1', seat: 4 });
      const same = { seat: 4, booking: 'b1' };

      expect(refuseOther(desk, voted, said(same))).toBeUndefined();
      expect(decisionOfAll(desk, voted, cast('cat', { args: same })).message.args).toEqual(same);
    });
  });

  it('keeps words in bounds', () => {
    const { desk, pending } = start();
    const voted = castVote(desk, pending, cast('ben', { text: 'x'.repeat(16_000) }));

    const { message } = decisionOfAll(desk, voted, cast('cat', { text: 'y'.repeat(16_000) }));

    expect(message.text?.length).toBeLessThan(17_000);
  });
});

describe('a question about changed arguments', () => {
  it('has their digest, the vote of who changed them and none of before, and every deadline', () => {
    const { desk, pending } = start({
      deadline: '2026-01-02T00:00:00.000Z',
      change: { diff: 'old' },
      votes: [cast('cat').vote],
    });
    const edit = {
      ...cast('ben', { text: 'less' }),
      args: { to: 'dan' },
      review: makeReview({ digest: 'sha256:bbbb', change: { diff: 'new' } }),
    };

    const next = replacementOf(pending, edit, (id) => isTaken(desk, id));
    replaceDecision(desk, { id: ID, next }, 0);
    castEdit(desk, next.id, edit);
    const all = decisionOfAll(desk, next, { ...cast('cat'), message: { name: 'approve', target: next.id } });
    const ruled = ruleProven(desk, all, 0);

    expect(next).toMatchObject({
      id: 's1.c1-bbbb',
      digest: 'sha256:bbbb',
      args: { to: 'dan' },
      change: { diff: 'new' },
      votes: [{ by: 'ben' }],
      deadline: pending.deadline,
      reasons: [{ code: 'confirmation_required' }, { code: 'edited' }],
    });
    expect(next.scopes).toBeUndefined();
    expect(ruled).toMatchObject({
      ok: true,
      value: { message: { args: { to: 'dan' }, text: 'ben: less' }, votes: [{ by: 'ben' }, { by: 'cat' }] },
    });
    expect(all.review).toBe(edit.review);
  });

  it('INVARIANT A1: is decided with the arguments that were reviewed, for this call only', () => {
    const { desk, pending } = start();
    const edit = { ...cast('ben', { scope: 'tool' }), args: { to: 'dan' }, review: makeReview() };
    const next = replacementOf(pending, edit, (id) => isTaken(desk, id));
    replaceDecision(desk, { id: ID, next }, 0);
    castEdit(desk, next.id, edit);

    const { message } = decisionOfAll(desk, next, cast('cat', { scope: 'tool', args: { to: 'eve' } }));

    expect(message).toMatchObject({ args: { to: 'dan' } });
    expect(message.scope).toBeUndefined();
  });

  it('has another name, also when the arguments are the same', () => {
    const { desk, pending } = start({ id: 's1.c1-bbbb' });

    const next = replacementOf(
      pending,
      { ...cast('ben'), args: {}, review: makeReview({ digest: 'sha256:bbbb' }) },
      (id) => isTaken(desk, id),
    );

    expect(next.id).not.toBe(pending.id);
  });

  it('about a share of a budget is about that share', () => {
    const { pending } = start({
      kind: 'review',
      callId: 'task',
      share: { steps: 5, invalidProposals: 1 },
      args: undefined,
    });

    const next = replacementOf(pending, { ...cast('ben'), args: { costUsd: 2, duration: '1m' } }, () => false);

    expect(next.share).toEqual({ costUsd: 2, durationMs: 60_000, invalidProposals: 1 });
    expect(next.digest).not.toBe(pending.digest);
  });
});
