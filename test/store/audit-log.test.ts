import { describe, expect, it } from 'vitest';
import { verifyTrail } from '../../src/domain/verify-trail.ts';
import type { AuditAnchor, ControlStore, TaskRef } from '../../src/gateway/ports.ts';
import { makeEntry, makeTask, sqlClient, testStore } from './support.ts';

const readAll = async (store: ControlStore, task: TaskRef) => store.audit.page(task, { after: 0, limit: 1_000 });
const entries = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => makeEntry({ callId: `s1.c${from + i}` }));

describe('the audit log', () => {
  it('has nothing for a task without entries', async () => {
    const store = await testStore();
    expect(await store.audit.append(makeTask(), [])).toBeUndefined();
    expect(await readAll(store, makeTask())).toEqual([]);
  });

  it('chains entries in order, by the hash that the domain computes, and gives the last one as anchor', async () => {
    const store = await testStore();
    const task = makeTask();

    await store.audit.append(task, entries(1, 3));
    const anchor = await store.audit.append(task, entries(4, 1));

    const rows = await readAll(store, task);
    expect(rows.map(({ seq, entry }) => [seq, entry.callId])).toEqual([1, 2, 3, 4].map((n) => [n, `s1.c${n}`]));
    expect(anchor).toEqual({ seq: 4, hash: rows[3]?.hash });
    expect(await store.audit.append(task, [])).toEqual(anchor);
    expect(rows[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(verifyTrail(rows, [anchor as AuditAnchor])).toEqual({ ok: true, entries: 4 });
    expect(await store.audit.page(task, { after: 2, limit: 1 })).toEqual([rows[2]]);
  });

  it('does not fork when many workers append to a trail at the same moment, also to one that is new', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => testStore({ namespace: 'forks' })));
    const task = makeTask();

    const anchors = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => stores[i % 4]?.audit.append(task, entries(i * 10, 3))),
    );

    const rows = await readAll(stores[0] as ControlStore, task);
    expect(rows).toHaveLength(120);
    expect(verifyTrail(rows, anchors as AuditAnchor[])).toEqual({ ok: true, entries: 120 });
  });

  it('keeps lives, tasks and namespaces apart, and names the lives that have a trail', async () => {
    const store = await testStore();
    const { taskId } = makeTask();
    for (const epoch of ['e1', 'e2']) await store.audit.append({ taskId, epoch }, entries(1, 2));
    await store.artifacts.put({ taskId, epoch: 'e3' }, { bytes: new Uint8Array(1), mediaType: 'text/plain' });

    expect(await store.audit.epochs(taskId)).toEqual(['e1', 'e2']);
    expect(await (await testStore()).audit.epochs(taskId)).toEqual([]);
    expect(await readAll(store, { taskId, epoch: 'e2' })).toHaveLength(2);
  });

  it('keeps what entries hold, whatever that is: NUL, quotes, emoji, deep and large', async () => {
    const store = await testStore();
    const task = makeTask();
    const detail = { 'a\0"\\': ['\u{1F600}', '\u2028', 1e21, -0, null], big: 'é'.repeat(200_000) };

    await store.audit.append(task, [
      makeEntry({ detail, tenant: undefined }),
      makeEntry({ detail: { lone: '\ud800' } }),
    ]);

    const rows = await readAll(store, task);
    expect(rows[0]?.entry.detail).toEqual({ ...detail, 'a\0"\\': ['\u{1F600}', '\u2028', 1e21, 0, null] });
    expect(rows[1]?.entry.detail).toEqual({ lone: '\ufffd' });
    expect(verifyTrail(rows, [])).toEqual({ ok: true, entries: 2 });
  });

  it.each([
    { name: 'changed', sql: `update a set entry = replace(entry, 's1.c3', 's9.c9') where seq = 3`, seqs: [3] },
    { name: 'changed to what is not JSON', sql: `update a set entry = 'gone' where seq = 3`, seqs: [3] },
    { name: 'changed, its time', sql: `update a set at = at + interval '1 ms' where seq = 3`, seqs: [3] },
    { name: 'removed', sql: 'delete from a where seq = 3', seqs: [3] },
    { name: 'removed, the last', sql: 'delete from a where seq = 6', seqs: [6] },
    { name: 'put in', sql: `insert into a select life_id, 7, at, entry, hash from a where seq = 2`, seqs: [7] },
    {
      name: 'moved',
      sql: 'update a set seq = -2 where seq = 2; update a set seq = 2 where seq = 5; update a set seq = 5 where seq = -2',
      seqs: [2, 5],
    },
  ])('an entry that was $name in the database is found and named', async ({ sql, seqs }) => {
    const store = await testStore();
    const task = makeTask();
    const anchor = (await store.audit.append(task, entries(1, 6))) as AuditAnchor;
    const client = await sqlClient();
    await client.query(
      `create temporary view a as select a.* from holdfast.audit_entries a where life_id = (select id from holdfast.lives where task_id = '${task.taskId}')`,
    );

    await client.query(sql);

    const verdict = verifyTrail(await readAll(store, task), [anchor]);
    expect(verdict.ok ? [] : verdict.problems.map(({ seq }) => seq)).toEqual(seqs);
  });
});
