import { describe, expect, it } from 'vitest';
import { createArtifacts } from '../../src/store/artifacts.ts';
import { createAuditLog } from '../../src/store/audit-log.ts';
import { type Connection, connect } from '../../src/store/connection.ts';
import { createDeskLog } from '../../src/store/desk-log.ts';
import { createLedger } from '../../src/store/ledger.ts';
import { createToolLimits } from '../../src/store/limits/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createOutbox } from '../../src/store/outbox.ts';
import { createSurfacePins } from '../../src/store/pins.ts';
import { createPolicyEpochs } from '../../src/store/policy-epochs.ts';
import { purge } from '../../src/store/retention.ts';
import { createTaskRegister } from '../../src/store/task-register.ts';
import { makeEnd, makeEvent, makeSubject, tellAll } from '../support/desk-events.ts';
import { digest, emptyDatabase, makeEntry, makeStart, makeTask, settle } from './support.ts';

type Plan = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Plan[];
};

/** Scans that look at all of a table, or at all of an index. */
const wideScans = (plan: Plan): readonly string[] => {
  const kind = plan['Node Type'];
  // The rows of a bitmap heap scan come from the bitmap index scans under it.
  const isWide =
    /^(Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan)$/.test(kind) && plan['Index Cond'] === undefined;
  return [
    ...(isWide ? [`${kind} on ${plan['Relation Name'] ?? plan['Index Name']}`] : []),
    ...(plan.Plans ?? []).flatMap(wideScans),
  ];
};

const useDesk = async (connection: Connection, scope: { namespace: string; taskQueue: string }): Promise<void> => {
  const deskLog = createDeskLog(connection, scope);
  const outbox = createOutbox(connection, scope);
  await deskLog.record(makeSubject(makeTask()), [makeEvent(), makeEnd('approved', 1)], tellAll('ops'));
  const filters = [{}, { rule: 'r' }, { tool: 't' }, { agent: 'a' }, { rule: 'r', tool: 't', agent: 'a' }];
  for (const filter of filters) {
    await deskLog.stats('rule', filter);
    await deskLog.stats('tool', filter);
    await deskLog.decisions(filter, { limit: 1 });
  }
  const [claimed] = await outbox.claim('ops', { limit: 1, leaseMs: 0 });
  if (claimed === undefined) throw new Error('nothing is due');
  await outbox.failed(claimed, 'e', 0);
  await outbox.hurry('ops');
  await outbox.state();
  await outbox.delivered(claimed.id);
};

/** Runs everything that the store can do over one connection, so that each of its statements is prepared there. */
const useEverything = async (url: string) => {
  const connection = connect(url, { maxConnections: 1 });
  const scope = { namespace: 'n', taskQueue: 'q' };
  const ledger = createLedger(connection, scope);
  const audit = createAuditLog(connection, 'n');
  const artifacts = createArtifacts(connection, 'n');
  const register = createTaskRegister(connection, 'n');
  const task = makeTask();
  const start = makeStart(task, { semanticKey: 's' });
  for (const firstRunId of ['r1', 'r1', 'r2']) {
    await register.register({ taskId: 't', firstRunId, agent: 'a', principalId: 'p', specDigest: digest('s') });
  }
  await ledger.start(start);
  await ledger.start({ ...start, key: 'other' });
  const row = await ledger.find(start.key, start.argsDigest);
  if (row === undefined) throw new Error('no row');
  await ledger.renew(row.key, row.token, 0);
  await ledger.restart(row, 0, makeEntry());
  await settle({ ledger }, row, row.token, { state: 'failed' });
  await ledger.relyOn(row.key, { ...task, callId: 'c' });
  await ledger.reliedOnBy(row.key);
  await ledger.resolve(row.key, { state: 'succeeded' });
  await ledger.ofTask(task, { limit: 1 });
  await audit.append(task, [makeEntry()]);
  await audit.append(task, []);
  await audit.page(task, { after: 0, limit: 1 });
  await audit.epochs(task.taskId);
  await artifacts.get(task, (await artifacts.put(task, { bytes: new Uint8Array(1), mediaType: 'a/b' })).id);
  await createPolicyEpochs(connection, scope).register(digest('p'));
  const pins = createSurfacePins(connection, scope);
  await pins.pin('s', { t: digest('1') });
  await pins.repin('s', { t: digest('2') });
  const limits = createToolLimits(connection, scope);
  const subject = { tool: 't', principal: { id: 'p' } };
  const call = { holder: 'h', ttlMs: 1_000, maxConcurrent: 1, rateLimit: { calls: 1, perMs: 1_000 } };
  const admitted = await limits.admit(subject, call);
  if (admitted.ok) await limits.report(subject, admitted.ticket, { kind: 'failure', error: 'e' });
  await limits.takeRetry('t');
  await limits.open(['t'], subject.principal, task);
  await useDesk(connection, scope);
  await connection.pool.query(`update holdfast.lives set touched_on = '2000-01-01'`);
  await purge(connection, { namespace: 'n', olderThanDays: 1 });
  return connection;
};

describe('every statement of the store', () => {
  it('finds its rows by an index', async () => {
    const url = await emptyDatabase();
    await migrate({ url, apply: true });
    const { pool, close } = await useEverything(url);
    await pool.query('discard plans; set enable_seqscan = off; set plan_cache_mode = force_generic_plan');
    const { rows } = await pool.query<{ name: string; count: number }>(
      `select name, cardinality(parameter_types) as count from pg_prepared_statements where name like 'holdfast%'`,
    );

    const wide: Record<string, readonly string[]> = {};
    for (const { name, count } of rows) {
      const nulls = count === 0 ? '' : `(${Array.from({ length: count }, () => 'null').join(', ')})`;
      const { rows: explained } = await pool.query<{ 'QUERY PLAN': readonly { readonly Plan: Plan }[] }>(
        `explain (format json) execute ${name}${nulls}`,
      );
      const scans = explained[0]?.['QUERY PLAN'].flatMap(({ Plan }) => wideScans(Plan)) ?? [];
      if (scans.length > 0) wide[name] = scans;
    }
    await close();

    expect(rows.length).toBeGreaterThan(50);
    expect(wide).toEqual({});
  });
});
