import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { withStoreConnection } from '../../src/dev/inspect-store.ts';
import { auditHash } from '../../src/domain/audit-chain.ts';
import { readAuditAnchors } from '../../src/timeline/audit-anchors.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { ana, type Harness, startHarness, until } from '../support/harness.ts';
import { type CliResult, cli } from './support.ts';

const note = defineTool({
  name: 'note',
  description: 'Writes a note',
  effect: 'write',
  idempotent: true,
  unattended: true,
  input: z.object({ text: z.string() }),
  execute: ({ text }) => `wrote ${text}`,
});
const look = defineTool({
  name: 'look',
  description: 'Looks',
  effect: 'read',
  input: z.object({}),
  execute: () => 'seen',
});
const clerk = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [note, look] });

type Session = Harness & {
  readonly taskId: string;
  readonly audit: (...args: string[]) => Promise<CliResult>;
  /** Runs SQL as somebody who has the database's password. */
  readonly tamper: (sql: string) => Promise<unknown[]>;
};

/** A task that has ended, with a trail. */
const makeSession = async (): Promise<Session> => {
  const harness = await startHarness({
    agents: [clerk],
    script: [
      {
        calls: [
          { tool: 'look', args: {} },
          { tool: 'note', args: { text: 'a' } },
        ],
      },
      { calls: [{ tool: 'look', args: {} }] },
      { text: 'done' },
    ],
  });
  const taskId = harness.newTaskId();
  const task = await harness.client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId });
  expect((await task.result()).status).toBe('completed');
  const env = { HOLDFAST_STORE_URL: harness.store };
  return {
    ...harness,
    taskId,
    audit: async (...args) => await cli(['audit', ...args, '--address', inject('temporal').address], { env }),
    tamper: async (sql) => await withStoreConnection(harness.store, async (client) => (await client.query(sql)).rows),
  };
};

const Report = z.strictObject({
  taskId: z.string(),
  ok: z.boolean(),
  checked: z.enum(['chain', 'chain and history']),
  lives: z.array(
    z.strictObject({
      epoch: z.string(),
      entries: z.int(),
      anchors: z.int(),
      problems: z.array(z.strictObject({ seq: z.int(), kind: z.string(), problem: z.string() })),
    }),
  ),
});
const reportOf = ({ stdout }: CliResult) => Report.parse(JSON.parse(stdout));

const entries = 'holdfast.audit_entries';
const rowsOf = async ({ tamper }: Session) =>
  (await tamper(
    `SELECT seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, entry, hash FROM ${entries} ORDER BY seq`,
  )) as { seq: number; at: string; entry: string; hash: string }[];

/** Changes an entry and makes all hashes from there on anew, the head included. */
const rewriteFrom = async (session: Session, from: number): Promise<void> => {
  const rows = await rowsOf(session);
  let previous = rows[from - 2]?.hash ?? '';
  for (const { seq, at, entry } of rows.slice(from - 1)) {
    const changed = seq === from ? entry.replace('"ana"', '"eve"') : entry;
    previous = auditHash(previous, { seq, at, entry: JSON.parse(changed) });
    await session.tamper(
      `UPDATE ${entries} SET entry = '${changed.replaceAll("'", "''")}', hash = '${previous}' WHERE seq = ${seq}`,
    );
  }
  await session.tamper(`UPDATE holdfast.lives SET hash = '${previous}'`);
};

describe('audit', { timeout: 120_000 }, () => {
  it('verify finds nothing in a trail as it was written, and compares it with the event history', async () => {
    const { audit, taskId } = await makeSession();

    const { code, stdout } = await audit('verify', taskId, '--json');
    const text = await audit('verify', taskId);

    const report = Report.parse(JSON.parse(stdout));
    expect([code, text.code]).toEqual([0, 0]);
    expect(report).toMatchObject({
      taskId,
      ok: true,
      checked: 'chain and history',
      lives: [{ epoch: 'e1', problems: [] }],
    });
    expect(report.lives[0]?.entries).toBeGreaterThanOrEqual(5);
    expect(report.lives[0]?.anchors).toBeGreaterThanOrEqual(3);
    expect(text.stdout).toContain('every entry is as it was written');
  });

  it.each([
    {
      what: 'an entry that was changed',
      sql: `UPDATE ${entries} SET entry = replace(entry, '"ana"', '"eve"') WHERE seq = 2`,
      problem: { seq: 2, kind: 'changed' },
    },
    {
      what: 'an entry that is no JSON any more',
      sql: `UPDATE ${entries} SET entry = 'gone' WHERE seq = 2`,
      problem: { seq: 2, kind: 'changed' },
    },
    {
      what: 'an entry that was removed',
      sql: `DELETE FROM ${entries} WHERE seq = 2`,
      problem: { seq: 2, kind: 'removed' },
    },
    {
      what: 'entries that changed places',
      sql: `UPDATE ${entries} e SET entry = o.entry, at = o.at, hash = o.hash FROM ${entries} o
        WHERE e.seq IN (2, 3) AND o.seq = 5 - e.seq`,
      problem: { kind: 'reordered' },
    },
  ])('verify names $what, and ends with 1', async ({ sql, problem }) => {
    const { audit, taskId, tamper } = await makeSession();
    await tamper(sql);

    const result = await audit('verify', taskId, '--json');
    const text = await audit('verify', taskId);

    const { ok, lives } = reportOf(result);
    expect([result.code, ok, text.code]).toEqual([1, false, 1]);
    expect(lives[0]?.problems).toContainEqual(expect.objectContaining(problem));
    expect(text.stdout).toContain(lives[0]?.problems[0]?.problem);
  });

  it('verify finds that the last entry was removed, although the head of the trail says otherwise', async () => {
    const session = await makeSession();
    const rows = await rowsOf(session);
    const [before, last] = rows.slice(-2);
    await session.tamper(`DELETE FROM ${entries} WHERE seq = ${last?.seq}`);
    await session.tamper(`UPDATE holdfast.lives SET seq = ${before?.seq}, hash = '${before?.hash}'`);

    const result = await session.audit('verify', session.taskId, '--json');

    expect(result.code).toBe(1);
    expect(reportOf(result).lives[0]?.problems).toMatchObject([{ seq: last?.seq, kind: 'removed' }]);
  });

  it('verify finds a chain that was made anew as a whole: history has other hashes', async () => {
    const session = await makeSession();
    await rewriteFrom(session, 2);

    const result = await session.audit('verify', session.taskId, '--json');

    expect(result.code).toBe(1);
    expect(reportOf(result).lives[0]?.problems).toMatchObject([{ kind: 'changed' }]);
  });

  it('verify finds that the whole trail was removed', async () => {
    const { audit, taskId, tamper } = await makeSession();
    await tamper('TRUNCATE holdfast.lives CASCADE');

    const result = await audit('verify', taskId, '--json');

    expect(result.code).toBe(1);
    expect(reportOf(result).lives[0]?.problems[0]).toMatchObject({ seq: 1, kind: 'removed' });
  });

  it('verify says when the event history is gone, and checks the chain alone', async () => {
    const { audit, client, taskId, tamper } = await makeSession();
    const { namespace } = client.temporal.options;
    await client.temporal.workflowService.deleteWorkflowExecution({
      namespace,
      workflowExecution: { workflowId: taskId },
    });
    await until(
      async () => (await readAuditAnchors(client.temporal, taskId)) === undefined || undefined,
      'the history is gone',
      // A busy server takes its time to delete.
      120_000,
    );

    const intact = reportOf(await audit('verify', taskId, '--json'));
    const text = await audit('verify', taskId);
    await tamper(`DELETE FROM ${entries} WHERE seq = (SELECT max(seq) FROM ${entries})`);
    const cut = reportOf(await audit('verify', taskId, '--json'));

    expect(intact).toMatchObject({ ok: true, checked: 'chain', lives: [{ anchors: 0 }] });
    expect(text.stdout).toContain('There is no event history');
    expect(cut).toMatchObject({ ok: false, checked: 'chain', lives: [{ problems: [{ kind: 'removed' }] }] });
  }, 150_000);

  it('export prints every entry with its hash, a line each', async () => {
    const session = await makeSession();

    const { code, stdout } = await session.audit('export', session.taskId, '--format', 'jsonl');

    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.map(({ seq, hash }) => ({ seq, hash }))).toEqual(
      (await rowsOf(session)).map(({ seq, hash }) => ({ seq, hash })),
    );
    expect(lines[0]).toMatchObject({
      taskId: session.taskId,
      epoch: 'e1',
      entry: { principal: 'ana', agent: 'clerk' },
    });
  });

  it('names a task that nobody knows, and a store that is not there', async () => {
    const { audit } = await makeSession();
    const at = ['--address', inject('temporal').address, '--json'];

    const unknown = await audit('verify', 'no-such-task', '--json');
    const unprinted = await audit('export', 'no-such-task', '--json');
    const noStore = await cli(['audit', 'export', 't', ...at]);
    const away = await cli(['audit', 'export', 't', ...at], {
      env: { HOLDFAST_STORE_URL: 'postgres://ana:secret@127.0.0.1:9/x' },
    });

    for (const { code } of [unknown, unprinted, noStore, away]) expect(code).toBe(1);
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { type: 'Task.NotFound' } });
    expect(JSON.parse(unprinted.stdout)).toMatchObject({ error: { type: 'Task.NotFound' } });
    expect(JSON.parse(noStore.stdout)).toMatchObject({ error: { type: 'Config.Invalid' } });
    expect(JSON.parse(away.stdout)).toMatchObject({ error: { type: 'Store.Unavailable' } });
    expect(away.stdout + away.stderr).not.toContain('secret');
  });
});
