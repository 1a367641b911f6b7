import type { Ran } from '../activities/ports.ts';
import type { Digest } from '../domain/digest.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import { callEntry } from './audit.ts';
import type { BeforeImage } from './before-image.ts';
import { type Flight, resultOf, type ValidFlight } from './flight.ts';
import { taskRef } from './ports.ts';
import { reviewOf } from './review.ts';
import { notSeen, seeAgain } from './seen.ts';

/** Ends a call before anything ran, with the reasons for the model and the audit trail. */
export const refuse = async (flight: Flight, reasons: readonly Reason[]): Promise<Ran> => {
  const anchor = await flight.parts.store.audit.append(taskRef(flight.context), [
    callEntry(flight, 'outcome', { status: 'rejected', reasons: reasons.map(({ code }) => code) }),
  ]);
  const output = reasons.map(({ message }) => message).join('; ');
  return { result: resultOf(flight, { status: 'rejected', output, trust: 'trusted' }), anchor };
};

/** What a person who is asked (again) decides on. */
export type AskedAnew = {
  /** Another one than that of the call. */
  readonly digest?: Digest | undefined;
  /** What stands there now. */
  readonly before?: BeforeImage | undefined;
  /** Why nobody can tell what stands there now. */
  readonly unseen?: string | undefined;
};

/** Nothing ran: a person has to be asked, or asked again (INVARIANT A1). */
export const askAgain = async (flight: ValidFlight, verdict: Verdict, anew: AskedAnew = {}): Promise<Ran> => {
  const { digest, before, unseen } = anew;
  const [refused, seen] = await Promise.all([
    refuse(flight, verdict.reasons),
    before === undefined ? notSeen(unseen) : seeAgain(flight, before),
  ]);
  return { ...refused, ask: { ...reviewOf(flight, verdict, seen), ...(digest === undefined ? {} : { digest }) } };
};
