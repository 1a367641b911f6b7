import {
  BREAKER_CAUSES,
  type Breaker,
  type BreakerCause,
  type BreakerReport,
  type BreakerRules,
  offerTool,
  type Passage,
  passBreaker,
  settleBreaker,
} from '../../domain/breaker.ts';
import type { Connection, Query } from '../connection.ts';
import {
  type BreakerKeys,
  type BreakerRow,
  type BreakerRows,
  createBreakers,
  lockBreakers,
  readBreakers,
  writeBreakers,
} from './breaker-rows.ts';
import type { Quiet } from './quiet.ts';
import { FLEET } from './subject.ts';

/** The rules of a principal's own breaker and of the fleet's (INVARIANT L2). */
export type BreakerRulesPair = { readonly own: BreakerRules; readonly fleet: BreakerRules };

/** One call before a tool's breakers. */
export type BreakerCall = { readonly tool: string; readonly subject: string; readonly holder: string };

/** Whether a call may pass. */
export type Passed =
  | { readonly ok: true; readonly isProbe: boolean; readonly isWatched: boolean }
  | { readonly ok: false; readonly retryAfterMs: number; readonly why: string };

/** A tool that a task is not shown now; `untilMs` since 1970 by the database's clock. */
export type OpenTool = { readonly tool: string; readonly untilMs: number; readonly why: string };

/** Breakers that all workers of a scope share. */
export type Breakers = {
  readonly pass: (call: BreakerCall & { readonly ttlMs: number }) => Promise<Passed>;
  readonly settle: (call: BreakerCall, report: BreakerReport) => Promise<void>;
  readonly open: (tools: readonly string[], subject: string, task: string) => Promise<readonly OpenTool[]>;
};

/** What becomes of the breakers before one tool when something asks to pass all of them. */
type Attempt =
  | { readonly ok: true; readonly changed: readonly BreakerRow[] }
  | { readonly ok: false; readonly untilMs: number; readonly cause: BreakerCause };

const tryAll = (rows: readonly BreakerRow[], ask: (row: BreakerRow) => Passage): Attempt => {
  const asked = rows.map((row) => ({ row, passage: ask(row) }));
  const refusals = asked.flatMap(({ row, passage }) =>
    passage.ok ? [] : [{ untilMs: passage.untilMs, cause: row.breaker.opening?.cause ?? 'failure' }],
  );
  const last = refusals.toSorted((a, b) => b.untilMs - a.untilMs)[0];
  if (last !== undefined) return { ok: false, ...last };
  const changed = asked.flatMap(({ row, passage }) =>
    passage.ok && passage.breaker !== row.breaker ? [{ ...row, breaker: passage.breaker }] : [],
  );
  return { ok: true, changed };
};

const wordsFor = (cause: BreakerCause): string => `it is out of use, because ${BREAKER_CAUSES[cause]}`;

type Deps = { readonly connection: Connection; readonly scope: string; readonly rules: BreakerRulesPair };

const rulesOf = ({ rules }: Deps, { subject }: { readonly subject: string }): BreakerRules =>
  subject === FLEET ? rules.fleet : rules.own;

const pass = async (deps: Deps, call: BreakerCall & { readonly ttlMs: number }): Promise<Passed> => {
  const { connection, scope } = deps;
  const { tool, subject, holder, ttlMs } = call;
  const keys: BreakerKeys = { scope, tools: [tool], subject };
  const attempt = ({ rows, nowMs }: BreakerRows): Attempt =>
    tryAll(rows, (row) => passBreaker(row.breaker, { holder, principal: subject, nowMs, ttlMs }, rulesOf(deps, row)));
  const answer = ({ nowMs, rows }: BreakerRows, done: Attempt): Passed =>
    done.ok
      ? { ok: true, isProbe: done.changed.length > 0, isWatched: rows.length > 0 }
      : { ok: false, retryAfterMs: Math.max(1, Math.ceil(done.untilMs - nowMs)), why: wordsFor(done.cause) };

  const read = await readBreakers(connection.run, keys);
  const first = attempt(read);
  if (!first.ok || first.changed.length === 0) return answer(read, first);
  // A probe's slot is taken under lock: there is one at a time.
  return await connection.transaction(async (query) => {
    const locked = await lockBreakers(query, keys);
    const done = attempt(locked);
    if (done.ok) await writeBreakers(query, scope, done.changed);
    return answer(locked, done);
  });
};

/** Which breakers a report may change: only a failure makes rows, and a refusal only the principal's own (INVARIANT L2). */
const lockFor = async (deps: Deps, query: Query, { call, report }: { call: BreakerCall; report: BreakerReport }) => {
  const { scope } = deps;
  const { tool, subject } = call;
  if (report.kind === 'failure' || report.kind === 'junk') {
    return await createBreakers(query, { scope, tool, subjects: [FLEET, subject] });
  }
  const locked = await lockBreakers(query, { scope, tools: [tool], subject });
  if (report.kind !== 'refused' || locked.rows.some((row) => row.subject === subject)) return locked;
  const made = await createBreakers(query, { scope, tool, subjects: [subject] });
  return { rows: [...locked.rows, ...made.rows], nowMs: made.nowMs };
};

const settle = async (deps: Deps, call: BreakerCall, report: BreakerReport): Promise<void> => {
  const { subject, holder } = call;
  await deps.connection.transaction(async (query) => {
    const { rows, nowMs } = await lockFor(deps, query, { call, report });
    const settled = (row: BreakerRow): Breaker =>
      settleBreaker(row.breaker, { report, principal: subject, holder, nowMs }, rulesOf(deps, row));
    const changed = rows.flatMap((row) => {
      const breaker = settled(row);
      return breaker === row.breaker ? [] : [{ ...row, breaker }];
    });
    await writeBreakers(query, deps.scope, changed);
  });
};

const byTool = (rows: readonly BreakerRow[]): readonly (readonly [string, readonly BreakerRow[]])[] => [
  ...Map.groupBy(rows, ({ tool }) => tool).entries(),
];

const open = async (deps: Deps, keys: BreakerKeys, task: string): Promise<readonly OpenTool[]> => {
  const attempt = ({ rows, nowMs }: BreakerRows) =>
    byTool(rows).map(([tool, its]) => ({
      tool,
      done: tryAll(its, (row) => offerTool(row.breaker, { task, principal: keys.subject, nowMs }, rulesOf(deps, row))),
    }));
  const hidden = (attempts: ReturnType<typeof attempt>): readonly OpenTool[] =>
    attempts.flatMap(({ tool, done }) =>
      done.ok ? [] : [{ tool, untilMs: Math.ceil(done.untilMs), why: BREAKER_CAUSES[done.cause] }],
    );

  const first = attempt(await readBreakers(deps.connection.run, keys));
  if (first.every(({ done }) => !done.ok || done.changed.length === 0)) return hidden(first);
  // An offer is made under lock: one task gets it.
  return await deps.connection.transaction(async (query) => {
    const attempts = attempt(await lockBreakers(query, keys));
    const changed = attempts.flatMap(({ done }) => (done.ok ? done.changed : []));
    await writeBreakers(query, deps.scope, changed);
    return hidden(attempts);
  });
};

/**
 * Breakers in the store. While every tool works, calls cost nothing here; else one indexed look-up before a call. Rows exist
 * and locks are taken only where something went wrong.
 */
export const createBreakerStore = (deps: Deps & { readonly quiet: Quiet }): Breakers => ({
  pass: async (call) =>
    (await deps.quiet.isQuiet()) ? { ok: true, isProbe: false, isWatched: false } : await pass(deps, call),
  settle: async (call, report) => {
    try {
      await settle(deps, call, report);
    } finally {
      deps.quiet.disturb();
    }
  },
  open: async (tools, subject, task) =>
    tools.length === 0 || (await deps.quiet.isQuiet())
      ? []
      : await open(deps, { scope: deps.scope, tools, subject }, task),
});
