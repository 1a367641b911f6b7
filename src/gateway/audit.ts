import type { CallContext, GrantedApproval } from '../activities/ports.ts';
import type { HumanDecision } from '../domain/decision.ts';
import { digestJson } from '../domain/digest.ts';
import { removeHidden } from '../domain/hidden-text.ts';
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

/** Names that stand in an entry, and how long each. */
const MAX_NAMES = 20;
const MAX_NAME = 200;

/** A name is whatever somebody claimed, or an issuer vouched for. */
const name = (text: string): string => removeHidden(text.slice(0, MAX_NAME)).toWellFormed();

/** Who decided, and whether that is proven (INVARIANT A3): a claim alone says so. */
export const whoDetail = ({
  by,
  verified,
  votes,
}: Partial<Pick<HumanDecision, 'by' | 'verified' | 'votes'>>): Readonly<Record<string, Json | undefined>> => ({
  by: by === undefined ? undefined : name(by),
  verified: verified ?? false,
  votes: votes?.slice(0, MAX_NAMES).map((vote) => ({ by: name(vote.by), issuer: name(vote.issuer) })),
});

/** Of an attempt: the approval that let it run, and the approval rule by which it was enough. */
export const approvalDetail = (
  { id, by, verified, votes, standing }: GrantedApproval,
  rule: string | undefined,
): Readonly<Record<string, Json | undefined>> => ({
  approval: id,
  rule,
  standing: standing === undefined ? undefined : name(standing),
  ...whoDetail({
    ...(by === undefined ? {} : { by }),
    ...(verified === undefined ? {} : { verified }),
    ...(votes === undefined ? {} : { votes }),
  }),
});

/** The audit entry of a review: who wants what, and what was decided by which rules. Arguments by digest only. */
export const reviewEntry = (context: CallContext, review: Review, args: unknown): AuditEntry => ({
  type: 'review',
  callId: review.callId,
  tool: review.tool,
  ...base(context),
  argsDigest: digestJson(args),
  detail: present({
    effect: review.effect,
    verdict: verdictDetail(review.verdict),
    policies: review.policies,
    risk: review.risk,
    rule: review.rule?.name,
  }),
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
