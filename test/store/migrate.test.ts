import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { type Migration, readMigrations } from '../../src/store/migration-files.ts';
import { whyUnfit } from '../../src/store/server-fit.ts';
import { until } from '../support/waiting.ts';
import { begin, emptyDatabase, makeStart, makeTask, sqlClient } from './support.ts';

const extra = (tag: string, statements: readonly string[] = []): Migration => ({ tag, hash: tag, statements });

describe('migrations', () => {
  it('are applied once by many workers that start at the same moment', async () => {
    const url = await emptyDatabase();
    const lines: string[] = [];

    await Promise.all(Array.from({ length: 8 }, () => migrate({ url, apply: true, log: (line) => lines.push(line) })));

    expect(lines).toHaveLength(readMigrations().length);
    const { rows } = await (await sqlClient(url)).query('select tag from holdfast.migrations order by tag');
    expect(rows).toEqual(readMigrations().map(({ tag }) => ({ tag })));
  });

  it('leave nothing when they are interrupted half-way, and succeed afterwards', async () => {
    const url = await emptyDatabase();
    const client = await sqlClient(url);
    await client.query('select pg_advisory_lock(77)');
    const blocking = extra('9999_blocking', ['create table holdfast.half (id int)', 'select pg_advisory_lock(77)']);

    const interrupted = migrate({ url, apply: true, migrations: [...readMigrations(), blocking] }).catch(
      (error) => error,
    );
    await until(async () => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and wait_event = 'advisory' and query like '%(77)%'`,
      );
      return rowCount === 1 ? true : undefined;
    }, 'the migration waits');

    expect(await interrupted).toMatchObject({ type: 'Store.Unavailable', nonRetryable: false });
    const { rows } = await client.query(`select to_regnamespace('holdfast') as schema`);
    expect(rows).toEqual([{ schema: null }]);
    await migrate({ url, apply: true });
    await migrate({ url, apply: false });
  });

  it('leave nothing when one of them is wrong', async () => {
    const url = await emptyDatabase();
    const wrong = extra('9999_wrong', ['create table holdfast.half (id int)', 'select no_such_function()']);

    await expect(migrate({ url, apply: true, migrations: [...readMigrations(), wrong] })).rejects.toThrow('42883');

    const { rows } = await (await sqlClient(url)).query(`select to_regnamespace('holdfast') as schema`);
    expect(rows).toEqual([{ schema: null }]);
  });

  it('of a newer version leave an older one at work, as long as they only add', async () => {
    const url = await emptyDatabase();
    const newer = extra('9998_more', ['alter table holdfast.effects add column more text']);
    await migrate({ url, apply: true, migrations: [...readMigrations(), newer] });
    const lines: string[] = [];

    const store = await openStore({ url, namespace: 'n', taskQueue: 'q', log: (line) => lines.push(line) });
    await begin(store, makeStart(makeTask()));
    await store.close();

    expect(lines).toEqual([expect.stringContaining('newer version of Holdfast (9998_more)')]);
  });

  it('of a newer version stop an older one when they break it', async () => {
    const url = await emptyDatabase();
    await migrate({ url, apply: true, migrations: [...readMigrations(), extra('9999_breaking_change')] });

    await expect(migrate({ url, apply: true })).rejects.toMatchObject({
      type: 'Store.Refused',
      nonRetryable: true,
      message: expect.stringContaining('newer version of Holdfast (9999_breaking_change)'),
    });
  });

  it('with another text than this version has are refused', async () => {
    const url = await emptyDatabase();
    await migrate({ url, apply: true, migrations: readMigrations().map((each) => ({ ...each, hash: 'other' })) });

    await expect(migrate({ url, apply: true })).rejects.toMatchObject({
      type: 'Store.Refused',
      message: expect.stringContaining('another text'),
    });
  });

  it('need no right to create anything once they are applied, and say so where they are not', async () => {
    const url = await emptyDatabase();
    await expect(openStore({ url, namespace: 'n', taskQueue: 'q', migrate: false })).rejects.toMatchObject({
      type: 'Store.Refused',
      message: expect.stringContaining('not migrated'),
    });
    await migrate({ url, apply: true });
    const client = await sqlClient(url);
    const role = `worker_${Date.now()}`;
    await client.query(
      `create role ${role} login password 'w';
       grant usage on schema holdfast to ${role};
       grant select, insert, update, delete on all tables in schema holdfast to ${role};`,
    );
    const limited = new URL(url);
    limited.username = role;
    limited.password = 'w';

    const store = await openStore({ url: limited.href, namespace: 'n', taskQueue: 'q' });
    await begin(store, makeStart(makeTask(), { approval: 'd1', semanticKey: 's' }));
    await store.close();
    await client.query(`drop owned by ${role}; drop role ${role}`);
  });
});

describe('the server', () => {
  it('must be PostgreSQL 15 or later', () => {
    expect(whyUnfit({ version: 140_012, shown: '14.12', encoding: 'UTF8' })).toBe(
      'the control store needs PostgreSQL 15 or later; this server is 14.12',
    );
    expect(whyUnfit({ version: 150_000, shown: '15.0', encoding: 'UTF8' })).toBeUndefined();
  });

  it('must have a database in UTF8', async () => {
    const url = new URL(await emptyDatabase());
    const client = await sqlClient(url.href);
    const name = `latin_${url.pathname.slice(1)}`;
    await client.query(`create database ${name} template template0 encoding 'LATIN1' locale 'C'`);
    url.pathname = `/${name}`;

    const refused = await migrate({ url: url.href, apply: true }).catch((error: unknown) => error);
    await client.query(`drop database ${name}`);

    expect(refused).toMatchObject({ type: 'Store.Refused', message: expect.stringContaining('LATIN1') });
  });
});
