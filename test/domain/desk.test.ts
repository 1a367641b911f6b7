import { describe, expect, it } from 'vitest';
import { type PendingDecision, questionId } from '../../src/domain/decision.ts';
import { emptyDesk, isTaken, openDecision, ruleDecision } from '../../src/domain/desk.ts';
import { checkDecision } from '../../src/domain/messages.ts';

const makePending = (id: string, fields: Partial<PendingDecision> = {}): PendingDecision => ({
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

const bare = { name: 'approve' } as const;
const MINUTE = 60_000;

describe('INVARIANT A2: a bare decision', () => {
  it('counts while exactly one is pending', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));

    const ruled = ruleDecision(desk, bare, 0);

    expect(ruled).toMatchObject({ ok: true, value: { pending: { id: 's1.c1-aaaa' } } });
    expect(desk.pending).toEqual([]);
  });

  it('is refused while several are pending, and changes nothing', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));
    openDecision(desk, makePending('s1.c2-bbbb'));

    const ruled = ruleDecision(desk, bare, 0);

    expect(ruled).toMatchObject({ ok: false, refusal: expect.stringContaining('s1.c1-aaaa, s1.c2-bbbb') });
    expect(desk.pending).toHaveLength(2);
  });

  it('is refused for the one that is left of two, however late', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));
    openDecision(desk, makePending('s1.c2-bbbb'));
    ruleDecision(desk, { name: 'approve', target: 's1.c1' }, 0);

    expect(ruleDecision(desk, bare, 60 * MINUTE)).toMatchObject({ ok: false });
    expect(ruleDecision(desk, { name: 'approve', target: 's1.c2-bbbb' }, 0)).toMatchObject({ ok: true });
  });

  it('is refused right after another bare one: a double click must not approve the next call', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));
    ruleDecision(desk, bare, 0);
    openDecision(desk, makePending('s2.c1-bbbb'));

    expect(ruleDecision(desk, bare, 300)).toMatchObject({ ok: false, refusal: expect.stringContaining('s2.c1-bbbb') });
    expect(ruleDecision(desk, bare, 2_000)).toMatchObject({ ok: true });
  });

  it('is refused after a named one while a page may be stale: its sender may have meant that one', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));
    ruleDecision(desk, { name: 'approve', target: 's1.c1-aaaa' }, 0);
    openDecision(desk, makePending('s2.c1-bbbb'));

    expect(ruleDecision(desk, bare, 5 * MINUTE)).toMatchObject({ ok: false });
    expect(ruleDecision(desk, bare, 11 * MINUTE)).toMatchObject({ ok: true });
  });
});

describe('a named decision', () => {
  it.each([
    { name: 'by id', target: 's1.c1-aaaa' },
    { name: 'by the name of its handler', target: 's1.c1 aaaa' },
    { name: 'by call', target: 's1.c1' },
  ])('is found $name', ({ target }) => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));

    expect(ruleDecision(desk, { name: 'deny', target }, 0)).toMatchObject({ ok: true });
  });

  it('is refused when made already: the first decision wins', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));
    ruleDecision(desk, { name: 'deny', target: 's1.c1' }, 0);

    const again = ruleDecision(desk, { name: 'approve', target: 's1.c1-aaaa' }, 1);

    expect(again).toMatchObject({ ok: false, refusal: expect.stringContaining('decided already (deny)') });
  });

  it('is refused for another digest of the same call', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa'));

    expect(ruleDecision(desk, { name: 'approve', target: 's1.c1-ffff' }, 0)).toMatchObject({ ok: false });
  });

  it('is refused when the question does not take it', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { kind: 'answer', may: ['answer', 'deny'] }));

    expect(ruleDecision(desk, { name: 'approve', target: 's1.c1' }, 0)).toMatchObject({
      ok: false,
      refusal: 'approve is not possible for s1.c1-aaaa; possible: answer, deny',
    });
  });
});

describe('what people type into the input field', () => {
  it.each([
    { name: 'nothing', payload: undefined, ok: true },
    { name: 'null', payload: null, ok: true },
    { name: 'an empty object', payload: {}, ok: true },
    { name: 'a text', payload: 'yes please', ok: false },
    { name: 'a list', payload: [1], ok: false },
    { name: 'a number', payload: 42, ok: false },
    { name: 'an unknown field', payload: { aprove: true }, ok: false },
    { name: 'a call id that is no text', payload: { callId: 7 }, ok: false },
    { name: 'arguments that are no object', payload: { args: 'x' }, ok: false },
    { name: 'a note that is too long', payload: { note: 'x'.repeat(20_000) }, ok: false },
    { name: 'two different targets', payload: { id: 's1.c1-aaaa', callId: 's2.c1' }, ok: false },
    { name: '__proto__', payload: JSON.parse('{"__proto__":{"callId":"s1.c1"}}'), ok: false },
  ])('$name: accepted $ok, never thrown', ({ payload, ok }) => {
    expect(checkDecision('approve', payload).ok).toBe(ok);
  });

  it('an answer needs its text', () => {
    expect(checkDecision('answer', {})).toMatchObject({ ok: false, refusal: expect.stringContaining('{"text"') });
    expect(checkDecision('answer', { text: 'blue' })).toMatchObject({ ok: true, value: { text: 'blue' } });
  });
});

describe('an effect of which nobody knows', () => {
  it('INVARIANT E7: takes the output with "it happened"; an undo takes none', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { kind: 'effect', may: ['approve', 'deny'] }));
    openDecision(desk, makePending('s1.c2-bbbb', { kind: 'compensation', may: ['approve', 'deny'] }));
    const message = { name: 'approve', args: { id: 'x' } } as const;

    expect(ruleDecision(desk, { ...message, target: 's1.c1' }, 0)).toMatchObject({ ok: true });
    expect(ruleDecision(desk, { ...message, target: 's1.c2' }, 0)).toMatchObject({ ok: false });
  });
});

describe('the name of a question', () => {
  it('is another one when the same was asked before, open or decided', () => {
    const desk = emptyDesk();
    const taken = (id: string) => isTaken(desk, id);
    const first = questionId('s1.c1', 'sha256:7f3a00', taken);
    openDecision(desk, makePending(first));
    const second = questionId('s1.c1', 'sha256:7f3a00', taken);
    openDecision(desk, makePending(second));
    ruleDecision(desk, { name: 'approve', target: first }, 0);
    const third = questionId('s1.c1', 'sha256:7f3a00', taken);

    expect(first).toBe('s1.c1-7f3a');
    expect(new Set([first, second, third]).size).toBe(3);
    for (const id of [second, third]) expect(id).toMatch(/^s1\.c1-[0-9a-f]{4}$/);
  });
});
