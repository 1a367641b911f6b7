import type { JWTPayload } from 'jose';
import type { VerifyDecisionInput } from '../activities/messages.ts';
import { revealHidden } from '../domain/hidden-text.ts';
import { utf8Bytes } from '../domain/json.ts';
import type { DecisionClaims } from '../domain/signed-decision.ts';
import { CLOCK_TOLERANCE_MS, MAX_LIFETIME_MS } from './lifetime.ts';

/** Why a claim does not count, in words for its sender; undefined: it does. */
export type Refusal = string | undefined;

/** What each claim has to be the same as, and what it means when it is not. */
const SAME: Record<keyof DecisionClaims, { readonly input: keyof VerifyDecisionInput; readonly refusal: string }> = {
  task: { input: 'taskId', refusal: 'it was signed for another task' },
  epoch: { input: 'epoch', refusal: 'it was signed for an earlier life of this task; sign again what is pending now' },
  id: { input: 'id', refusal: 'it was signed for another question; sign again what is pending now' },
  digest: { input: 'digest', refusal: 'what is pending has changed since it was signed; look at it, and sign again' },
  decision: {
    input: 'decision',
    refusal: 'it was signed for another decision: approve, deny and answer are different',
  },
  content: {
    input: 'content',
    refusal:
      'the note, reason, answer, arguments or scope are not those that were signed; send exactly what was signed',
  },
};

/** INVARIANT A3: a signature counts for exactly the question and the answer that it names. */
const checkSaid = (claims: JWTPayload, input: VerifyDecisionInput): Refusal => {
  for (const [claim, { input: field, refusal }] of Object.entries(SAME)) {
    if (typeof claims[claim] !== 'string') return `it lacks the claim "${claim}"`;
    if (claims[claim] !== input[field]) return refusal;
  }
  return undefined;
};

/** How long it lives. `exp` and the times' types have been looked at with the signature. */
const checkTimes = ({ iat, exp }: JWTPayload, nowMs: number): Refusal => {
  if (typeof iat !== 'number' || typeof exp !== 'number')
    return 'it has to say when it was signed (iat) and until when it counts (exp)';
  if (iat * 1_000 > nowMs + CLOCK_TOLERANCE_MS) return 'it was signed in the future; check the clocks';
  if ((exp - iat) * 1_000 > MAX_LIFETIME_MS) return 'it counts for longer than 24 hours; sign for a shorter time';
  return undefined;
};

/** Tells whether a name means one thing only to who reads it: nothing hidden, one line, composed, bounded. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' &&
  name !== '' &&
  utf8Bytes(name) <= 200 &&
  name === name.trim().normalize('NFC') &&
  !/[\t\r\n]/.test(name) &&
  revealHidden(name) === name;

/** INVARIANT A3: an agent never decides, nor whoever acts in somebody else's place (`act`, RFC 8693). */
const checkPerson = ({ agent, act }: JWTPayload): Refusal => {
  if (agent !== undefined && agent !== false) return 'an agent does not decide';
  return act === undefined ? undefined : 'who acts for somebody else does not decide';
};

/** Everything that the claims of a signed decision have to say, apart from who it is. */
export const checkClaims = (claims: JWTPayload, input: VerifyDecisionInput): Refusal =>
  checkPerson(claims) ?? checkTimes(claims, Date.now()) ?? checkSaid(claims, input);
