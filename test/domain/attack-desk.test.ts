import { describe, expect, it } from 'vitest';
import { checkShare } from '../../src/domain/budget-share.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import {
  currentId,
  type DeskState,
  emptyDesk,
  openDecision,
  replaceDecision,
  ruleDecision,
  withdrawDecision,
} from '../../src/domain/desk.ts';
import { checkDecision } from '../../src/domain/messages.ts';
import { anybody, makePending } from './desk-support.ts';

const parse = (text: string): unknown => JSON.parse(text);

describe('a message that anybody may send', () => {
  it.each([
    '{"duration":{"toString":1}}',
    '{"duration":{"toString":1,"valueOf":2}}',
    '{"duration":[{"toString":1}]}',
    '{"duration":["1h"]}',
    '{"duration":3}',
    '{"duration":"9999999999999999999999999999999999d"}',
    '{"costUsd":1e999}',
    '{"__proto__":5}',
  ])('is refused as a share, and does not throw: %s', (text) => {
    expect(checkShare(parse(text))).toMatchObject({ ok: false, refusal: expect.any(String) });
  });

  it.each(['{"a":1e999}', '{"a":[{"b":-1e999}]}'])(
    'holds no number that cannot be written as JSON, on which a digest would throw: %s',
    (args) => {
      expect(checkDecision('approve', parse(`{"args":${args},"scope":"values"}`))).toMatchObject({
        ok: false,
        refusal: expect.stringContaining('number'),
      });
    },
  );

  it('is not looked at byte by byte where it is bytes', () => {
    const bytes = new Uint8Array(2_000_000).fill(1);
    checkDecision('approve', bytes);

    const startedAt = performance.now();
    const checked = checkDecision('approve', bytes);

    expect(checked).toMatchObject({ ok: false, refusal: expect.stringContaining('must be empty or an object') });
    expect(performance.now() - startedAt).toBeLessThan(20);
  });

  it('has a name that is no longer than names are', () => {
    const checked = checkDecision('deny', { by: 'b'.repeat(10_000) });

    expect(checked.ok && checked.value.by?.length).toBe(200);
  });
});

describe('INVARIANT A2: a bare yes to one kind of question', () => {
  const deskAfter = (kind: 'effect' | 'review' | 'compensation', id: string): DeskState => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { who: anybody }));
    ruleDecision(desk, { name: 'approve' }, 0);
    openDecision(desk, makePending(id, { who: anybody, kind, may: ['approve', 'deny'] }));
    return desk;
  };

  it.each([
    { kind: 'effect', id: 's1.c1-bbbb' },
    { kind: 'review', id: 'task-bbbb' },
    { kind: 'compensation', id: 'task-bbbb' },
  ] as const)('is no yes to another kind, from a page that was not reloaded: $kind', ({ kind, id }) => {
    const desk = deskAfter(kind, id);

    expect(ruleDecision(desk, { name: 'approve' }, 5_000)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining(`name ${id}`),
    });
    expect(ruleDecision(desk, { name: 'approve', target: id }, 6_000)).toMatchObject({ ok: true });
  });

  it('counts for the next one of the same kind', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { who: anybody }));
    ruleDecision(desk, { name: 'approve' }, 0);
    openDecision(desk, makePending('s2.c1-bbbb', { who: anybody }));

    expect(ruleDecision(desk, { name: 'approve' }, 5_000)).toMatchObject({ ok: true });
  });
});

describe('INVARIANT A2: a bare message that the question before does not take', () => {
  const ask = { kind: 'answer', may: ['answer', 'deny'], who: anybody } as const;
  const decided = (first: Partial<PendingDecision>, message: Parameters<typeof ruleDecision>[1]): DeskState => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { who: anybody, ...first }));
    expect(ruleDecision(desk, message, 0)).toMatchObject({ ok: true });
    return desk;
  };

  it.each([{ target: 's1.c1-aaaa' }, {}])('is an answer, also right after a call was approved: %j', (named) => {
    const desk = decided({}, { name: 'approve', ...named });
    openDecision(desk, makePending('s2.c1-bbbb', ask));

    expect(ruleDecision(desk, { name: 'deny' }, 10)).toMatchObject({ ok: false });
    expect(ruleDecision(desk, { name: 'answer', text: 'B' }, 20)).toMatchObject({ ok: true });
  });

  it.each([{ target: 's1.c1-aaaa' }, {}])('is a yes, also right after a question was answered: %j', (named) => {
    const desk = decided(ask, { name: 'answer', text: 'B', ...named });
    openDecision(desk, makePending('s2.c1-bbbb', { who: anybody }));

    expect(ruleDecision(desk, { name: 'approve' }, 10)).toMatchObject({ ok: true });
  });

  it('still may be meant for what waited before that', () => {
    const desk = decided({}, { name: 'approve', target: 's1.c1-aaaa' });
    openDecision(desk, makePending('s2.c1-bbbb', ask));
    ruleDecision(desk, { name: 'answer', text: 'B' }, 10);
    openDecision(desk, makePending('s3.c1-cccc', { who: anybody }));

    expect(ruleDecision(desk, { name: 'approve' }, 20)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('s1.c1-aaaa was decided just before'),
    });
  });
});

describe('a question whose arguments are changed again and again', () => {
  const change = (desk: DeskState, from: string, times: number): string => {
    let id = from;
    for (let count = 1; count <= times; count++) {
      const next = makePending(`${from}${count}`, { who: anybody });
      replaceDecision(desk, { id, next }, 0);
      id = next.id;
    }
    return id;
  };

  it('is still known to who waits for it', () => {
    const desk = emptyDesk();
    openDecision(desk, makePending('s1.c1-aaaa', { who: anybody }));

    const last = change(desk, 's1.c1-aaaa', 1_000);

    expect(currentId(desk, 's1.c1-aaaa')).toBe(last);
    expect(JSON.stringify(desk).length).toBeLessThan(100_000);
  });

  it('does not make the desk forget another one, decided or not', () => {
    const desk = emptyDesk();
    for (const id of ['s1.c1-aaaa', 's1.c2-bbbb', 's1.c3-cccc']) openDecision(desk, makePending(id, { who: anybody }));
    const [two, three] = [change(desk, 's1.c2-bbbb', 1), change(desk, 's1.c3-cccc', 1)];
    ruleDecision(desk, { name: 'approve', target: three }, 0);

    change(desk, 's1.c1-aaaa', 1_000);

    expect(currentId(desk, 's1.c2-bbbb')).toBe(two);
    expect(currentId(desk, 's1.c3-cccc')).toBe(three);
  });

  it('leaves a desk that does not grow with the questions of a long task', () => {
    const desk = emptyDesk();
    for (let count = 0; count < 10_000; count++) {
      const id = `s${count}.c1-aaaa`;
      openDecision(desk, makePending(id, { who: anybody }));
      withdrawDecision(desk, change(desk, id, 1), 0);
    }

    expect(JSON.stringify(desk).length).toBeLessThan(150_000);
  });
});
