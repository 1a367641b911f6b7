import { type BreakerRules, FLEET_BREAKER, OWN_BREAKER } from '../../domain/breaker.ts';
import type { Admitted, LimitSubject, Report, Ticket, ToolLimits } from '../../gateway/ports.ts';
import type { Connection } from '../connection.ts';
import type { Scope } from '../scope.ts';
import { type Breakers, createBreakerStore } from './breakers.ts';
import { givePlace, takePlace } from './bulkhead.ts';
import { createQuiet } from './quiet.ts';
import { takeCall } from './rate-window.ts';
import { createRetryBudgets, RETRY_BUDGET, type RetryBudgetRules } from './retry-budget.ts';
import { subjectOf } from './subject.ts';

export { pruneLimits } from './prune.ts';

/** Rules in place of the usual ones. */
export type ToolLimitsOptions = {
  /** For both breakers. */
  readonly breaker?: Partial<Omit<BreakerRules, 'principals'>>;
  readonly retryBudget?: Partial<RetryBudgetRules>;
  /** How long it is believed that no breaker is open, milliseconds; 250 by default. */
  readonly quietMs?: number;
};

type Call = Parameters<ToolLimits['admit']>[1];
type Parts = { readonly connection: Connection; readonly scope: string; readonly breakers: Breakers };

/** Others' failures hold here after this time at the latest. */
const QUIET_MS = 250;
/** A place may be given back at any time, long before its lease ends. */
const BUSY_RETRY_MS = 250;

const seconds = (ms: number): string => `${Number((ms / 1_000).toFixed(1))} s`;

/** Bulkhead, then rate window: a place can be given back, a counted call cannot. */
const takeRest = async (parts: Parts, subject: LimitSubject, call: Call): Promise<Admitted | undefined> => {
  const { connection, scope } = parts;
  const { holder, ttlMs, rateLimit, maxConcurrent } = call;
  const { tool, principal } = subject;
  const place = { scope, tool, holder };
  if (maxConcurrent !== undefined && !(await takePlace(connection, place, { places: maxConcurrent, ttlMs }))) {
    const message = `all its places are taken (${maxConcurrent} at the same time)`;
    return { ok: false, reason: 'busy', retryAfterMs: BUSY_RETRY_MS, message };
  }
  if (rateLimit === undefined) return undefined;
  const waitMs = await takeCall(connection, { scope, tool, subject: subjectOf(principal) }, rateLimit);
  if (waitMs === undefined) return undefined;
  if (maxConcurrent !== undefined) await givePlace(connection, place);
  const message = `its rate limit is reached (${rateLimit.calls} in ${seconds(rateLimit.perMs)})`;
  return { ok: false, reason: 'rate_limited', retryAfterMs: waitMs, message };
};

const admit = async (parts: Parts, subject: LimitSubject, call: Call): Promise<Admitted> => {
  const { holder, ttlMs, maxConcurrent } = call;
  const key = { tool: subject.tool, subject: subjectOf(subject.principal), holder };
  const passed = await parts.breakers.pass({ ...key, ttlMs });
  if (!passed.ok) {
    return { ok: false, reason: 'breaker_open', retryAfterMs: passed.retryAfterMs, message: passed.why };
  }
  const refused = await takeRest(parts, subject, call);
  const { isProbe, isWatched } = passed;
  if (refused === undefined) {
    return { ok: true, ticket: { holder, isProbe, isWatched, hasPlace: maxConcurrent !== undefined } };
  }
  if (isProbe) await parts.breakers.settle(key, { kind: 'none' });
  return refused;
};

/** Whether a breaker has anything to learn: the success of a healthy tool costs no round trip. */
const isNews = ({ isProbe, isWatched }: Ticket, { kind }: Report): boolean => {
  if (kind === 'none') return isProbe;
  return kind !== 'success' || isProbe || isWatched === true;
};

const report = async (parts: Parts, subject: LimitSubject, told: { ticket: Ticket; report: Report }): Promise<void> => {
  const { ticket, report } = told;
  const { tool, principal } = subject;
  const { holder, hasPlace } = ticket;
  if (hasPlace === true) await givePlace(parts.connection, { scope: parts.scope, tool, holder });
  if (isNews(ticket, report)) await parts.breakers.settle({ tool, subject: subjectOf(principal), holder }, report);
};

/**
 * Breakers, rate limits, bulkheads and retry budgets in the control store, counted together by all workers of a task queue.
 * All times are the database's: workers' clocks need not agree. Every method fails with `Store.Unavailable` (retryable) when
 * the store cannot be reached.
 */
export const createToolLimits = (
  connection: Connection,
  { namespace, taskQueue }: Scope,
  options: ToolLimitsOptions = {},
): ToolLimits => {
  const scope = `${encodeURIComponent(namespace)}/${taskQueue}`;
  const rules = { own: { ...OWN_BREAKER, ...options.breaker }, fleet: { ...FLEET_BREAKER, ...options.breaker } };
  const quiet = createQuiet(connection, scope, options.quietMs ?? QUIET_MS);
  const parts: Parts = { connection, scope, breakers: createBreakerStore({ connection, scope, rules, quiet }) };
  const budgets = createRetryBudgets(connection, scope, { ...RETRY_BUDGET, ...options.retryBudget });
  return {
    admit: (subject, call) => admit(parts, subject, call),
    report: async (subject, ticket, told) => {
      if (told.kind === 'success') budgets.deposit(subject.tool);
      await report(parts, subject, { ticket, report: told });
    },
    takeRetry: (tool) => budgets.take(tool),
    open: (tools, principal, { taskId, epoch }) =>
      parts.breakers.open(tools, subjectOf(principal), JSON.stringify([taskId, epoch])),
  };
};
