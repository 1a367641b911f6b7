import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/store/connection.ts';
import { createToolLimits, pruneLimits } from '../../src/store/limits/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { freshStore } from '../support/store.ts';
import { call, countRows, FAILURE, letIn, migrateStore, passTime, subject, twoWorkers } from './support.ts';

beforeAll(migrateStore);

const ana = subject('ana');

describe('a rate limit', () => {
  const rateLimit = { calls: 7, perMs: 60_000 };

  it('lets exactly so many of fifty calls in, over two workers', async () => {
    const { either } = twoWorkers();

    const admitted = await Promise.all(
      Array.from({ length: 50 }, (_, n) => either(n).admit(ana, { holder: `h${n}`, ttlMs: 1_000, rateLimit })),
    );

    expect(admitted.filter((each) => each.ok)).toHaveLength(7);
    const refused = admitted.find((each) => !each.ok);
    expect(refused).toMatchObject({ reason: 'rate_limited', message: 'its rate limit is reached (7 in 60 s)' });
  });

  it('never lets more than its number in, in any window', async () => {
    const url = await freshStore();
    await migrate({ url, apply: true });
    const connections = [connect(url), connect(url)] as const;
    await connections[0].pool.query(`
      create table grants (at bigint);
      create function log_grant() returns trigger language plpgsql as
        'begin insert into grants values (new.hits[cardinality(new.hits)]); return new; end';
      create trigger log_grant after insert or update on holdfast.tool_rate_windows for each row execute function log_grant()`);
    const workers = connections.map((each) => createToolLimits(each, { namespace: 'n', taskQueue: 'q' }));
    const limit = { calls: 5, perMs: 150 };
    let granted = 0;

    const hammer = async (n: number) => {
      while (granted < 40) {
        const admitted = await workers[n % 2]?.admit(ana, { holder: `h${n}`, ttlMs: 1_000, rateLimit: limit });
        if (admitted?.ok === true) granted += 1;
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, n) => hammer(n)));

    const { rows } = await connections[0].pool.query<{ at: string }>('select at from grants order by at');
    await Promise.all(connections.map((each) => each.close()));
    const at = rows.map((row) => Number(row.at));
    expect(at).toHaveLength(granted);
    const spans = at.slice(limit.calls).map((later, n) => later - (at[n] ?? 0));
    expect(Math.min(...spans)).toBeGreaterThanOrEqual(limit.perMs * 1_000);
  });

  it('says when a place is free, to the moment', async () => {
    const fleet = twoWorkers();
    const ask = () => fleet.two.admit(ana, { holder: 'h', ttlMs: 1_000, rateLimit: { calls: 2, perMs: 60_000 } });
    await ask();
    await passTime(fleet, 20_000);
    await ask();

    const refused = await ask();
    const waitMs = refused.ok ? 0 : refused.retryAfterMs;
    expect(waitMs).toBeGreaterThan(35_000);
    expect(waitMs).toBeLessThanOrEqual(40_000);
    await passTime(fleet, waitMs);

    expect(await ask()).toMatchObject({ ok: true });
    expect(await ask()).toMatchObject({ ok: false });
  });

  it('counts for each tool, principal and tenant', async () => {
    const { one } = twoWorkers();
    const others = [ana, subject('ben'), subject('ana', 'find'), subject('ana', 'refund', 'acme'), ana];

    const admitted = [];
    for (const who of others) {
      admitted.push((await one.admit(who, { holder: 'h', ttlMs: 1, rateLimit: { calls: 1, perMs: 60_000 } })).ok);
    }

    expect(admitted).toEqual([true, true, true, true, false]);
  });
});

describe('a bulkhead', () => {
  it('holds exactly its number of many calls that come at once, over two workers', async () => {
    const { either } = twoWorkers();
    const ask = async (n: number) => {
      const admitted = await either(n).admit(subject(`p${n}`), { holder: `h${n}`, ttlMs: 60_000, maxConcurrent: 3 });
      return admitted.ok ? [{ n, ticket: admitted.ticket }] : [];
    };

    for (let round = 0; round < 5; round++) {
      const held = (await Promise.all(Array.from({ length: 24 }, (_, n) => ask(n)))).flat();
      expect(held).toHaveLength(3);
      await Promise.all(held.map(({ n, ticket }) => either(n).report(subject(`p${n}`), ticket, { kind: 'success' })));
    }
  });

  it('never holds more than its number of calls that come and go', async () => {
    const { either } = twoWorkers();
    let running = 0;
    let most = 0;

    const work = async (n: number) => {
      const limits = either(n);
      for (;;) {
        const admitted = await limits.admit(subject(`p${n}`), { holder: `h${n}`, ttlMs: 60_000, maxConcurrent: 3 });
        if (!admitted.ok) continue;
        running += 1;
        most = Math.max(most, running);
        for (let n = 0; n < 20; n++) await turn();
        running -= 1;
        await limits.report(subject(`p${n}`), admitted.ticket, { kind: 'success' });
        return;
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, n) => work(n)));

    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('frees the place of a crashed holder when its lease ends, and gives a holder its own again', async () => {
    const fleet = twoWorkers();
    const ask = (holder: string) => fleet.one.admit(ana, { holder, ttlMs: 10_000, maxConcurrent: 1 });
    await ask('crashed');

    expect(await fleet.two.admit(ana, { holder: 'other', ttlMs: 1, maxConcurrent: 1 })).toMatchObject({
      ok: false,
      reason: 'busy',
    });
    expect(await ask('crashed')).toMatchObject({ ok: true });
    await passTime(fleet, 10_000);

    expect(await ask('other')).toMatchObject({ ok: true });
    expect(await ask('crashed')).toMatchObject({ ok: false });
  });

  it('keeps no place for a call that its rate limit refuses', async () => {
    const { one, two } = twoWorkers();
    const limit = { ttlMs: 60_000, maxConcurrent: 1 };
    const rateLimit = { calls: 1, perMs: 60_000 };
    const first = await one.admit(ana, { ...limit, holder: 'a', rateLimit });
    if (first.ok) await one.report(ana, first.ticket, { kind: 'success' });

    expect(await one.admit(ana, { ...limit, holder: 'b', rateLimit })).toMatchObject({ reason: 'rate_limited' });
    expect(await two.admit(ana, { ...limit, holder: 'c' })).toMatchObject({ ok: true });
  });
});

describe('a retry budget', () => {
  it('gives ten retries to two workers together, and one more every ten seconds', async () => {
    const fleet = twoWorkers();
    const take = async (many: number) => {
      const taken = await Promise.all(Array.from({ length: many }, (_, n) => fleet.either(n).takeRetry('refund')));
      return taken.filter(Boolean).length;
    };

    expect(await take(30)).toBe(10);
    await passTime(fleet, 10_000);
    expect(await take(5)).toBe(1);
    await passTime(fleet, 3_600_000);
    expect(await take(30)).toBe(10);
    expect(await fleet.two.takeRetry('find')).toBe(true);
  });

  it('gives one retry for ten successes', async () => {
    const { one } = twoWorkers({ retryBudget: { refillMs: 1e12 } });
    for (let n = 0; n < 10; n++) await one.takeRetry('refund');
    expect(await one.takeRetry('refund')).toBe(false);

    for (let n = 0; n < 9; n++) await call(one, ana, { kind: 'success' });
    expect(await one.takeRetry('refund')).toBe(false);
    await call(one, ana, { kind: 'success' });

    expect(await one.takeRetry('refund')).toBe(true);
    expect(await one.takeRetry('refund')).toBe(false);
  });
});

describe('what limits cost', () => {
  it('is one reading statement for all calls of a moment while every tool is healthy', async () => {
    const fleet = twoWorkers();
    let [statements, transactions] = [0, 0];
    const { connection } = fleet;
    const counting = createToolLimits(
      {
        ...connection,
        run: (...args) => {
          statements += 1;
          return connection.run(...args);
        },
        transaction: (work) => {
          transactions += 1;
          return connection.transaction(work);
        },
      },
      { namespace: 'test', taskQueue: fleet.scope.slice('test/'.length) },
    );

    await call(counting, ana, { kind: 'success' });
    await call(counting, ana, { kind: 'none' });
    await counting.open(['refund', 'find'], ana.principal, { taskId: 't', epoch: 'e1' });

    expect({ statements, transactions }).toEqual({ statements: 1, transactions: 0 });
    const tables = ['tool_breakers', 'tool_rate_windows', 'tool_bulkheads', 'tool_retry_budgets'];
    expect(await Promise.all(tables.map((table) => countRows(fleet, table)))).toEqual([0, 0, 0, 0]);
  });

  it('is bounded: rows that say nothing any more are deleted', async () => {
    const fleet = twoWorkers();
    await call(fleet.one, ana, FAILURE);
    await fleet.one.admit(ana, { holder: 'h', ttlMs: 1, maxConcurrent: 1, rateLimit: { calls: 1, perMs: 1 } });
    await pruneLimits(fleet.connection);
    expect(await countRows(fleet, 'tool_breakers')).toBe(2);
    for (const table of ['tool_breakers', 'tool_rate_windows', 'tool_bulkheads']) {
      await fleet.connection.pool.query(`update holdfast.${table} set expires_on = current_date - 1 where scope = $1`, [
        fleet.scope,
      ]);
    }

    await pruneLimits(fleet.connection);

    expect(await countRows(fleet, 'tool_breakers')).toBe(0);
    expect(await countRows(fleet, 'tool_rate_windows')).toBe(0);
    expect(await countRows(fleet, 'tool_bulkheads')).toBe(0);
  });
});

describe('a store that cannot be reached', () => {
  it('lets no call in: the failure is retryable', async () => {
    const nowhere = connect('postgres://nobody@127.0.0.1:1/none');
    const limits = createToolLimits(nowhere, { namespace: 'n', taskQueue: 'q' });
    const unavailable = { type: 'Store.Unavailable', nonRetryable: false };

    await expect(limits.admit(ana, { holder: 'h', ttlMs: 1 })).rejects.toMatchObject(unavailable);
    await expect(limits.report(ana, { holder: 'h', isProbe: false }, FAILURE)).rejects.toMatchObject(unavailable);
    await expect(limits.takeRetry('refund')).rejects.toMatchObject(unavailable);
    await expect(limits.open(['refund'], ana.principal, { taskId: 't', epoch: 'e' })).rejects.toMatchObject(
      unavailable,
    );
    await nowhere.close();
  });

  it('names principals of any length and with any characters', async () => {
    const { one } = twoWorkers();
    const ids = ['x'.repeat(5_000), 'nul \0', 'half \uD800', "'; drop table x; --", 'ключ'];
    for (const [n, id] of ids.entries()) {
      const who = subject(id, `tool-${n}`);
      for (let n = 0; n < 3; n++) await one.report(who, await letIn(one, who), FAILURE);
      expect(await one.admit(who, { holder: `h/${id}`, ttlMs: 1 })).toMatchObject({ ok: false });
    }
  });
});
