import { describe, expect, it } from 'vitest';
import { begin, digest, kindsOf, makeEntry, makeStart, makeTask, rowOf, settle, testStore } from './support.ts';

const many = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('start', () => {
  it('INVARIANT E1: begins a key once, however many workers start it at the same moment', async () => {
    const stores = await Promise.all(many(4).map(() => testStore({ namespace: 'races' })));
    const start = makeStart(makeTask());

    const results = await Promise.all(many(20).map((i) => stores[i % 4]?.ledger.start(start) ?? Promise.reject()));

    expect(kindsOf(results)).toEqual({ started: 1, exists: 19 });
    expect(await stores[0]?.audit.append(start.task, [])).toMatchObject({ seq: 1 });
  });

  it('INVARIANT E2: appends to the audit trail in the same transaction, and not when nothing was begun', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());

    for (let i = 0; i < 3; i++) await store.ledger.start(start);

    expect(await store.audit.page(start.task, { after: 0, limit: 10 })).toMatchObject([{ seq: 1, entry: start.audit }]);
  });

  it('gives the row of a key that is there, and keeps it as it is', async () => {
    const store = await testStore();
    const start = makeStart(makeTask(), { snapshot: { before: 1 }, semanticKey: 'refund:1' });
    const token = await begin(store, start);

    const again = await store.ledger.start({ ...start, tool: 'other' });

    expect(again).toMatchObject({
      kind: 'exists',
      row: { tool: 'orders.refund', state: 'started', token, attempts: 1, snapshot: { before: 1 }, task: start.task },
    });
  });

  it('INVARIANT E5: another arguments digest under a key is an error', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    await begin(store, start);

    await expect(store.ledger.find(start.key, digest('other'))).rejects.toMatchObject({
      type: 'Ledger.KeyConflict',
      nonRetryable: true,
    });
    expect(await store.ledger.find('no/such/key', digest('x'))).toBeUndefined();
  });

  it('INVARIANT E2: an approval is used once, by one of many calls that bring it at the same moment', async () => {
    const store = await testStore();
    const task = makeTask();
    const approval = `${task.taskId}/e1/d1`;

    const results = await Promise.all(
      many(10).map((i) => store.ledger.start(makeStart(task, { key: `${task.taskId}/e1/s1.c${i}/x`, approval }))),
    );

    expect(kindsOf(results)).toEqual({ started: 1, approval_used: 9 });
    expect(await store.ledger.ofTask(task, { limit: 100 })).toHaveLength(1);
    expect(await store.audit.append(task, [])).toMatchObject({ seq: 1 });
  });

  it('INVARIANT E2: a start that is refused leaves the approval unused', async () => {
    const store = await testStore();
    const task = makeTask();
    await begin(store, makeStart(makeTask(), { semanticKey: 'refund:1' }));
    const approved = makeStart(task, { approval: 'd1' });

    expect(await store.ledger.start({ ...approved, semanticKey: 'refund:1' })).toMatchObject({ kind: 'taken' });
    expect(await store.audit.append(task, [])).toBeUndefined();
    expect(await store.ledger.start(approved)).toMatchObject({ kind: 'started' });
  });

  it('INVARIANT A1: is refused when a newer policy set is known than judged the call', async () => {
    const store = await testStore();
    const old = await store.policyEpochs.register(digest('p1'));
    const start = makeStart(makeTask(), { policyEpoch: old.epoch });
    await store.policyEpochs.register(digest('p2'));

    expect(await store.ledger.start(start)).toEqual({ kind: 'policy_behind', epoch: 2 });
    expect(await store.ledger.find(start.key, start.argsDigest)).toBeUndefined();
    expect(await store.ledger.start({ ...start, policyEpoch: 2 })).toMatchObject({ kind: 'started' });
    expect(await store.ledger.start(start)).toMatchObject({ kind: 'exists' });
  });

  it('keeps namespaces apart', async () => {
    const start = makeStart(makeTask(), { semanticKey: 's', approval: 'a' });
    await begin(await testStore(), start);

    expect(await (await testStore()).ledger.start(start)).toMatchObject({ kind: 'started' });
  });
});

describe('attempts', () => {
  it('INVARIANT E4: a lease ends by the clock of the database, and only then may another attempt begin', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    await begin(store, start);
    const row = await rowOf(store, start);

    expect(row.leaseLeftMs).toBeGreaterThan(50_000);
    expect(await store.ledger.restart(row, 1_000, makeEntry())).toBeUndefined();
    expect(await store.ledger.resolve(start.key, { state: 'failed' })).toBe(false);

    expect(await store.ledger.renew(start.key, row.token, 0)).toBe(true);
    expect((await rowOf(store, start)).leaseLeftMs).toBe(0);
    const again = await Promise.all(many(10).map(() => store.ledger.restart(row, 60_000, makeEntry())));
    expect(again.filter((each) => each !== undefined)).toMatchObject([{ attempts: 2 }]);
    expect((await rowOf(store, start)).leaseLeftMs).toBeGreaterThan(50_000);
    expect(await store.audit.append(start.task, [])).toMatchObject({ seq: 2 });
  });

  it('INVARIANT E4: a zombie settles and prolongs nothing', async () => {
    const store = await testStore();
    const start = makeStart(makeTask(), { leaseMs: 0 });
    const zombie = await begin(store, start);
    const next = await store.ledger.restart(await rowOf(store, start), 60_000, makeEntry());

    expect(await settle(store, start, zombie, { state: 'failed', error: 'late' })).toBe(false);
    expect(await store.ledger.renew(start.key, zombie, 60_000)).toBe(false);
    expect(await rowOf(store, start)).toMatchObject({ state: 'started', error: null });
    expect(await settle(store, start, next?.token ?? '', { state: 'succeeded', output: 7 })).toBe(true);
    expect(await settle(store, start, 'not a token', { state: 'failed' })).toBe(false);
    expect(await rowOf(store, start)).toMatchObject({ state: 'succeeded', output: 7, attempts: 2, leaseLeftMs: 0 });
  });

  it('a settlement may be repeated when its reply was lost, and not changed', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    const token = await begin(store, start);

    expect(await settle(store, start, token, { state: 'succeeded', output: 1 })).toBe(true);
    expect(await settle(store, start, token, { state: 'succeeded', output: 1 })).toBe(true);
    expect(await settle(store, start, token, { state: 'failed' })).toBe(false);
    expect(await rowOf(store, start)).toMatchObject({ state: 'succeeded', output: 1 });
  });

  it('an unknown effect is resolved once, and the attempt that left it cannot settle it any more', async () => {
    const store = await testStore();
    const start = makeStart(makeTask());
    const token = await begin(store, start);
    await settle(store, start, token, { state: 'unknown', error: 'lost reply' });

    const results = await Promise.all(
      many(8).map((i) => store.ledger.resolve(start.key, { state: 'succeeded', output: i })),
    );

    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await settle(store, start, token, { state: 'unknown' })).toBe(false);
    expect(await store.ledger.restart(await rowOf(store, start), 1_000, makeEntry())).toBeUndefined();
  });

  it('a started effect is resolved after its lease, and then its runner comes too late', async () => {
    const store = await testStore();
    const start = makeStart(makeTask(), { leaseMs: 0 });
    const token = await begin(store, start);

    expect(await store.ledger.resolve(start.key, { state: 'failed', error: 'it did not happen' })).toBe(true);
    expect(await settle(store, start, token, { state: 'succeeded' })).toBe(false);
    expect(await rowOf(store, start)).toMatchObject({ state: 'failed', error: 'it did not happen' });
  });

  it('pages through the rows of a task in the order in which they began', async () => {
    const store = await testStore();
    const task = makeTask();
    const keys = many(5).map((i) => `${task.taskId}/e1/s1.c${9 - i}/x`);
    for (const key of keys) await begin(store, makeStart(task, { key }));
    await begin(store, makeStart(makeTask()));

    const first = await store.ledger.ofTask(task, { limit: 2 });
    const rest = await store.ledger.ofTask(task, { after: first[1]?.key ?? '', limit: 10 });

    expect([...first, ...rest].map(({ key }) => key)).toEqual(keys);
  });
});
