import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import type { LimitSubject, Report, Ticket, ToolLimits } from '../../src/gateway/ports.ts';
import { type Connection, connect } from '../../src/store/connection.ts';
import { createToolLimits, type ToolLimitsOptions } from '../../src/store/limits/index.ts';
import { migrate } from '../../src/store/migrate.ts';

/** Brings the shared database to this version. */
export const migrateStore = (): Promise<void> => migrate({ url: inject('store'), apply: true });

export type Fleet = {
  /** Two workers, each with connections of its own. */
  readonly one: ToolLimits;
  readonly two: ToolLimits;
  /** The one or the other, in turn. */
  readonly either: (n: number) => ToolLimits;
  readonly connection: Connection;
  /** As the rows name it. */
  readonly scope: string;
};

/** Two workers of a task queue that nobody else uses. */
export const twoWorkers = (options: ToolLimitsOptions = {}): Fleet => {
  const taskQueue = randomUUID();
  const scope = { namespace: 'test', taskQueue };
  const [first, second] = [connect(inject('store')), connect(inject('store'))];
  onTestFinished(async () => {
    await Promise.all([first.close(), second.close()]);
  });
  const one = createToolLimits(first, scope, { quietMs: 0, ...options });
  const two = createToolLimits(second, scope, { quietMs: 0, ...options });
  return {
    one,
    two,
    either: (n) => (n % 2 === 0 ? one : two),
    connection: first,
    scope: `test/${taskQueue}`,
  };
};

export const subject = (principal = 'ana', tool = 'refund', tenant?: string): LimitSubject => ({
  tool,
  principal: { id: principal, ...(tenant === undefined ? {} : { tenant }) },
});

/** A call that is let in. */
export const letIn = async (limits: ToolLimits, who: LimitSubject, ttlMs = 60_000): Promise<Ticket> => {
  const admitted = await limits.admit(who, { holder: randomUUID(), ttlMs });
  if (!admitted.ok) throw new Error(`not let in: ${admitted.reason}`);
  return admitted.ticket;
};

/** One whole call. */
export const call = async (limits: ToolLimits, who: LimitSubject, report: Report): Promise<void> =>
  await limits.report(who, await letIn(limits, who), report);

export const FAILURE: Report = { kind: 'failure', error: 'HTTP 502' };

/** Whether a call would be let in; it is, and does not end. */
export const isAdmitted = async (limits: ToolLimits, who: LimitSubject): Promise<boolean> =>
  (await limits.admit(who, { holder: randomUUID(), ttlMs: 60_000 })).ok;

const shiftState = (state: unknown, ms: number): unknown =>
  JSON.parse(JSON.stringify(state), (key, value: unknown) => (key === 'untilMs' ? Number(value) - ms : value));

/** As if this time had passed: everything that a scope has stored moves back. */
export const passTime = async ({ connection: { pool }, scope }: Fleet, ms: number): Promise<void> => {
  const us = ms * 1_000;
  const { rows } = await pool.query<{ tool: string; subject: string; state: unknown }>(
    'select tool, subject, state from holdfast.tool_breakers where scope = $1',
    [scope],
  );
  for (const { tool, subject, state } of rows) {
    await pool.query('update holdfast.tool_breakers set state = $4 where scope = $1 and tool = $2 and subject = $3', [
      scope,
      tool,
      subject,
      JSON.stringify(shiftState(state, ms)),
    ]);
  }
  await pool.query(
    'update holdfast.tool_rate_windows set hits = array(select h - $2::bigint from unnest(hits) h) where scope = $1',
    [scope, us],
  );
  await pool.query(
    `update holdfast.tool_bulkheads set leases = (select jsonb_object_agg(key, value::bigint - $2::bigint) from jsonb_each(leases))
     where scope = $1 and leases <> '{}'`,
    [scope, us],
  );
  await pool.query(`update holdfast.tool_retry_budgets set at = at - $2 * interval '1 microsecond' where scope = $1`, [
    scope,
    us,
  ]);
};

/** Rows that a scope has. */
export const countRows = async ({ connection: { pool }, scope }: Fleet, table: string): Promise<number> => {
  const { rows } = await pool.query<{ n: number }>(`select count(*)::int n from holdfast.${table} where scope = $1`, [
    scope,
  ]);
  return rows[0]?.n ?? 0;
};
