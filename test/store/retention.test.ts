import { describe, expect, inject, it } from 'vitest';
import type { ControlStore, TaskRef } from '../../src/gateway/ports.ts';
import { connect } from '../../src/store/connection.ts';
import { purge } from '../../src/store/retention.ts';
import { makeEnd, makeEvent, makeSubject, noMessages } from '../support/desk-events.ts';
import { begin, digest, makeEntry, makeStart, makeTask, rowOf, settle, sqlClient, testStore } from './support.ts';

const age = async (namespace: string, days: number): Promise<void> => {
  const client = await sqlClient();
  for (const table of ['lives', 'tasks']) {
    await client.query(`update holdfast.${table} set touched_on = current_date - $2::integer where namespace = $1`, [
      namespace,
      days,
    ]);
  }
};

const rowsOf = async (namespace: string): Promise<Record<string, number>> => {
  const { rows } = await (await sqlClient()).query(
    `select (select count(*) from holdfast.tasks where namespace = $1)::integer as tasks,
      (select count(*) from holdfast.lives where namespace = $1)::integer as lives,
      (select count(*) from holdfast.effects where namespace = $1)::integer as effects,
      (select count(*) from holdfast.used_approvals where namespace = $1)::integer as approvals,
      (select count(*) from holdfast.decisions where namespace = $1)::integer as decisions,
      (select count(*) from holdfast.desk_events d join holdfast.lives l on l.id = d.life_id
        where l.namespace = $1)::integer as events`,
    [namespace],
  );
  return rows[0] as Record<string, number>;
};

/** A task that left something in every table. */
const live = async (store: ControlStore, state: 'succeeded' | 'unknown' | 'started'): Promise<TaskRef> => {
  const { taskId } = makeTask();
  const { epoch } = await store.tasks.register({
    taskId,
    firstRunId: 'r1',
    agent: 'clerk',
    principalId: 'ann',
    specDigest: digest('s'),
  });
  const start = makeStart({ taskId, epoch }, { approval: taskId });
  const token = await begin(store, start);
  if (state !== 'started') await settle(store, start, token, { state });
  await store.ledger.relyOn(start.key, { ...makeTask(), callId: 'c' });
  await store.artifacts.put(start.task, { bytes: new Uint8Array(1), mediaType: 'a/b' });
  await store.deskLog.record(makeSubject(start.task), [makeEvent(), makeEnd('approved', 1)], noMessages);
  return start.task;
};

describe('retention', () => {
  it('deletes all rows of tasks that were long without activity, in batches, and remembers their ids', async () => {
    const store = await testStore();
    const connection = connect(inject('store'));
    const tasks = await Promise.all(Array.from({ length: 60 }, () => live(store, 'succeeded')));
    await age(store.namespace, 91);

    expect(await purge(connection, { namespace: store.namespace, olderThanDays: 89.5 })).toBe(60);

    expect(await rowsOf(store.namespace)).toEqual({
      tasks: 60,
      lives: 0,
      effects: 0,
      approvals: 0,
      decisions: 0,
      events: 0,
    });
    // INVARIANT E5: the epoch is not given again.
    const again = { taskId: tasks[0]?.taskId ?? '', agent: 'clerk', principalId: 'ann', specDigest: digest('s') };
    expect(await store.tasks.register({ ...again, firstRunId: 'r2' })).toEqual({ epoch: 'e2' });
    await age(store.namespace, 361);
    await purge(connection, { namespace: store.namespace, olderThanDays: 90 });
    expect(await rowsOf(store.namespace)).toEqual({
      tasks: 0,
      lives: 0,
      effects: 0,
      approvals: 0,
      decisions: 0,
      events: 0,
    });
    await connection.close();
  });

  it.each(['started', 'unknown'] as const)('keeps a task whole that has an effect which is %s', async (state) => {
    const store = await testStore();
    const task = await live(store, state);
    await age(store.namespace, 10_000);
    const connection = connect(inject('store'));

    expect(await purge(connection, { namespace: store.namespace, olderThanDays: 1 })).toBe(0);

    expect(await rowOf(store, makeStart(task))).toMatchObject({ state });
    expect(await store.audit.page(task, { after: 0, limit: 10 })).toHaveLength(state === 'started' ? 3 : 4);
    expect(await rowsOf(store.namespace)).toMatchObject({ decisions: 1, events: 2 });
    await connection.close();
  });

  it('keeps what is younger, and what belongs to other namespaces', async () => {
    const [store, other] = [await testStore(), await testStore()];
    await live(store, 'succeeded');
    await live(other, 'succeeded');
    await age(store.namespace, 90);
    await age(other.namespace, 1_000);
    const connection = connect(inject('store'));

    expect(await purge(connection, { namespace: store.namespace, olderThanDays: 90 })).toBe(0);

    expect(await rowsOf(other.namespace)).toMatchObject({ lives: 1 });
    await connection.close();
  });

  it('counts from the last entry, artifact or event at the desk', async () => {
    const store = await testStore();
    const connection = connect(inject('store'));
    for (const touch of [
      (task: TaskRef) => store.audit.append(task, [makeEntry()]),
      (task: TaskRef) => store.artifacts.put(task, { bytes: new Uint8Array(1), mediaType: 'a/b' }),
      (task: TaskRef) => store.deskLog.record(makeSubject(task), [makeEvent({ type: 'reminded' })], noMessages),
    ]) {
      const task = await live(store, 'succeeded');
      await age(store.namespace, 100);
      await touch(task);
      await purge(connection, { namespace: store.namespace, olderThanDays: 90 });
      expect(await rowsOf(store.namespace)).toMatchObject({ lives: 1 });
    }
    await connection.close();
  });

  it('is done by one worker at a time', async () => {
    const store = await testStore();
    await live(store, 'succeeded');
    await age(store.namespace, 100);
    const client = await sqlClient();
    await client.query(`begin; select pg_advisory_xact_lock(hashtextextended('holdfast purge', 0))`);
    const connection = connect(inject('store'));

    expect(await purge(connection, { namespace: store.namespace, olderThanDays: 90 })).toBe(0);
    await client.query('rollback');
    expect(await purge(connection, { namespace: store.namespace, olderThanDays: 90 })).toBe(1);
    await connection.close();
  });
});
