import type { Ran } from '../activities/ports.ts';
import type { Digest } from '../domain/digest.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import { callEntry } from './audit.ts';
import { type Flight, resultOf, type ValidFlight } from './flight.ts';
import { taskRef } from './ports.ts';
import { reviewOf } from './review.ts';

/** Ends a call before anything ran, with the reasons for the model and the audit trail. */
export const refuse = async (flight: Flight, reasons: readonly Reason[]): Promise<Ran> => {
  const anchor = await flight.parts.store.audit.append(taskRef(flight.context), [
    callEntry(flight, 'outcome', { status: 'rejected', reasons: reasons.map(({ code }) => code) }),
  ]);
  const output = reasons.map(({ message }) => message).join('; ');
  return { result: resultOf(flight, { status: 'rejected', output, trust: 'trusted' }), anchor };
};

/** Nothing ran: a person has to be asked, or asked again (INVARIANT A1). */
export const askAgain = async (flight: ValidFlight, verdict: Verdict, digest?: Digest): Promise<Ran> => ({
  ...(await refuse(flight, verdict.reasons)),
  ask: { ...reviewOf(flight, verdict), ...(digest === undefined ? {} : { digest }) },
});
