import type { CallContext } from '../activities/ports.ts';
import { digestJson } from '../domain/digest.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Review, Verdict } from '../domain/proposal.ts';
import type { Flight } from './flight.ts';
import type { AuditEntry } from './ports.ts';

/** Leaves out what is not there: an entry is hashed as it stands. */
const present = (fields: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as JsonObject;

const verdictDetail = ({ outcome, reasons }: Verdict): JsonObject => ({
  outcome,
  reasons: reasons.map(({ code, policy }) => present({ code, policy })),
});

const base = ({ agent, principal }: CallContext) => ({
  agent,
  principal: principal.id,
  ...(principal.tenant === undefined ? {} : { tenant: principal.tenant }),
});

/** The audit entry of a review: who wants what, and what was decided by which rules. Arguments by digest only. */
export const reviewEntry = (context: CallContext, review: Review, args: unknown): AuditEntry => ({
  type: 'review',
  callId: review.callId,
  tool: review.tool,
  ...base(context),
  argsDigest: digestJson(args),
  detail: present({ effect: review.effect, verdict: verdictDetail(review.verdict), policies: review.policies }),
});

/** The audit entry of something that happened to a call. */
export const callEntry = (
  flight: Pick<Flight, 'call' | 'context' | 'argsDigest'> & { readonly tool: { readonly name: string } },
  type: Exclude<AuditEntry['type'], 'review'>,
  detail: Readonly<Record<string, Json | undefined>>,
): AuditEntry => ({
  type,
  callId: flight.call.id,
  tool: flight.tool.name,
  ...base(flight.context),
  argsDigest: flight.argsDigest,
  detail: present(detail),
});
