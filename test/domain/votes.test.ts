import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deciders } from '../../src/domain/decision.ts';
import { emptyDesk, openDecision, ruleDecision, ruleProven } from '../../src/domain/desk.ts';
import { jsonBytes } from '../../src/domain/json.ts';
import { checkDecision } from '../../src/domain/messages.ts';
import { SIZES } from '../../src/domain/sizes.ts';
import { addVote, hasVoted, mayDecide, satisfies, toVote } from '../../src/domain/votes.ts';
import { anybody, makePending, makeProof, makeRule } from './desk-support.ts';

const vote = (by: string, fields: Parameters<typeof makeProof>[1] = {}) => toVote(makeProof(by, fields), undefined, 0);

describe('who may decide', () => {
  it.each([
    { name: 'anybody where nobody in particular is asked for', who: anybody, proof: makeProof('ben', { roles: [] }) },
    { name: 'anybody at a question of before', who: undefined, proof: makeProof('ben') },
    { name: 'one with one of the roles', who: { ...anybody, roles: ['boss', 'finance'] }, proof: makeProof('ben') },
    { name: 'another one than the principal', who: { ...anybody, not: ['ana'] }, proof: makeProof('ben') },
  ])('$name', ({ who, proof }) => {
    expect(mayDecide(who, proof)).toBeUndefined();
  });

  it.each([
    {
      name: 'without the role',
      who: { ...anybody, roles: ['boss'] },
      proof: makeProof('ben'),
      says: 'one of boss; ben has finance',
    },
    {
      name: 'without any role',
      who: { ...anybody, roles: ['boss'] },
      proof: makeProof('ben', { roles: [] }),
      says: 'no roles',
    },
    {
      name: 'who is the principal',
      who: { ...anybody, not: ['ben'] },
      proof: makeProof('ben'),
      says: 'duties are separated',
    },
    {
      name: 'who is the principal, in other letters',
      who: { ...anybody, not: ['ben@x.com'] },
      proof: makeProof(' BEN@x.com'),
      says: 'separated',
    },
    {
      name: 'who is the principal, with a hidden character',
      who: { ...anybody, not: ['ben'] },
      proof: makeProof('b\u200Ben'),
      says: 'separated',
    },
    {
      name: 'with a role that is like it',
      who: { ...anybody, roles: ['finance'] },
      proof: makeProof('b', { roles: ['Finance', 'finance2'] }),
      says: 'one of finance',
    },
  ])('nobody $name', ({ who, proof, says }) => {
    expect(mayDecide(who, proof)).toContain(says);
  });
});

describe('votes', () => {
  it('INVARIANT A3: the same person counts once, whoever vouches for them, however the name is written', () => {
    const pending = { votes: [vote('ben')] };

    expect(addVote(pending, vote('ben', { issuer: 'https://other.example' }))).toHaveLength(1);
    expect(addVote(pending, vote('Ben '))).toHaveLength(1);
    expect(addVote(pending, vote('cat'))).toHaveLength(2);
    expect(hasVoted(pending, 'cat')).toBe(false);
  });

  it('keep the roles that are asked for, of however many', () => {
    const roles = [...Array.from({ length: 500 }, (_, n) => `r${n}`), 'finance'];

    const kept = toVote(makeProof('ben', { roles }), { ...anybody, roles: ['finance'] }, 0).roles;

    expect(kept[0]).toBe('finance');
    expect(kept).toHaveLength(32);
  });

  it('INVARIANT H1: keep roles in bounds of bytes, and what makes a vote count, whatever a token says', () => {
    const role = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      fc.constantFrom('finance', 'boss', '\u0000'.repeat(100)),
    );
    fc.assert(
      fc.property(fc.array(role, { maxLength: 60 }), fc.subarray(['finance', 'boss']), (roles, asked) => {
        const who = { ...anybody, roles: asked };

        const kept = toVote(makeProof('ben', { roles }), who, 0).roles;

        expect(kept.length <= 1 || jsonBytes(kept) <= SIZES.voteRoles + 2).toBe(true);
        expect(kept.every((each) => roles.includes(each))).toBe(true);
        const may = [roles, kept].map((those) => mayDecide(who, makeProof('ben', { roles: those })) === undefined);
        expect(may[1]).toBe(may[0]);
        // What is asked for finds room before what is not.
        const [first] = kept;
        expect(asked.some((each) => roles.includes(each))).toBe(first !== undefined && asked.includes(first));
      }),
    );
  });

  it.each([
    { name: 'none, where nothing is asked for', rule: {}, votes: [], is: true },
    { name: 'none, where proof is', rule: { verified: true }, votes: [], is: false },
    { name: 'one, where proof is', rule: { verified: true }, votes: [vote('ben')], is: true },
    { name: 'one of two', rule: { quorum: 2 }, votes: [vote('ben')], is: false },
    { name: 'two of one person', rule: { quorum: 2 }, votes: [vote('ben'), vote('BEN', { issuer: 'x' })], is: false },
    { name: 'two', rule: { quorum: 2 }, votes: [vote('ben'), vote('cat')], is: true },
    {
      name: 'two, one without the role',
      rule: { quorum: 2, roles: ['finance'] },
      votes: [vote('ben'), vote('cat', { roles: [] })],
      is: false,
    },
    { name: 'the principal', rule: { separate: true }, votes: [vote('ana')], is: false },
  ])('$name: enough is $is', ({ rule, votes, is }) => {
    expect(satisfies(makeRule(rule), votes, 'ana')).toBe(is);
  });
});

const deciders: fc.Arbitrary<Deciders> = fc
  .record({
    roles: fc.array(fc.constantFrom('finance', 'boss'), { maxLength: 2 }),
    quorum: fc.integer({ min: 1, max: 3 }),
    verified: fc.boolean(),
    not: fc.array(fc.constant('ana'), { maxLength: 1 }),
  })
  // Said here once more: what is tested must not choose what it is tested with.
  .filter(({ roles, quorum, verified, not }) => roles.length > 0 || quorum > 1 || verified || not.length > 0);

describe('INVARIANT A3: where proof is asked for', () => {
  it('a claim never rules, whatever the payload', () => {
    const fields = fc.constantFrom('id', 'callId', 'note', 'by', 'scope', 'token', 'reason', 'text');
    const value = fc.oneof(
      fc.constantFrom('s1.c1', 's1.c1-aaaa', 'ben', 'once', 'a.b.c', true, ['finance']),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        deciders,
        fc.constantFrom('approve', 'deny', 'answer'),
        fc.dictionary(fields, value, { noNullPrototype: true }),
        (who, name, payload) => {
          const desk = emptyDesk();
          openDecision(desk, makePending('s1.c1-aaaa', { who, may: ['approve', 'deny', 'edit', 'answer'] }));

          const checked = checkDecision(name, payload);
          const ruled = checked.ok ? ruleDecision(desk, checked.value, 0) : checked;

          expect(ruled.ok).toBe(false);
          expect(desk.pending).toHaveLength(1);
        },
      ),
    );
  });

  it('takes the votes of as many different people who may, whatever is given as votes', () => {
    const voter = fc.record({
      by: fc.constantFrom('ana', 'ben', 'Ben', 'cat', 'dan'),
      issuer: fc.constantFrom('one', 'two'),
      roles: fc.subarray(['finance', 'boss', 'clerk']),
    });
    fc.assert(
      fc.property(deciders, fc.array(voter, { maxLength: 5 }), (who, proofs) => {
        const desk = emptyDesk();
        openDecision(desk, makePending('s1.c1-aaaa', { who }));
        const may = proofs.filter(
          ({ by, roles }) =>
            !who.not.includes(by) && (who.roles.length === 0 || who.roles.some((role) => roles.includes(role))),
        );
        const people = new Set(may.map(({ by }) => by.toLowerCase())).size;

        const votes = proofs.map((proof) => toVote(proof, who, 0));
        const ruled = ruleProven(desk, { message: { name: 'approve', target: 's1.c1-aaaa' }, votes }, 0);

        expect(ruled.ok).toBe(people >= who.quorum);
      }),
    );
  });

  it('one who may denies, however many have to approve; one who may not does not', () => {
    const who = { ...anybody, roles: ['finance'], quorum: 3 };
    const denial = { name: 'deny', target: 's1.c1-aaaa', token: 'a.b.c' } as const;
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { who }));

    const not = ruleProven(desk, { message: denial, votes: [vote('eve', { roles: [] })] }, 0);
    const ruled = ruleProven(desk, { message: denial, votes: [vote('ben')] }, 0);

    expect(not.ok).toBe(false);
    expect(ruled).toMatchObject({ ok: true, value: { votes: [{ by: 'ben' }], message: { name: 'deny' } } });
    expect(ruled.ok && 'token' in ruled.value.message).toBe(false);
  });

  it('says how to sign', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { taskId: "t'; rm", who: { ...anybody, roles: ['finance'] } }));

    expect(ruleDecision(desk, { name: 'approve', by: 'ben' }, 0)).toEqual({
      ok: false,
      refusal: "only a signed decision of finance counts here: holdfast approve 't'\\''; rm' s1.c1-aaaa --key FILE",
    });
  });
});
