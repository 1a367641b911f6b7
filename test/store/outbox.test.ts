import { describe, expect, inject, it } from 'vitest';
import type { ControlStore } from '../../src/gateway/ports.ts';
import { connect } from '../../src/store/connection.ts';
import { purge } from '../../src/store/retention.ts';
import { makeEvent, makeSubject, tellAll } from '../support/desk-events.ts';
import { makeTask, sqlClient, testStore } from './support.ts';

/** Puts so many messages into the outbox. */
const fill = async (store: ControlStore, count: number, ...endpoints: readonly string[]): Promise<void> => {
  const events = Array.from({ length: count }, (_, n) => makeEvent({ decisionId: `s${n}.c1-aaaa` }));
  await store.deskLog.record(makeSubject(makeTask()), events, tellAll(...endpoints));
};

const TAKE = { limit: 10, leaseMs: 60_000 };

const move = async (namespace: string, change: string): Promise<void> => {
  await (await sqlClient()).query(`update holdfast.outbox set ${change} where namespace = $1`, [namespace]);
};

describe('the outbox', () => {
  it('gives each message to one of many that ask at the same moment', async () => {
    const namespace = `n-${crypto.randomUUID()}`;
    const stores = await Promise.all(Array.from({ length: 8 }, () => testStore({ namespace })));
    const [store] = stores;
    if (store === undefined) throw new Error('no store');
    await fill(store, 40, 'ops');

    const taken = await Promise.all(stores.map(({ outbox }) => outbox.claim('ops', TAKE)));

    const ids = taken.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await Promise.all(Array.from({ length: 4 }, () => store.outbox.claim('ops', TAKE)));
    expect(new Set([...ids, ...rest.flat().map(({ id }) => id)]).size).toBe(40);
  });

  it('gives a message again, with its id, when the lease has ended and nobody said how it went', async () => {
    const store = await testStore();
    await fill(store, 1, 'ops');
    const [first] = await store.outbox.claim('ops', { limit: 1, leaseMs: 0 });

    const [second] = await store.outbox.claim('ops', TAKE);

    expect([first?.attempts, second]).toEqual([0, { ...first, attempts: 1, ageMs: expect.any(Number) }]);
    expect(await store.outbox.claim('ops', TAKE)).toEqual([]);
  });

  it('forgets what was delivered, tries the rest later, and keeps what was given up', async () => {
    const store = await testStore();
    await fill(store, 3, 'ops');
    const [one, two, three] = await store.outbox.claim('ops', TAKE);
    if (one === undefined || two === undefined || three === undefined) throw new Error('not three');

    await store.outbox.delivered(one.id);
    await store.outbox.failed(two, 'answered with 500', 60_000);
    await store.outbox.failed(three, 'answered with 410', null);

    expect(await store.outbox.claim('ops', TAKE)).toEqual([]);
    expect(await store.outbox.state()).toEqual([
      {
        endpoint: 'ops',
        waiting: 1,
        givenUp: 1,
        oldest: expect.stringMatching(/^\d{4}-.*Z$/),
        error: expect.any(String),
      },
    ]);
    await move(store.namespace, `next_at = now()`);
    expect((await store.outbox.claim('ops', TAKE)).map(({ id }) => id)).toEqual([two.id]);
  });

  it('does not let a slow worker undo what another one has begun since', async () => {
    const store = await testStore();
    await fill(store, 1, 'ops');
    const [slow] = await store.outbox.claim('ops', { limit: 1, leaseMs: 0 });
    const [quick] = await store.outbox.claim('ops', TAKE);
    if (slow === undefined || quick === undefined) throw new Error('not claimed');

    await store.outbox.failed(slow, 'timed out', 0);
    expect(await store.outbox.claim('ops', TAKE)).toEqual([]);

    await store.outbox.failed(slow, 'timed out', null);
    expect(await store.outbox.state()).toMatchObject([{ waiting: 1, givenUp: 0, error: null }]);

    await store.outbox.delivered(quick.id);
    expect(await store.outbox.state()).toEqual([]);
  });

  it('hurries what waits for its next attempt, not what is being sent', async () => {
    const store = await testStore();
    await fill(store, 2, 'ops', 'chat');
    const [one, two] = await store.outbox.claim('ops', TAKE);
    const chat = await store.outbox.claim('chat', TAKE);
    if (one === undefined || two === undefined) throw new Error('not two');
    for (const each of [one, ...chat]) await store.outbox.failed(each, 'answered with 503', 3_600_000);

    await store.outbox.hurry('ops');

    expect((await store.outbox.claim('ops', TAKE)).map(({ id }) => id)).toEqual([one.id]);
    expect(await store.outbox.claim('chat', TAKE)).toEqual([]);
  });

  it('is that of one task queue of one namespace: others have endpoints of the same name elsewhere', async () => {
    const store = await testStore();
    await fill(store, 1, 'ops');
    const others = [await testStore({ namespace: store.namespace, taskQueue: 'other' }), await testStore()];

    for (const { outbox } of others) {
      expect(await outbox.claim('ops', TAKE)).toEqual([]);
      expect(await outbox.state()).toEqual([]);
    }
    expect(await store.outbox.claim('chat', TAKE)).toEqual([]);
    expect(await store.outbox.claim('ops', TAKE)).toHaveLength(1);
  });

  it('is emptied of what nobody sends any more, after 33 days', async () => {
    const store = await testStore();
    await fill(store, 3, 'ops');
    const connection = connect(inject('store'));
    await move(store.namespace, `created_at = now() - interval '32 days', given_up_at = now()`);
    await purge(connection, { namespace: store.namespace, olderThanDays: 90 });
    expect((await store.outbox.state())[0]?.givenUp).toBe(3);

    await move(store.namespace, `created_at = now() - interval '34 days'`);
    await purge(connection, { namespace: store.namespace, olderThanDays: 90 });

    expect(await store.outbox.state()).toEqual([]);
    await connection.close();
  });
});
