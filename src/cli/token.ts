import { text as readText } from 'node:stream/consumers';
import { defined } from '../domain/defined.ts';
import { isRecord } from '../domain/json.ts';
import { UsageError } from './failure.ts';
import type { Said } from './sending.ts';

/** A decision that was signed elsewhere, with what was signed beside yes or no. */
export type Signed = { readonly token: string; readonly id: string | undefined; readonly said: Omit<Said, 'name'> };

const HOW = 'Give what `holdfast sign` printed, or the token alone; - reads it from stdin.';

const word = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const parse = (given: string): Readonly<Record<string, unknown>> => {
  if (!given.startsWith('{')) return { token: given };
  try {
    const value: unknown = JSON.parse(given);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
};

/** Reads a signed decision: a JWT, or the JSON that `holdfast sign` prints. @throws UsageError when it is neither */
export const readToken = async (given: string): Promise<Signed> => {
  const fields = parse((given === '-' ? await readText(process.stdin) : given).trim());
  const { token, id, args, scope, same, note, reason, text } = fields;
  if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
    throw new UsageError('this is no signed decision.', HOW);
  const said = defined({ text: word(note) ?? word(reason) ?? word(text), args, scope, same });
  // The task checks what these are; they only have to be sent as they were signed.
  return { token, id: word(id), said: said as Omit<Said, 'name'> };
};
