import type { Usage } from './task.ts';

/** Hard bounds of a task, resolved; every one is finite except the cost, which needs a price to count. */
export type Limits = {
  readonly steps: number;
  readonly toolCalls: number;
  /** Input and output tokens together, as the provider counts them. */
  readonly tokens: number;
  /** `max_output_tokens` of each request. */
  readonly tokensPerTurn: number;
  readonly costUsd?: number | undefined;
  /** Milliseconds, without waits for people and pauses. */
  readonly durationMs: number;
  /** Consecutive proposals of which nothing could be used. */
  readonly invalidProposals: number;
};

/** What holds where neither the task nor its agent says otherwise. */
export const DEFAULT_LIMITS: Limits = {
  steps: 30,
  toolCalls: 60,
  tokens: 200_000,
  tokensPerTurn: 4_000,
  durationMs: 2 * 60 * 60 * 1000,
  invalidProposals: 3,
};

/** A limit that was reached. */
export type ReachedLimit = { readonly limit: keyof Limits; readonly used: number; readonly max: number };

/** The first limit that leaves no room for another step, or undefined. `activeMs` leaves out waits and pauses. */
export const reachedLimit = (limits: Limits, usage: Usage, activeMs: number): ReachedLimit | undefined => {
  const used: readonly [keyof Limits, number][] = [
    ['steps', usage.steps],
    ['toolCalls', usage.toolCalls],
    ['tokens', usage.inputTokens + usage.outputTokens],
    ['costUsd', usage.costUsd],
    ['durationMs', activeMs],
  ];
  for (const [limit, value] of used) {
    const max = limits[limit];
    if (max !== undefined && value >= max) return { limit, used: value, max };
  }
  return undefined;
};

/** What is allowed beyond limits, by limit and in their units. */
export type Share = Readonly<Record<string, number>>;

/** Limits with what a person allowed further. Where there is no limit, nothing is added to it. */
export const extendLimits = (limits: Limits, share: Share): Limits =>
  Object.fromEntries(
    Object.entries(limits).map(([limit, max]) => [limit, max === undefined ? max : max + (share[limit] ?? 0)]),
  ) as Limits;

/** Two shares as one. */
export const addShares = (one: Share, other: Share): Share => {
  const limits = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(limits.map((limit) => [limit, (one[limit] ?? 0) + (other[limit] ?? 0)]));
};

/** US dollars in hundredths of a cent; everything else is counted whole. */
const roundUp = (limit: keyof Limits, amount: number): number =>
  limit === 'costUsd' ? Math.ceil(amount * 1e4 - 1e-6) / 1e4 : Math.max(1, Math.ceil(amount));

/**
 * What a plain yes allows beyond a limit that was reached: half of what it was at first. Where more than that is used already,
 * what is used comes on top: a yes that changes nothing would be asked for again at once.
 * @param first the limit before anybody extended it
 */
export const furtherShare = ({ limit, used, max }: ReachedLimit, first: number): Share => {
  const half = roundUp(limit, first / 2);
  return { [limit]: max + half > used ? half : roundUp(limit, used - max + half) };
};

/** The first budget of which a share is used, or undefined. */
export const usedShare = (
  limits: Limits,
  usage: Usage,
  point: { readonly share: number; readonly of: readonly ('costUsd' | 'tokens')[] },
): ReachedLimit | undefined => {
  for (const limit of point.of) {
    const max = limits[limit];
    const used = limit === 'costUsd' ? usage.costUsd : usage.inputTokens + usage.outputTokens;
    if (max !== undefined && used >= point.share * max) return { limit, used, max };
  }
  return undefined;
};

/** A used share of a budget in words. @param steps that it took */
export const describeBudget = ({ limit, used, max }: ReachedLimit, steps: number): string => {
  const amount = limit === 'costUsd' ? `${Math.round(used * 1e4) / 1e4} of ${max} USD` : `${used} of ${max} ${limit}`;
  return `${Math.floor((100 * used) / max)} % of the budget is used: ${amount}, after ${steps} step${steps === 1 ? '' : 's'}`;
};

/** A reached limit in words. */
export const describeLimit = ({ limit, used, max }: ReachedLimit): string =>
  limit === 'durationMs'
    ? `limit duration reached: ${Math.round(used / 1000)} of ${Math.round(max / 1000)} s`
    : `limit ${limit} reached: ${used} of ${max}`;
