import { sql } from 'drizzle-orm';
import { describe, expect, inject, it } from 'vitest';
import { connect, statement } from '../../src/store/connection.ts';
import { openStore } from '../../src/store/index.ts';
import { wayTo } from './proxy.ts';
import { begin, digest, makeEntry, makeStart, makeTask, rowOf, settle, sqlClient, testStore } from './support.ts';

const unavailable = expect.objectContaining({
  name: 'ApplicationFailure',
  type: 'Store.Unavailable',
  nonRetryable: false,
}) as unknown;

/** Everything that an error shows, in a log or in Temporal's history. */
const shown = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}` : '';

describe('a store that goes away', () => {
  it('fails every method retryably while it is away, and serves again when it is back, in the same process', async () => {
    const way = await wayTo(inject('store'));
    const store = await testStore({ url: way.url });
    const task = makeTask();
    const start = makeStart(task);
    const token = await begin(store, start);
    const row = await rowOf(store, start);
    const subject = { tool: 't', principal: { id: 'ann' } };

    await way.cut();

    const calls = [
      () => store.ledger.find(start.key, start.argsDigest),
      () => store.ledger.findSemantic(undefined, 'x'),
      () => store.ledger.start(makeStart(makeTask())),
      () => store.ledger.restart(row, 1, makeEntry()),
      () => store.ledger.renew(start.key, token, 1),
      () => settle(store, start, token, { state: 'succeeded' }),
      () => store.ledger.resolve(start.key, { state: 'failed' }),
      () => store.ledger.relyOn(start.key, { ...task, callId: 'c' }),
      () => store.ledger.reliedOnBy(start.key),
      () => store.ledger.ofTask(task, { limit: 1 }),
      () => store.audit.append(task, [makeEntry()]),
      () => store.audit.append(task, []),
      () => store.audit.page(task, { after: 0, limit: 1 }),
      () => store.audit.epochs(task.taskId),
      () =>
        store.tasks.register({ taskId: 'a', firstRunId: 'r', agent: 'a', principalId: 'p', specDigest: digest('s') }),
      () => store.artifacts.put(task, { bytes: new Uint8Array(1), mediaType: 'a/b' }),
      () => store.artifacts.get(task, 'a-1'),
      () => store.policyEpochs.register(digest('p')),
      () => store.policyEpochs.newest(),
      () => store.pins.pin('s', {}),
      () => store.pins.repin('s', {}),
      () => store.limits.admit(subject, { holder: 'h', ttlMs: 1_000, maxConcurrent: 1 }),
      () => store.limits.open(['t'], subject.principal, task),
    ];
    for (const call of calls) await expect(call()).rejects.toEqual(unavailable);

    await way.mend();
    expect(await settle(store, start, token, { state: 'succeeded' })).toBe(true);
  });

  it('fails retryably when its connections are ended by the server, and goes on with new ones', async () => {
    const connection = connect(inject('store'), { maxConnections: 2 });
    const whoAmI = statement('test_pid', sql`select pg_backend_pid() as pid`);
    const [row] = await connection.run(whoAmI, {});
    const client = await sqlClient();

    const hanging = connection.transaction(async (query) => {
      const [inside] = await query(whoAmI, {});
      await client.query('select pg_terminate_backend($1)', [inside?.['pid']]);
      return query(whoAmI, {});
    });

    await expect(hanging).rejects.toEqual(unavailable);
    expect((await connection.run(whoAmI, {}))[0]?.['pid']).not.toBe(row?.['pid']);
    await connection.close();
  });

  it('fails retryably when no connection becomes free', async () => {
    const connection = connect(inject('store'), { maxConnections: 1 });
    const one = statement('test_one', sql`select 1 as one`);

    const blocked = connection.transaction(() => connection.run(one, {}));

    await expect(blocked).rejects.toEqual(unavailable);
    expect(await connection.run(one, {})).toEqual([{ one: 1 }]);
    await connection.close();
  });

  it('fails retryably when it hangs, within the time-out', async () => {
    const way = await wayTo(inject('store'));
    const connection = connect(way.url, { queryTimeoutMs: 500 });
    const one = statement('test_one', sql`select 1 as one`);
    await connection.run(one, {});

    way.hang();

    await expect(connection.run(one, {})).rejects.toEqual(unavailable);
    await connection.close();
  });

  it('rolls back what was done when a transaction fails, and fails retryably on a deadlock', async () => {
    const connection = connect(inject('store'));
    const lock = statement('test_lock', sql`select pg_advisory_xact_lock(${sql.placeholder('id')}::bigint)`);
    let holders = 0;
    let release: () => void = () => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (release = resolve));
    const inOrder = (ids: readonly number[]) =>
      connection.transaction(async (query) => {
        await query(lock, { id: ids[0] });
        if (++holders === 2) release();
        await bothHoldOne;
        await query(lock, { id: ids[1] });
      });

    const results = await Promise.allSettled([inOrder([1, 2]), inOrder([2, 1])]);

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: unavailable });
    await connection.close();
  });

  it.each([
    { name: 'nobody listens', change: (url: URL) => void (url.port = '1') },
    { name: 'the host is unknown', change: (url: URL) => void (url.hostname = 'no-such-host.invalid') },
    { name: 'the password is wrong', change: (url: URL) => void (url.password = 'tops3cret') },
    { name: 'there is no such user', change: (url: URL) => void (url.username = 'nobody-knows') },
    { name: 'there is no such database', change: (url: URL) => void (url.pathname = '/no-such-database') },
  ])('is away, and says nothing of address or password, when $name', async ({ change }) => {
    const url = new URL(inject('store'));
    const before = url.password;
    url.password = 'tops3cret';
    change(url);
    if (url.pathname === '/no-such-database') url.password = before;

    const error: unknown = await openStore({ url: url.href, namespace: 'n', taskQueue: 'q' }).catch((error) => error);

    expect(error).toMatchObject({ type: expect.stringMatching(/^Store\./) });
    for (const secret of ['tops3cret', url.href, 'nobody-knows', before].filter((text) => text !== '')) {
      expect(shown(error)).not.toContain(secret);
    }
  });

  it.each(['not a url', 'postgres://u:tops3cret@[bad', 'mysql://u:tops3cret@h/d', ''])(
    'refuses %j as its address without repeating it',
    async (url) => {
      const error: unknown = await openStore({ url, namespace: 'n', taskQueue: 'q' }).catch((error) => error);

      expect(error).toMatchObject({ type: expect.stringMatching(/^Store\./) });
      expect(shown(error)).not.toContain('tops3cret');
    },
  );
});
