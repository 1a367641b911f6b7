import type { GrantedApproval } from '../activities/ports.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Digest } from '../domain/digest.ts';
import type { BareReason, Reason, Verdict } from '../domain/proposal.ts';
import { isSameReason } from '../domain/standing.ts';
import { describeNeeds, suffices } from '../domain/sufficient.ts';
import { ruleOf } from './approval-rules.ts';
import { hasBefore } from './before-image.ts';
import { LOW_CONFIDENCE } from './confidence.ts';
import { approvalDigest, besideDigest } from './faces.ts';
import type { ValidFlight } from './flight.ts';

/** Whether an approval lets a call run now; if not, with what it is asked again. */
export type Approved =
  | { readonly ok: true; readonly isBeside: boolean; readonly rule: string }
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** A verdict that asks, what was approved, and the digest of the before-image as it is now. */
export type AskedNow = {
  readonly verdict: Verdict;
  readonly approval: GrantedApproval | undefined;
  readonly before: Digest | undefined;
};

/** The agent was not sure enough, by the review. That holds on: the verdict of now cannot know it. */
export const asReviewed = (verdict: Verdict, approval: GrantedApproval | undefined): Verdict => {
  const isUnsure = approval?.reasons?.some(({ code }) => code === LOW_CONFIDENCE) === true;
  if (!isUnsure || verdict.outcome === 'reject') return verdict;
  const reason = { code: LOW_CONFIDENCE, message: 'the agent was not sure enough to go on alone' };
  return { outcome: 'ask', reasons: [...verdict.reasons, reason] };
};

/** What an approval may cover of a call: with what stood there before, or, where nobody could show that, without. */
const digestsOf = ({ tool, args }: ValidFlight, before: Digest | undefined): readonly Digest[] => [
  approvalDigest(tool, args),
  ...(before === undefined ? [] : [approvalDigest(tool, args, before)]),
];

/** What the digest of an approval is of: this very call, this call beside the one that holds its key, or something else. */
export const coverOf = (
  flight: ValidFlight,
  { approval, before }: Omit<AskedNow, 'verdict'>,
): 'call' | 'beside' | 'other' => {
  if (approval === undefined) return 'other';
  const digests = digestsOf(flight, before);
  if (digests.some((digest) => digest === approval.digest)) return 'call';
  return digests.some((digest) => besideDigest(digest) === approval.digest) ? 'beside' : 'other';
};

/** INVARIANT A1: an approval's id names the life of the task and the call, also where it comes from one for several calls. */
const isOfThisCall = ({ context, call }: ValidFlight, { id }: GrantedApproval): boolean => {
  const life = `${context.taskId}/${context.epoch}/`;
  if (!id.startsWith(life)) return false;
  const name = id.slice(life.length);
  return name === call.id || name.startsWith(`${call.id}-`) || name.endsWith(`/${call.id}`);
};

/**
 * INVARIANT A1: the verdict of now is stricter where it has a reason (code and policy) that was not among those approved. A policy
 * set that has changed is no reason by itself: nobody is asked again for a rule that would not have asked anything else. Whoever
 * gave an approval that stands has not seen this call: of them nobody knows what they would have said to another text of the rule.
 */
const isStricter = ({ reasons }: Verdict, { reasons: approved, standing }: GrantedApproval): boolean => {
  if (approved === undefined) return false;
  const isSame = (one: BareReason, now: BareReason): boolean =>
    standing === undefined ? one.code === now.code && one.policy === now.policy : isSameReason(one, now);
  return reasons.some((now) => !approved.some((each) => isSame(each, now)));
};

type Flaw = 'none' | 'of_another' | 'changed' | 'stricter' | 'insufficient';

const BECAUSE = {
  of_another: { code: 'approval_of_another', message: 'that approval was given for another call' },
  changed: {
    code: 'before_changed',
    message: 'what it would change is not what was approved: it changed since, or the tool did',
  },
} as const;

/** What to tell beside the reasons of the verdict. */
const because = (flight: ValidFlight, flaw: Exclude<Flaw, 'none'>, needs: string): readonly Reason[] => {
  switch (flaw) {
    case 'of_another':
      return [BECAUSE.of_another];
    case 'changed':
      return hasBefore(flight.tool) ? [BECAUSE.changed] : [];
    case 'stricter':
      return [];
    case 'insufficient':
      return [{ code: 'approval_insufficient', message: `by the rules of now it needs: ${needs}` }];
    default:
      return assertNever(flaw);
  }
};

/**
 * INVARIANT A1: whether what was approved is what would run now, and the approval is enough for the verdict and the rule of now.
 * It is asked at the moment of execution, of every approval, also of one that covers several calls.
 */
export const judgeApproval = (flight: ValidFlight, { verdict, approval, before }: AskedNow): Approved => {
  const { parts, tool, context } = flight;
  const { reasons } = verdict;
  if (approval === undefined) return { ok: false, reasons };
  const cover = coverOf(flight, { approval, before });
  const rule = ruleOf(parts, { kind: 'approval', tool, context, reasons });
  const flawOf = (): Flaw => {
    if (!isOfThisCall(flight, approval)) return 'of_another';
    if (cover === 'other') return 'changed';
    if (isStricter(verdict, approval)) return 'stricter';
    return suffices(rule, approval, context.principal.id) ? 'none' : 'insufficient';
  };
  const flaw = flawOf();
  return flaw === 'none'
    ? { ok: true, isBeside: cover === 'beside', rule: rule.name }
    : { ok: false, reasons: [...reasons, ...because(flight, flaw, describeNeeds(rule))] };
};
