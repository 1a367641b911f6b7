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

/** A reached limit in words. */
export const describeLimit = ({ limit, used, max }: ReachedLimit): string =>
  limit === 'durationMs'
    ? `limit duration reached: ${Math.round(used / 1000)} of ${Math.round(max / 1000)} s`
    : `limit ${limit} reached: ${used} of ${max}`;
