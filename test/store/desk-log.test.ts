import { describe, expect, it } from 'vitest';
import { verifyTrail } from '../../src/domain/verify-trail.ts';
import type { AuditAnchor } from '../../src/gateway/ports.ts';
import { makeEnd, makeEvent, makeSubject, noMessages, tellAll } from '../support/desk-events.ts';
import { migratedStore } from '../support/store.ts';
import { until } from '../support/waiting.ts';
import { begin, makeEntry, makeStart, makeTask, sqlClient, testStore } from './support.ts';

const trailOf = async (store: Awaited<ReturnType<typeof testStore>>, task: ReturnType<typeof makeTask>) =>
  await store.audit.page(task, { after: 0, limit: 1_000 });

const outboxCount = async (namespace: string): Promise<number> => {
  const { rows } = await (await sqlClient()).query(
    'select count(*)::integer as count from holdfast.outbox where namespace = $1',
    [namespace],
  );
  return (rows[0] as { count: number }).count;
};

describe('what happens at the desk', () => {
  it('is kept with an entry in the trail, a row for a question that ended, and a message for each endpoint', async () => {
    const store = await testStore();
    const task = makeTask();
    const events = [makeEvent(), makeEnd('approved', 5_000)];

    const anchor = await store.deskLog.record(makeSubject(task, { tenant: 'acme' }), events, tellAll('ops', 'chat'));

    const trail = await trailOf(store, task);
    expect(trail).toMatchObject([
      {
        entry: {
          type: 'decision',
          callId: 's1.c1',
          tool: 'orders.refund',
          agent: 'clerk',
          principal: 'ana',
          tenant: 'acme',
          argsDigest: '',
          detail: { id: 's1.c1-7f3a/asked', type: 'asked', rule: 'refunds' },
        },
      },
      { entry: { detail: { type: 'decided', human: { decision: 'approved', by: 'ben', verified: true } } } },
    ]);
    expect(anchor).toEqual({ seq: 2, hash: trail[1]?.hash });
    expect((await store.deskLog.decisions({}, { limit: 10 })).decisions).toEqual([
      {
        ...task,
        id: 's1.c1-7f3a',
        kind: 'approval',
        callId: 's1.c1',
        tool: 'orders.refund',
        agent: 'clerk',
        rule: 'refunds',
        policies: ['refunds-ask'],
        codes: ['policy.ask'],
        risk: 'high',
        confidence: 0.8,
        askedAt: '2026-03-01T10:00:00.000Z',
        decidedAt: '2026-03-01T10:00:05.000Z',
        outcome: 'approved',
        by: 'ben',
        verified: true,
      },
    ]);
    expect(await outboxCount(store.namespace)).toBe(4);
  });

  it('is kept once, however often it is reported, also in another order and together with something new', async () => {
    const store = await testStore();
    const subject = makeSubject(makeTask());
    const [asked, decided] = [makeEvent(), makeEnd('denied', 1_000)];
    const first = await store.deskLog.record(subject, [asked, asked], tellAll('ops'));

    expect(await store.deskLog.record(subject, [asked], tellAll('ops'))).toEqual(first);
    const second = await store.deskLog.record(subject, [decided, asked, decided], tellAll('ops'));

    expect(await store.deskLog.record(subject, [], tellAll('ops'))).toEqual(second);
    expect(second?.seq).toBe(2);
    expect(await outboxCount(store.namespace)).toBe(2);
    expect((await store.deskLog.decisions({}, { limit: 10 })).decisions).toHaveLength(1);
  });

  it('is kept once by workers that report the same batch at the same moment', async () => {
    const namespace = `n-${crypto.randomUUID()}`;
    const stores = await Promise.all(Array.from({ length: 6 }, () => testStore({ namespace })));
    const [store] = stores;
    if (store === undefined) throw new Error('no store');
    const task = makeTask();
    const events = Array.from({ length: 20 }, (_, n) => makeEnd('approved', 1_000, { decisionId: `s${n}.c1-aaaa` }));

    const anchors = await Promise.all(
      stores.flatMap(({ deskLog }, n) => [
        deskLog.record(makeSubject(task), n % 2 === 0 ? events : events.toReversed(), tellAll('ops')),
        deskLog.record(makeSubject(task), events.slice(n), tellAll('ops')),
      ]),
    );

    const trail = await trailOf(store, task);
    expect(trail).toHaveLength(20);
    expect(verifyTrail(trail, anchors as AuditAnchor[])).toEqual({ ok: true, entries: 20 });
    expect((await store.deskLog.decisions({}, { limit: 100 })).decisions).toHaveLength(20);
    expect(await outboxCount(namespace)).toBe(20);
  });

  it('leaves nothing when one of its parts cannot be written, and succeeds when it is tried again', async () => {
    const store = await testStore();
    const task = makeTask();
    const events = [makeEvent(), makeEnd('approved', 1)];
    const broken = () => {
      throw new Error('no message can be made');
    };

    await expect(store.deskLog.record(makeSubject(task), events, broken)).rejects.toMatchObject({
      type: 'Store.Unavailable',
    });

    expect(await trailOf(store, task)).toEqual([]);
    expect((await store.deskLog.decisions({}, { limit: 10 })).decisions).toEqual([]);
    expect(await store.deskLog.record(makeSubject(task), events, noMessages)).toMatchObject({ seq: 2 });
  });

  it('goes on the trail of its life among other entries, in a chain that verifies', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    await begin(store, start);
    const anchor = await store.deskLog.record(makeSubject(start.task), [makeEvent()], noMessages);
    await store.audit.append(start.task, [makeEntry()]);
    const other = { ...start.task, epoch: 'e2' };
    await store.deskLog.record(makeSubject(other), [makeEvent()], noMessages);

    const rows = await trailOf(store, start.task);

    expect(rows.map(({ entry }) => entry.type)).toEqual(['attempt', 'decision', 'attempt']);
    expect(verifyTrail(rows, anchor === undefined ? [] : [anchor])).toEqual({ ok: true, entries: 3 });
    expect(await trailOf(store, other)).toHaveLength(1);
  });

  it('holds no arguments, and is bounded, whatever it was given', async () => {
    const store = await testStore();
    const task = makeTask();
    const ODD = 'a\0b\ud800c"\\\u0001json:';
    const human = {
      decision: 'edited',
      verified: false,
      at: '2026-03-01T10:00:01.000Z',
      args: { iban: 'DE00' },
    } as const;
    const huge = makeEnd('edited', 1, {
      id: `${ODD}${'i'.repeat(5_000)}`,
      decisionId: `${ODD}${'d'.repeat(5_000)}`,
      tool: `${ODD}${'t'.repeat(5_000)}`,
      rule: ODD,
      summary: 's'.repeat(100_000),
      codes: Array.from({ length: 5_000 }, () => 'code'),
      human: { ...human, by: ODD },
    });

    await store.deskLog.record(makeSubject(task, { agent: ODD }), [huge], noMessages);
    await store.deskLog.record(makeSubject(task, { agent: ODD }), [huge], noMessages);

    const trail = await trailOf(store, task);
    expect(trail).toHaveLength(1);
    expect(JSON.stringify(trail).length).toBeLessThan(40_000);
    expect(JSON.stringify(trail)).not.toContain('iban');
    expect(verifyTrail(trail, []).ok).toBe(true);
    const { decisions } = await store.deskLog.decisions({ rule: ODD, agent: ODD }, { limit: 10 });
    expect(decisions).toMatchObject([{ outcome: 'edited', by: ODD }]);
    expect((await store.deskLog.stats('rule', {}))[0]?.of).toBe(ODD);
  });

  it('is there as a whole or not at all when the connection dies under it', async () => {
    const url = await migratedStore();
    const store = await testStore({ url });
    const task = makeTask();
    await store.audit.append(task, [makeEntry()]);
    const client = await sqlClient(url);
    const events = [makeEvent(), makeEnd('approved', 1)];
    for (const table of ['lives', 'desk_events', 'audit_entries', 'decisions', 'outbox']) {
      await client.query(`begin; lock table holdfast.${table} in access exclusive mode`);
      const recording = store.deskLog.record(makeSubject(task), events, tellAll('ops')).catch((error) => error);
      const killer = await sqlClient(url);
      await until(async () => {
        const { rowCount } = await killer.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where wait_event_type = 'Lock' and application_name = 'holdfast' and datname = current_database()`,
        );
        return rowCount === 1 ? true : undefined;
      }, `the report waits for ${table}`);
      await client.query('rollback');

      expect(await recording).toMatchObject({ type: 'Store.Unavailable' });
      expect(await trailOf(store, task)).toHaveLength(1);
    }

    await store.deskLog.record(makeSubject(task), events, tellAll('ops'));

    expect(await trailOf(store, task)).toHaveLength(3);
    expect((await store.deskLog.decisions({}, { limit: 10 })).decisions).toHaveLength(1);
    expect((await store.outbox.state())[0]?.waiting).toBe(2);
  });
});
