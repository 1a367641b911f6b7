import { checkShare } from './budget-share.ts';
import { MAX_ORIGINS, type PendingDecision, questionId, type Vote } from './decision.ts';
import { defined } from './defined.ts';
import { type Digest, digestJson } from './digest.ts';
import type { JsonObject } from './json.ts';
import { mostDoubtful } from './origin.ts';
import type { Review } from './proposal.ts';

/** Arguments that somebody put in the place of those that are asked about. A share of a budget has no review. */
export type Edit = { readonly args: JsonObject; readonly vote: Vote; readonly review?: Review | undefined };

/** What another question is about. */
type Subject = Pick<PendingDecision, 'args' | 'digest' | 'reasons' | 'risk' | 'provenance' | 'change' | 'share'>;

const shareOf = (pending: PendingDecision, args: JsonObject): Subject => {
  const checked = checkShare(args);
  const { invalidProposals } = pending.share ?? {};
  // Attempts cannot be named, and without one more the yes would mean nothing.
  const share = { ...(checked.ok ? checked.value : pending.share), ...defined({ invalidProposals }) };
  return {
    args: pending.args,
    digest: digestJson({ share, of: pending.digest }),
    reasons: pending.reasons,
    share,
    ...defined({ risk: pending.risk }),
  };
};

const callOf = (pending: PendingDecision, args: JsonObject, review: Review): Subject => {
  const { digest = digestJson({ tool: pending.tool, args }), verdict, change, risk = pending.risk } = review;
  const provenance = mostDoubtful(review.provenance ?? {}, MAX_ORIGINS);
  return {
    args,
    digest,
    reasons: verdict.outcome === 'ask' ? verdict.reasons : pending.reasons,
    ...defined({ risk, change }),
    ...(Object.keys(provenance).length === 0 ? {} : { provenance }),
  };
};

/**
 * The question about changed arguments that takes the place of another one where several people decide. It keeps who may decide and
 * every deadline, has the vote of who changed them, and none of before: nobody else has seen these arguments.
 * @param taken tells whether an id names a question already
 */
export const replacementOf = (
  pending: PendingDecision,
  { args, vote, review }: Edit,
  taken: (id: string) => boolean,
): PendingDecision => {
  const { change: _, provenance: _from, scopes: _reach, ...kept } = pending;
  const subject = review === undefined ? shareOf(pending, args) : callOf(pending, args, review);
  const message = `${vote.by} changed what is asked about; approvals of before do not count`;
  const digest: Digest = subject.digest;
  return {
    ...kept,
    ...subject,
    id: questionId(pending.callId, digest, taken),
    reasons: [...subject.reasons.filter(({ code }) => code !== EDITED), { code: EDITED, message }],
    votes: [vote],
  };
};

const EDITED = 'edited';
