import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../src/domain/desk-event.ts';
import { makeEnd, makeEvent, makeSubject, noMessages } from '../support/desk-events.ts';
import { makeTask, testStore } from './support.ts';

const day = (n: number): string => `2026-03-${String(n).padStart(2, '0')}T10:00:00.000Z`;

let count = 0;
const ended = (...[decision, afterMs, over = {}]: Parameters<typeof makeEnd>): DeskEvent => {
  count += 1;
  return makeEnd(decision, afterMs, { decisionId: `s${count}.c1-aaaa`, ...over });
};

const storeWith = async (events: readonly DeskEvent[], agent = 'clerk') => {
  const store = await testStore();
  await store.deskLog.record(makeSubject(makeTask(), { agent }), events, noMessages);
  return store;
};

describe('calibration', () => {
  it('counts by rule and by tool, with the median time of what was decided', async () => {
    const store = await storeWith([
      ended('approved', 1_000),
      ended('approved', 3_000),
      ended('edited', 10_000),
      ended('denied', 20_000),
      ended('expired', 1_000_000),
      ended('withdrawn', 1_000_000),
      ended('answered', 500, { rule: 'default', tool: '', kind: 'answer' }),
      ended('expired', 500, { rule: 'mail', tool: 'mail.send' }),
      makeEvent({ type: 'voted' }),
    ]);

    const none = { asked: 0, approved: 0, edited: 0, denied: 0, answered: 0, expired: 0, withdrawn: 0 };
    const refunds = { ...none, asked: 6, approved: 2, edited: 1, denied: 1, expired: 1, withdrawn: 1, medianMs: 6_500 };
    expect(await store.deskLog.stats('rule', {})).toEqual([
      { of: 'refunds', ...refunds },
      { ...none, of: 'default', asked: 1, answered: 1, medianMs: 500 },
      { ...none, of: 'mail', asked: 1, expired: 1, medianMs: null },
    ]);
    expect((await store.deskLog.stats('tool', {})).map(({ of, asked }) => [of, asked])).toEqual([
      ['orders.refund', 6],
      ['', 1],
      ['mail.send', 1],
    ]);
  });

  it('is narrowed by time, rule, tool and agent, in every combination', async () => {
    const store = await storeWith([
      ended('approved', 0, { since: day(1) }),
      ended('denied', 0, { since: day(5) }),
      ended('denied', 0, { since: day(5), tool: 'mail.send' }),
      ended('denied', 0, { since: day(5), rule: 'mail', tool: 'mail.send' }),
    ]);
    await store.deskLog.record(
      makeSubject(makeTask(), { agent: 'other' }),
      [ended('approved', 0, { since: day(6) })],
      noMessages,
    );

    const counts = async (...[filter]: [Parameters<typeof store.deskLog.stats>[1]]) => {
      const sum = (stats: readonly { asked: number }[]): number => stats.reduce((all, { asked }) => all + asked, 0);
      const [rules, tools, page] = await Promise.all([
        store.deskLog.stats('rule', filter),
        store.deskLog.stats('tool', filter),
        store.deskLog.decisions(filter, { limit: 100 }),
      ]);
      expect([sum(tools), page.decisions.length]).toEqual([sum(rules), sum(rules)]);
      return sum(rules);
    };
    expect(await counts({})).toBe(5);
    expect(await counts({ since: day(2) })).toBe(4);
    expect(await counts({ rule: 'refunds' })).toBe(4);
    expect(await counts({ rule: 'refunds', since: day(2) })).toBe(3);
    expect(await counts({ tool: 'mail.send' })).toBe(2);
    expect(await counts({ tool: 'mail.send', rule: 'refunds' })).toBe(1);
    expect(await counts({ agent: 'clerk' })).toBe(4);
    expect(await counts({ agent: 'other', rule: 'refunds', tool: 'orders.refund', since: day(1) })).toBe(1);
    expect(await counts({ agent: 'nobody' })).toBe(0);
  });

  it('leaves out calls that nobody was asked about, because of an approval from before', async () => {
    const at = day(1);
    const human = { decision: 'approved', verified: false, at, standing: 's1' } as const;
    const store = await storeWith([makeEvent({ type: 'decided', at, human }), makeEvent({ type: 'revoked', at })]);

    expect(await store.deskLog.stats('rule', {})).toEqual([]);
  });

  it('counts a question once: by what a person decided, where it had expired before and stayed', async () => {
    const of = { decisionId: 's1.c1-7f3a' };
    const [expired, decided, late] = [
      makeEnd('expired', 1_000, of),
      makeEnd('denied', 9_000, of),
      makeEnd('withdrawn', 99_000, of),
    ];
    for (const batches of [
      [[expired], [decided], [late]],
      [[decided], [expired]],
      [[expired, decided, late]],
      [[late, decided]],
    ]) {
      const store = await testStore();
      const subject = makeSubject(makeTask());
      for (const batch of batches) await store.deskLog.record(subject, batch, noMessages);

      expect(await store.deskLog.stats('rule', {})).toMatchObject([{ asked: 1, denied: 1, medianMs: 9_000 }]);
    }
    const paused = await storeWith([expired, late]);
    expect(await paused.deskLog.stats('rule', {})).toMatchObject([{ asked: 1, expired: 1, medianMs: null }]);
  });

  it('tells a question of the task from one with its id in the run that undoes it', async () => {
    const store = await storeWith([
      makeEnd('denied', 1, { id: 's1.c1-7f3a/decided' }),
      makeEnd('approved', 2, { id: 'a1b2c3d4/s1.c1-7f3a/decided' }),
    ]);

    expect(await store.deskLog.stats('rule', {})).toMatchObject([{ asked: 2, denied: 1, approved: 1 }]);
  });

  it('is that of one namespace', async () => {
    const store = await storeWith([ended('approved', 1)]);
    const other = await storeWith([]);

    expect(await store.deskLog.stats('tool', {})).toHaveLength(1);
    expect(await other.deskLog.stats('tool', {})).toEqual([]);
    expect((await other.deskLog.decisions({}, { limit: 10 })).decisions).toEqual([]);
  });
});

describe('decisions', () => {
  it('come newest first, each once over all pages, also when others are made meanwhile', async () => {
    // Three share one moment: the time alone would not tell them apart.
    const store = await storeWith([1, 2, 3, 3, 3, 4, 5].map((n) => ended('approved', 0, { since: day(n) })));
    const read: string[] = [];
    let next: string | null | undefined;
    for (let page = 0; next !== null; page++) {
      const got = await store.deskLog.decisions({}, { limit: 2, next: next ?? undefined });
      read.push(...got.decisions.map(({ id }) => id));
      if (page === 0) {
        await store.deskLog.record(makeSubject(makeTask()), [ended('denied', 0, { since: day(9) })], noMessages);
      }
      next = got.next;
    }

    const all = (await store.deskLog.decisions({}, { limit: 100 })).decisions;
    expect(all.map(({ decidedAt }) => decidedAt)).toEqual([9, 5, 4, 3, 3, 3, 2, 1].map(day));
    expect(read).toEqual(all.slice(1).map(({ id }) => id));
  });

  it('say that there is no other page after the last one', async () => {
    const store = await storeWith([ended('approved', 0), ended('approved', 0)]);

    expect((await store.deskLog.decisions({}, { limit: 2 })).next).toBeNull();
    expect((await store.deskLog.decisions({}, { limit: 1 })).next).not.toBeNull();
  });

  it.each(['', 'x', Buffer.from('1.2; drop').toString('base64url')])('refuse the token %j', async (next) => {
    const store = await testStore();

    await expect(store.deskLog.decisions({}, { limit: 1, next })).rejects.toMatchObject({ type: 'Store.Refused' });
  });
});
