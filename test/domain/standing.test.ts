import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { emptyDesk, openDecision, type Ruling, ruleDecision } from '../../src/domain/desk.ts';
import { digestJson } from '../../src/domain/digest.ts';
import type { DecisionMessage } from '../../src/domain/messages.ts';
import {
  type AskedCall,
  findStanding,
  makeStanding,
  possibleScopes,
  standingNamed,
} from '../../src/domain/standing.ts';
import { toVote } from '../../src/domain/votes.ts';
import { anybody, makePending, makeProof, makeReview, makeRule } from './desk-support.ts';

const ASKS = [{ code: 'confirmation_required', message: 'it asks' }];

const makeRuling = (
  message: Partial<DecisionMessage>,
  { pending = {}, votes }: { readonly pending?: Partial<PendingDecision>; readonly votes?: Ruling['votes'] } = {},
): Ruling => ({
  pending: makePending('s1.c1-aaaa', { reasons: ASKS, scopes: ['once', 'values', 'tool'], rule: 'money', ...pending }),
  message: { name: 'approve', ...message },
  atMs: 0,
  votes,
});

const call = (fields: Partial<AskedCall> = {}): AskedCall => ({
  review: makeReview(),
  args: { to: 'ben', amount: 5 },
  principal: 'ana',
  ...fields,
});

const standing = (
  ...[message, options, made = call()]: [Partial<DecisionMessage>, Parameters<typeof makeRuling>[1]?, AskedCall?]
) => [makeStanding(makeRuling(message, options), made)].filter((each) => each !== undefined);

describe('a yes that reaches further than one call', () => {
  it('stands with what it was given for', () => {
    expect(standing({ scope: 'values', same: ['/to'], by: 'ben' })).toEqual([
      {
        id: 's1.c1-aaaa',
        scope: 'values',
        tool: 'refund',
        toolDigest: 'sha256:aa',
        reasons: [{ code: 'confirmation_required' }],
        values: { '/to': digestJson('ben') },
        by: 'ben',
        verified: false,
        at: '1970-01-01T00:00:00.000Z',
        uses: 0,
        rule: 'money',
      },
    ]);
  });

  it.each([
    { name: 'a plain yes', message: {} },
    { name: 'once', message: { scope: 'once' as const } },
    { name: 'a denial', message: { name: 'deny' as const, scope: 'tool' as const } },
    {
      name: 'a scope that the rule does not let it have',
      message: { scope: 'tool' as const },
      pending: { scopes: ['once', 'values'] as const },
    },
    {
      name: 'a question that does not say how far',
      message: { scope: 'tool' as const },
      pending: { scopes: undefined },
    },
    {
      name: 'a reason that is about one call',
      message: { scope: 'tool' as const },
      pending: { reasons: [...ASKS, { code: 'untrusted_argument', message: '' }] },
    },
    { name: 'a question without a reason', message: { scope: 'tool' as const }, pending: { reasons: [] } },
    { name: 'another kind of question', message: { scope: 'tool' as const }, pending: { kind: 'effect' as const } },
    { name: 'an argument that is not there', message: { scope: 'values' as const, same: ['/constructor'] } },
  ])('$name does not stand', ({ message, pending }) => {
    expect(standing(message, { pending: pending as Partial<PendingDecision> })).toEqual([]);
  });

  it('does not stand for a tool of which nobody knows whether it changed', () => {
    expect(standing({ scope: 'tool' }, {}, call({ review: makeReview({ toolDigest: undefined as never }) }))).toEqual(
      [],
    );
  });

  it.each([
    { name: 'further than the rule lets it', message: { scope: 'tool' as const }, says: 'possible: once, values' },
    {
      name: 'on an argument that is not there',
      message: { scope: 'values' as const, same: ['/cc'] },
      says: 'no argument "/cc"',
    },
    {
      name: 'on the inside of a text',
      message: { scope: 'values' as const, same: ['/to/length'] },
      says: 'no argument',
    },
  ])('is refused $name, and the question stays', ({ message, says }) => {
    const desk = emptyDesk();
    openDecision(
      desk,
      makePending('s1.c1-aaaa', { who: anybody, reasons: ASKS, scopes: ['once', 'values'], args: { to: 'ben' } }),
    );

    expect(ruleDecision(desk, { name: 'approve', ...message }, 0)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining(says),
    });
    expect(desk.pending).toHaveLength(1);
  });
});

describe('what an approval covers', () => {
  it.each([
    { name: 'another call of the tool', made: { scope: 'tool' as const }, args: { to: 'eve', amount: 9 } },
    { name: 'the same values', made: { scope: 'values' as const, same: ['/to'] }, args: { amount: 9, to: 'ben' } },
    { name: 'the same arguments, in any order', made: { scope: 'values' as const }, args: { amount: 5, to: 'ben' } },
  ])('$name', ({ made, args }) => {
    const [one] = standing(made);

    expect(findStanding([one as never], call({ args }))).toBe(one);
  });

  const tool = { scope: 'tool' } as const;
  const verdict = (...reasons: readonly { code: string; policy?: string }[]) => ({
    outcome: 'ask' as const,
    reasons: reasons.map((reason) => ({ message: '', ...reason })),
  });
  it.each([
    { name: 'another value', made: { scope: 'values' as const, same: ['/to'] }, now: { args: { to: 'eve' } } },
    {
      name: 'a value of another type',
      made: { scope: 'values' as const, same: ['/amount'] },
      now: { args: { amount: '5' } },
    },
    { name: 'a value that is gone', made: { scope: 'values' as const, same: ['/to'] }, now: { args: {} } },
    {
      name: 'an argument more',
      made: { scope: 'values' as const },
      now: { args: { to: 'ben', amount: 5, cc: 'eve' } },
    },
    { name: 'another tool', made: tool, now: { review: makeReview({ tool: 'refund2' }) } },
    { name: 'a tool that changed', made: tool, now: { review: makeReview({ toolDigest: 'sha256:bb' }) } },
    {
      name: 'a reason more',
      made: tool,
      now: {
        review: makeReview({
          verdict: verdict({ code: 'confirmation_required' }, { code: 'policy_forbids', policy: 'p' }),
        }),
      },
    },
    {
      name: 'a reason of another policy',
      made: tool,
      now: { review: makeReview({ verdict: verdict({ code: 'confirmation_required', policy: 'p' }) }) },
    },
    { name: 'no reason', made: tool, now: { review: makeReview({ verdict: verdict() }) } },
    {
      name: 'a rejection',
      made: tool,
      now: { review: makeReview({ verdict: { ...verdict({ code: 'confirmation_required' }), outcome: 'reject' } }) },
    },
    { name: 'a question of the agent', made: tool, now: { review: makeReview({ question: 'which?' }) } },
    { name: 'a risk that is approved one by one by now', made: tool, now: { review: makeReview({ risk: 'high' }) } },
    {
      name: 'a rule that lets it reach less by now',
      made: tool,
      now: { review: makeReview({ rule: makeRule({ scopes: ['values'] }) }) },
    },
    {
      name: 'a rule that asks for a signature by now',
      made: tool,
      now: { review: makeReview({ rule: makeRule({ verified: true }) }) },
    },
    {
      name: 'a rule that asks for a role by now',
      made: tool,
      now: { review: makeReview({ rule: makeRule({ roles: ['boss'] }) }) },
    },
    { name: 'a review without its rule', made: tool, now: { review: makeReview({ rule: undefined as never }) } },
  ])('is not $name', ({ made, now }) => {
    const [one] = standing(made);

    expect(one).toBeDefined();
    expect(findStanding([one as never], call(now))).toBeUndefined();
  });

  it('INVARIANT A3: is no more than those who approved may', () => {
    const votes = [toVote(makeProof('ben'), anybody, 0)];
    const [one] = standing(tool, { votes });
    const now = (rule: Parameters<typeof makeRule>[0], principal = 'ana') =>
      findStanding([one as never], call({ review: makeReview({ rule: makeRule(rule) }), principal }));

    expect(one).toMatchObject({ verified: true, votes });
    expect(now({ roles: ['finance'] })).toBe(one);
    expect(now({ roles: ['boss'] })).toBeUndefined();
    expect(now({ quorum: 2 })).toBeUndefined();
    expect(now({ separate: true })).toBe(one);
    expect(now({ separate: true }, 'Ben')).toBeUndefined();
  });

  it('is what one approved to whom it was escalated', () => {
    const votes = [toVote(makeProof('eve', { roles: ['boss'] }), anybody, 0)];
    const [one] = standing(tool, { votes });
    const escalated = { roles: ['finance'], escalate: [{ afterMs: 1, roles: ['boss'] }] };
    const now = (rule: Parameters<typeof makeRule>[0]) =>
      findStanding([one as never], call({ review: makeReview({ rule: makeRule(rule) }) }));

    expect(now(escalated)).toBe(one);
    expect(now({ ...escalated, escalate: [] })).toBeUndefined();
  });

  it.each([
    { name: 'the same text', then: 'aa', now: 'aa', covers: true },
    { name: 'another text', then: 'aa', now: 'bb', covers: false },
    { name: 'a text that nobody knows', then: 'aa', now: undefined, covers: false },
    { name: 'any text, where it was given before texts were told apart', then: undefined, now: 'bb', covers: true },
    { name: 'a rule that has no text', then: undefined, now: undefined, covers: true },
  ])('INVARIANT A1: of a policy, $name: $covers', ({ then, now, covers }) => {
    const reason = (policyDigest: string | undefined) => [
      { code: 'policy_forbids', message: '', policy: 'cap', ...(policyDigest === undefined ? {} : { policyDigest }) },
    ];
    const [one] = standing(tool, { pending: { reasons: reason(then) } });
    const review = makeReview({ verdict: { outcome: 'ask', reasons: reason(now) } });

    expect(one?.reasons).toEqual(reason(then).map(({ message: _, ...bare }) => bare));
    expect(findStanding([one as never], call({ review }))).toBe(covers ? one : undefined);
  });

  it('INVARIANT A1: is never a reason that it was not given for, or one that is about one call', () => {
    const codes = ['policy_forbids', 'policy', 'unclassified', 'confirmation_required', 'destructive'];
    const never = [
      'untrusted_argument',
      'denied_before',
      'surface_changed',
      'effect_key_conflict',
      'approval_used',
      'policy_error',
      'low_confidence',
      'asks_again',
      'edited',
      'confirmation_rule_failed',
      'something_new',
      '__proto__',
    ];
    const reason = fc.record(
      { code: fc.constantFrom(...codes, ...never), message: fc.string(), policy: fc.constantFrom('p1', 'p2') },
      { requiredKeys: ['code', 'message'] },
    );
    const reasons = fc.array(reason, { maxLength: 4 });
    fc.assert(
      fc.property(reasons, reasons, (then, now) => {
        const [one] = standing(tool, { pending: { reasons: then } });
        const found =
          one && findStanding([one], call({ review: makeReview({ verdict: { outcome: 'ask', reasons: now } }) }));
        const isGiven = now.every((each) =>
          then.some(({ code, policy }) => code === each.code && policy === each.policy),
        );
        const isOfTheTool = [...then, ...now].every(({ code }) => codes.includes(code));

        expect(found !== undefined).toBe(isGiven && isOfTheTool && now.length > 0 && then.length > 0);
      }),
    );
  });
});

describe('how far a yes may reach', () => {
  it('is once, unless the question says otherwise', () => {
    const question = { kind: 'approval', reasons: ASKS } as const;

    expect(possibleScopes(question)).toEqual(['once']);
    expect(possibleScopes({ ...question, scopes: ['values'] })).toEqual(['once', 'values']);
    expect(possibleScopes({ ...question, kind: 'review', scopes: ['tool'] })).toEqual(['once']);
  });
});

describe('the name of an approval that stands', () => {
  it('is its id, or the name of its handler, and no other', () => {
    const all = standing({ scope: 'tool' });

    expect(standingNamed(all, 's1.c1-aaaa')).toBe(all[0]);
    expect(standingNamed(all, ' s1.c1 aaaa ')).toBe(all[0]);
    for (const name of ['s1.c1', '', '💥'.repeat(10_000), '__proto__'])
      expect(standingNamed(all, name)).toBeUndefined();
  });
});
