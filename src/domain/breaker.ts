import { assertNever } from './assert-never.ts';
import { digestText, shortDigest } from './digest.ts';

/** Why a breaker opened. Never the tool's own words: another task, or another tenant, is told the cause. */
export type BreakerCause = 'failure' | 'junk' | 'refused';

/** A breaker that is open, or at cool-down once `untilMs` has passed. Times are milliseconds since 1970. */
export type Opening = {
  readonly cause: BreakerCause;
  readonly untilMs: number;
  /** How often it opened since it was last closed; the cool-down grows with it. */
  readonly times: number;
  /** Whose failed probe opened it again: at the next cool-down it gives way to others. */
  readonly failedBy?: string;
  /** The task that is offered the tool at cool-down. */
  readonly offer?: { readonly to: string; readonly untilMs: number };
  /** The one call that is let through at cool-down. */
  readonly probe?: { readonly holder: string; readonly untilMs: number };
};

/** What a breaker remembers; plain JSON of bounded size. */
export type Breaker = {
  /** In a row; a success takes them back. */
  readonly failures: number;
  /** Different principals behind the failures, as many as the rules ask for. */
  readonly by: readonly string[];
  /** Different inputs that the same words refused, in a row. */
  readonly refusal?: { readonly error: string; readonly inputs: readonly string[] };
  readonly opening?: Opening;
};

/** When a breaker opens, and for how long. */
export type BreakerRules = {
  /** Failures, or refusals with the same words, in a row. */
  readonly failures: number;
  /** Different principals that must be behind the failures. */
  readonly principals: number;
  /** The first cool-down; each further one is twice as long. */
  readonly coolDownMs: number;
  readonly maxCoolDownMs: number;
  /** How long one task alone is offered the tool at cool-down. */
  readonly offerMs: number;
};

/**
 * INVARIANT L2: two breakers stand before a tool. A principal's own one opens by that principal's failures alone: wrong
 * credentials or a captured task stop nobody else. The fleet's one needs failures of two principals, and no success of
 * anybody between them; and no refusal counts for it, since a validation error is the input's fault.
 */
export const OWN_BREAKER: BreakerRules = {
  failures: 3,
  principals: 1,
  coolDownMs: 30_000,
  maxCoolDownMs: 300_000,
  offerMs: 60_000,
};
export const FLEET_BREAKER: BreakerRules = { ...OWN_BREAKER, principals: 2 };

/** A breaker that has nothing to remember. */
export const CLOSED: Breaker = { failures: 0, by: [] };

/** Where a breaker stands; only `open` lets nobody through. */
export const breakerPhase = ({ opening }: Breaker, nowMs: number): 'closed' | 'open' | 'half_open' => {
  if (opening === undefined) return 'closed';
  return nowMs < opening.untilMs ? 'open' : 'half_open';
};

/** How a call went. `error` tells same words from other ones. */
export type BreakerReport =
  | { readonly kind: 'success' | 'failure' | 'junk' | 'none' }
  | { readonly kind: 'refused'; readonly error: string; readonly argsDigest: string };

/** One call's report; `principal` as in `by`. */
export type BreakerEvent = {
  readonly report: BreakerReport;
  readonly principal: string;
  readonly holder: string;
  readonly nowMs: number;
};

const open = (
  breaker: Breaker,
  { nowMs, principal }: BreakerEvent,
  by: BreakerRules & { cause: BreakerCause },
): Breaker => {
  const times = (breaker.opening?.times ?? 0) + 1;
  const coolDownMs = Math.min(by.maxCoolDownMs, by.coolDownMs * 2 ** Math.min(times - 1, 30));
  const failedBy = breaker.opening === undefined ? {} : { failedBy: principal };
  return { ...breaker, opening: { cause: by.cause, untilMs: nowMs + coolDownMs, times, ...failedBy } };
};

/** The words, without the words: a row that others read holds no text of a tool. */
const nameOf = (error: string): string => shortDigest(digestText(error), 32);

const countFailure = (
  breaker: Breaker,
  event: BreakerEvent & { readonly cause: 'failure' | 'junk' },
  rules: BreakerRules,
): Breaker => {
  const isKnown = breaker.by.includes(event.principal) || breaker.by.length >= rules.principals;
  const by = isKnown ? breaker.by : [...breaker.by, event.principal];
  const counted: Breaker = { failures: Math.min(breaker.failures + 1, rules.failures), by };
  const isOver = counted.failures >= rules.failures && by.length >= rules.principals;
  return isOver ? open(counted, event, { ...rules, cause: event.cause }) : counted;
};

const countRefusal = (
  breaker: Breaker,
  event: BreakerEvent & { readonly report: { readonly kind: 'refused' } },
  rules: BreakerRules,
): Breaker => {
  // INVARIANT L2: a validation error never counts for the fleet.
  if (rules.principals > 1) return breaker;
  const error = nameOf(event.report.error);
  const before = breaker.refusal?.error === error ? breaker.refusal.inputs : [];
  const input = shortDigest(event.report.argsDigest, 32);
  if (before.includes(input)) return breaker;
  const counted: Breaker = { ...breaker, refusal: { error, inputs: [...before, input] } };
  return before.length + 1 >= rules.failures ? open(counted, event, { ...rules, cause: 'refused' }) : counted;
};

const withoutProbe = (breaker: Breaker, { probe: _, ...opening }: Opening): Breaker => ({ ...breaker, opening });

/** A probe's report. A refusal shows neither that the tool works nor that it does not, unless it is in the same words again. */
const settleProbe = (
  breaker: Breaker,
  opening: Opening,
  { event, rules }: { event: BreakerEvent; rules: BreakerRules },
): Breaker => {
  const { report } = event;
  if (report.kind === 'success') return CLOSED;
  if (report.kind === 'failure' || report.kind === 'junk')
    return open(breaker, event, { ...rules, cause: report.kind });
  const isSameRefusal =
    report.kind === 'refused' && opening.cause === 'refused' && breaker.refusal?.error === nameOf(report.error);
  return isSameRefusal ? open(breaker, event, { ...rules, cause: 'refused' }) : withoutProbe(breaker, opening);
};

/**
 * Counts how a call went. Of an open breaker only the probe's own report counts: calls that began before it opened say
 * nothing new.
 * @returns the same object where nothing changed
 */
export const settleBreaker = (breaker: Breaker, event: BreakerEvent, rules: BreakerRules): Breaker => {
  const { report } = event;
  if (breaker.opening !== undefined) {
    return breaker.opening.probe?.holder === event.holder
      ? settleProbe(breaker, breaker.opening, { event, rules })
      : breaker;
  }
  switch (report.kind) {
    case 'none':
      return breaker;
    case 'success':
      return isClean(breaker) ? breaker : CLOSED;
    case 'failure':
    case 'junk':
      return countFailure(breaker, { ...event, cause: report.kind }, rules);
    case 'refused':
      return countRefusal(breaker, { ...event, report }, rules);
    default:
      return assertNever(report);
  }
};

/** Tells that a breaker has nothing to remember: it needs no row. */
export const isClean = ({ failures, refusal, opening }: Breaker): boolean =>
  failures === 0 && refusal === undefined && opening === undefined;

/** Whether a call, or a task, may pass, and the breaker after that; or when to ask again. */
export type Passage =
  | { readonly ok: true; readonly breaker: Breaker }
  | { readonly ok: false; readonly untilMs: number };

/**
 * From when on a principal may try again. INVARIANT L2: whoever failed the fleet's last probe gives way to others for one
 * offer, so that one principal's failures do not keep it open.
 */
const cooledMs = ({ untilMs, failedBy }: Opening, principal: string, rules: BreakerRules): number =>
  rules.principals > 1 && failedBy === principal ? untilMs + rules.offerMs : untilMs;

/** A call that wants to pass; `ttlMs` bounds how long a crash holds the probe's slot (INVARIANT L2). */
export type ProbeRequest = {
  readonly holder: string;
  readonly principal: string;
  readonly nowMs: number;
  readonly ttlMs: number;
};

/** Lets a call through: any while closed, one at a time at cool-down, none while open. The same holder gets its slot again. */
export const passBreaker = (breaker: Breaker, request: ProbeRequest, rules: BreakerRules): Passage => {
  const { opening } = breaker;
  const { holder, nowMs, ttlMs } = request;
  if (opening === undefined) return { ok: true, breaker };
  const cooled = cooledMs(opening, request.principal, rules);
  if (nowMs < cooled) return { ok: false, untilMs: cooled };
  const { probe } = opening;
  if (probe !== undefined && probe.holder !== holder && nowMs < probe.untilMs) {
    return { ok: false, untilMs: probe.untilMs };
  }
  return { ok: true, breaker: { ...breaker, opening: { ...opening, probe: { holder, untilMs: nowMs + ttlMs } } } };
};

/** A task that asks which tools it may be shown. */
export type OfferRequest = { readonly task: string; readonly principal: string; readonly nowMs: number };

/** Offers the tool at cool-down: to one task, until its offer or a probe's slot has expired. */
export const offerTool = (breaker: Breaker, request: OfferRequest, rules: BreakerRules): Passage => {
  const { opening } = breaker;
  const { task, nowMs } = request;
  if (opening === undefined) return { ok: true, breaker };
  const cooled = cooledMs(opening, request.principal, rules);
  if (nowMs < cooled) return { ok: false, untilMs: cooled };
  if (opening.probe !== undefined && nowMs < opening.probe.untilMs)
    return { ok: false, untilMs: opening.probe.untilMs };
  const isOffered = opening.offer !== undefined && nowMs < opening.offer.untilMs;
  if (isOffered && opening.offer.to !== task) return { ok: false, untilMs: opening.offer.untilMs };
  if (isOffered) return { ok: true, breaker };
  return {
    ok: true,
    breaker: { ...breaker, opening: { ...opening, offer: { to: task, untilMs: nowMs + rules.offerMs } } },
  };
};

/** For people and models. */
export const BREAKER_CAUSES: Readonly<Record<BreakerCause, string>> = {
  failure: 'its last calls failed',
  junk: 'its last results were of no use',
  refused: 'it refused different inputs with the same words',
};
