import { describe, expect, it } from 'vitest';
import type { LedgerStart } from '../../src/gateway/ports.ts';
import { until } from '../support/waiting.ts';
import { begin, kindsOf, makeEntry, makeStart, makeTask, rowOf, settle, sqlClient, testStore } from './support.ts';

const SEMANTIC = 'refund:order-17';
const holder = (over: Partial<LedgerStart> = {}) => makeStart(makeTask(), { semanticKey: SEMANTIC, ...over });
const undoOf = (start: LedgerStart): LedgerStart =>
  makeStart(start.task, { kind: 'undo', key: `${start.key}/undo`, audit: makeEntry({ type: 'compensation' }) });

describe('a semantic key', () => {
  it('INVARIANT E6: is held by one of many tasks that start at the same moment', async () => {
    const store = await testStore();

    const results = await Promise.all(Array.from({ length: 20 }, () => store.ledger.start(holder())));

    expect(kindsOf(results)).toEqual({ started: 1, taken: 19 });
    const row = await store.ledger.findSemantic(undefined, SEMANTIC);
    expect(results.filter(({ kind }) => kind === 'taken')).toEqual(
      Array.from({ length: 19 }, () => ({ kind: 'taken', row: { ...row, leaseLeftMs: expect.any(Number) as number } })),
    );
  });

  it('INVARIANT E6: is scoped by the tenant of the principal', async () => {
    const store = await testStore();
    for (const tenant of [undefined, '', 'a', 'b']) await begin(store, holder({ principal: { id: 'ann', tenant } }));

    expect(await store.ledger.start(holder({ principal: { id: 'bob', tenant: 'a' } }))).toMatchObject({
      kind: 'taken',
    });
    expect(await store.ledger.findSemantic('a', SEMANTIC)).toMatchObject({ principal: { tenant: 'a' } });
    expect(await store.ledger.findSemantic('c', SEMANTIC)).toBeUndefined();
  });

  it('is free again after a failure, and not while the effect is unknown', async () => {
    const store = await testStore();
    const first = holder();
    const token = await begin(store, first);
    await settle(store, first, token, { state: 'unknown' });
    expect(await store.ledger.start(holder())).toMatchObject({ kind: 'taken', row: { state: 'unknown' } });

    await store.ledger.resolve(first.key, { state: 'failed' });

    await begin(store, holder());
    // The failed one cannot come back over the new holder.
    expect(await store.ledger.restart(await rowOf(store, first), 1_000, makeEntry())).toBeUndefined();
  });

  it('INVARIANT E6: is free again in the moment in which its effect is undone, not before', async () => {
    const store = await testStore();
    const first = holder();
    await settle(store, first, await begin(store, first), { state: 'succeeded' });
    const undo = undoOf(first);
    const token = await begin(store, undo);
    expect(await store.ledger.start(holder())).toMatchObject({ kind: 'taken' });

    expect(await settle(store, undo, token, { state: 'succeeded' })).toBe(true);

    expect(await rowOf(store, first)).toMatchObject({ state: 'succeeded', isUndone: true });
    await begin(store, holder());
  });

  it('stays held when the undo failed, and is freed when it is tried again', async () => {
    const store = await testStore();
    const first = holder();
    await settle(store, first, await begin(store, first), { state: 'succeeded' });
    const undo = undoOf(first);
    await settle(store, undo, await begin(store, undo), { state: 'failed', error: 'no' });
    expect(await rowOf(store, first)).toMatchObject({ isUndone: false });
    expect(await store.ledger.start(holder())).toMatchObject({ kind: 'taken' });

    const again = await store.ledger.restart(await rowOf(store, undo), 1_000, makeEntry());
    await settle(store, undo, again?.token ?? '', { state: 'unknown' });
    await store.ledger.resolve(undo.key, { state: 'succeeded' });

    expect(await rowOf(store, first)).toMatchObject({ isUndone: true });
    await begin(store, holder());
  });

  it('may be as long and as odd as a tool makes it', async () => {
    const store = await testStore();
    const semanticKey = `\0${'x'.repeat(1_000_000)}\ud800`;
    await begin(store, holder({ semanticKey }));

    expect(await store.ledger.start(holder({ semanticKey }))).toMatchObject({ kind: 'taken', row: { semanticKey } });
    expect(await store.ledger.start(holder({ semanticKey: `${semanticKey}!` }))).toMatchObject({ kind: 'started' });
  });
});

describe('reliance', () => {
  it('names the other tasks, each once, that were answered with an effect', async () => {
    const store = await testStore();
    const first = holder();
    await begin(store, first);
    const by = { ...makeTask(), callId: 's2.c1' };

    await store.ledger.relyOn(first.key, by);
    await store.ledger.relyOn(first.key, by);
    await store.ledger.relyOn(first.key, { ...by, callId: 's3.c1' });
    await store.ledger.relyOn(first.key, { ...first.task, callId: 's9.c1' });

    expect(await store.ledger.reliedOnBy(first.key)).toEqual([by.taskId]);
  });

  it('INVARIANT E6: whoever relies on an effect is seen by its undo, or is told to look again', async () => {
    const store = await testStore();
    const rounds = Array.from({ length: 20 }, async (_, i) => {
      const first = holder({ semanticKey: `k-${i}` });
      await settle(store, first, await begin(store, first), { state: 'succeeded' });
      const by = { ...makeTask(), callId: 's2.c1' };

      const [relied, seen] = await Promise.all([
        store.ledger.relyOn(first.key, by).then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ type: 'Effect.Busy', nonRetryable: false });
            return false;
          },
        ),
        begin(store, undoOf(first)).then(() => store.ledger.reliedOnBy(first.key)),
      ]);

      return { relied, seen: seen.length > 0 };
    });
    for (const { relied, seen } of await Promise.all(rounds)) expect(relied).toBe(seen);
  });

  it('INVARIANT E6: waits for an undo that is just beginning, and then looks again', async () => {
    const store = await testStore();
    const first = holder();
    await settle(store, first, await begin(store, first), { state: 'succeeded' });
    const client = await sqlClient();
    await client.query('begin');
    await client.query(`update holdfast.effects set undo = 'started' where key = $1`, [first.key]);

    const relied = store.ledger.relyOn(first.key, { ...makeTask(), callId: 's2.c1' }).catch((error: unknown) => error);
    await until(async () => {
      const { rowCount } = await client.query(
        'select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))',
      );
      return rowCount === 0 ? undefined : true;
    }, 'it waits');
    await client.query('commit');

    expect(await relied).toMatchObject({ type: 'Effect.Busy', nonRetryable: false });
    expect(await store.ledger.reliedOnBy(first.key)).toEqual([]);
  });
});
