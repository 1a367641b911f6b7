import { MAX_DURATION_MS, parseDuration } from './duration.ts';
import { isRecord } from './json.ts';
import type { Checked } from './messages.ts';

const refuse = (refusal: string) => ({ ok: false, refusal }) as const;

const EXAMPLE = '{"args":{"costUsd":2,"duration":"30m"}}';

/** What may be allowed further; all but the cost are whole numbers. */
const SHARES = ['costUsd', 'tokens', 'steps', 'toolCalls', 'durationMs'] as const;

const isShare = (key: string): key is (typeof SHARES)[number] => (SHARES as readonly string[]).includes(key);

/** More of anything than this is no share but the end of a limit. */
const MAX = 1e12;

const shown = (key: string): string => JSON.stringify(key.slice(0, 40));

const checkAmount = (key: (typeof SHARES)[number], value: unknown): Checked<number> => {
  const max = key === 'durationMs' ? MAX_DURATION_MS : MAX;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0 || value > max) {
    return refuse(`${shown(key)} must be a number above 0 and at most ${max}: how much more is allowed`);
  }
  if (key !== 'costUsd' && !Number.isSafeInteger(value)) return refuse(`${shown(key)} must be a whole number`);
  return { ok: true, value };
};

const checkEntry = (key: string, value: unknown): Checked<readonly [string, number]> => {
  const limit = key === 'duration' ? 'durationMs' : key;
  if (!isShare(limit)) {
    return refuse(`unknown limit ${shown(key)}; possible: costUsd, tokens, steps, toolCalls, duration`);
  }
  // What is no text is not made one: an object may say how, and throw.
  const text = typeof value === 'string' ? value.slice(0, 40) : '';
  const given = key === 'duration' ? parseDuration(text) : value;
  if (given === undefined) return refuse(`"duration" must be a text such as "30m": ${EXAMPLE}`);
  const amount = checkAmount(limit, given);
  return amount.ok ? { ok: true, value: [limit, amount.value] } : amount;
};

/**
 * Checks what a person allows a task further, by limit: `{costUsd, tokens, steps, toolCalls, duration}`, each on top of what it has.
 * @returns amounts in the units of `limits` (`durationMs` in milliseconds)
 */
export const checkShare = (args: unknown): Checked<Readonly<Record<string, number>>> => {
  if (!isRecord(args)) return refuse(`"args" must be an object with what is allowed further, such as ${EXAMPLE}`);
  const keys = Object.keys(args);
  if (keys.length === 0)
    return refuse(`"args" names nothing that is allowed further; leave it out, or give ${EXAMPLE}`);
  if (keys.includes('duration') && keys.includes('durationMs')) return refuse('give "duration" or "durationMs"');
  const share: Record<string, number> = {};
  for (const key of keys) {
    const amount = checkEntry(key, args[key]);
    if (!amount.ok) return amount;
    const [limit, value] = amount.value;
    share[limit] = value;
  }
  return { ok: true, value: share };
};
