import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import type { JsonObject } from '../domain/json.ts';

const LIMITS = ['costUsd', 'steps', 'toolCalls', 'tokens', 'duration'];

const amountOf = (limit: string, given: string): readonly [string, number] => {
  const amount = limit === 'duration' ? parseDuration(given) : given.trim() === '' ? Number.NaN : Number(given);
  if (amount === undefined || !Number.isFinite(amount) || amount <= 0) {
    const such = limit === 'duration' ? 'a duration, such as duration=30m' : `an amount above 0, such as ${limit}=1`;
    throw new InvalidArgumentError(`Expected ${such}.`);
  }
  return [limit === 'duration' ? 'durationMs' : limit, amount];
};

/** What a yes about a budget allows further: `costUsd=1,duration=30m`, in the units that tasks count in. */
export const parseShare = (text: string): JsonObject =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [limit = '', given = '', ...more] = pair.split('=').map((part) => part.trim());
      if (!LIMITS.includes(limit) || more.length > 0)
        throw new InvalidArgumentError(`Expected LIMIT=AMOUNT, with one of ${LIMITS.join(', ')}.`);
      return amountOf(limit, given);
    }),
  );
