import { type Risk, type Scope, scopesOf } from './approval-rule.ts';
import type { PendingDecision, Vote } from './decision.ts';
import { defined } from './defined.ts';
import type { Ruling } from './desk.ts';
import { type Digest, digestJson } from './digest.ts';
import { valueAt } from './json-pointer.ts';
import type { BareReason, Reason, Review } from './proposal.ts';
import { suffices } from './sufficient.ts';

/**
 * A yes that reaches further than one call, within its task. It covers a call of the same tool with the same surface that is
 * asked for the same reasons, and nothing else; a fork or a sub-agent does not inherit it.
 */
export type Standing = {
  /** Of the decision that gave it: `s3.c1-7f3a`. Names it when it is revoked. */
  readonly id: string;
  readonly scope: Exclude<Scope, 'once'>;
  readonly tool: string;
  /** Of the tool as it was approved: face, effect, surface. */
  readonly toolDigest: Digest;
  /** What it was asked for; a call that is asked for another reason is asked. */
  readonly reasons: readonly BareReason[];
  /** Of the scope `values`: by JSON pointer (`` is all arguments) the digest of the value. */
  readonly values?: Readonly<Record<string, Digest>>;
  readonly by?: string;
  readonly verified: boolean;
  readonly votes?: readonly Vote[];
  /** ISO 8601. */
  readonly at: string;
  /** Calls that it let run. */
  readonly uses: number;
  /** Name of the approval rule that held. */
  readonly rule?: string;
  readonly risk?: Risk;
};

/** What a standing approval is found by: a call that asks. */
export type AskedCall = {
  readonly review: Review;
  /** The arguments that are to run. */
  readonly args: unknown;
  /** Id of the task's principal. */
  readonly principal: string;
};

/**
 * Reasons that say something about a tool, and so about the next call of it as well. All others are about one call: a value that
 * came from an outsider, a rule that failed, something a person denied. A reason that nobody has thought of yet is one of those.
 */
const COVERABLE: ReadonlySet<string> = new Set([
  'policy_forbids',
  'policy',
  'unclassified',
  'confirmation_required',
  'destructive',
]);

const isCoverable = (reasons: readonly Pick<Reason, 'code'>[]): boolean =>
  reasons.length > 0 && reasons.every(({ code }) => COVERABLE.has(code));

/** How far a yes to a question may reach. */
export const possibleScopes = ({
  kind,
  scopes = [],
  reasons,
}: Pick<PendingDecision, 'kind' | 'scopes' | 'reasons'>): readonly Scope[] =>
  kind === 'approval' && isCoverable(reasons) ? [...new Set<Scope>(['once', ...scopes])] : ['once'];

/** By JSON pointer, digests of the arguments' values; undefined where there is no such argument. */
const digestsOf = (args: unknown, pointers: readonly string[]): Readonly<Record<string, Digest>> | undefined => {
  const found = pointers.map((pointer) => [pointer, valueAt(args, pointer)] as const);
  if (found.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(found.map(([pointer, value]) => [pointer, digestJson(value?.value)]));
};

/** What a decision says about how far it reaches; undefined: this call only. */
const reachOf = ({ pending, message }: Ruling, args: unknown): Pick<Standing, 'scope' | 'values'> | undefined => {
  const { name, scope = 'once', same = [''] } = message;
  if (name !== 'approve' || scope === 'once' || !possibleScopes(pending).includes(scope)) return undefined;
  if (scope === 'tool') return { scope };
  const values = digestsOf(args, same);
  return values === undefined ? undefined : { scope, values };
};

/**
 * What stands from now on by a decision that reaches further than once; undefined where it does not.
 * @param call as it was approved: the review, and the arguments as they run
 */
export const makeStanding = (
  ruling: Ruling,
  { review, args }: Pick<AskedCall, 'review' | 'args'>,
): Standing | undefined => {
  const { pending, message, votes, atMs } = ruling;
  const { tool, toolDigest } = review;
  const reach = reachOf(ruling, args);
  if (reach === undefined || toolDigest === undefined) return undefined;
  const { id, reasons, rule, risk } = pending;
  return {
    id,
    ...reach,
    tool,
    toolDigest,
    reasons: reasons.map(({ code, policy, policyDigest }) => defined({ code, policy, policyDigest })),
    verified: votes !== undefined && votes.length > 0,
    at: new Date(atMs).toISOString(),
    uses: 0,
    ...defined({ by: message.by, votes, rule, risk }),
  };
};

/**
 * INVARIANT A1: whether a reason of now is one that was approved. A policy that was rewritten under its id asks for something that
 * nobody approved; what was approved without its digest, by a worker of before, is told by the id.
 */
export const isSameReason = (approved: BareReason, now: BareReason): boolean =>
  approved.code === now.code &&
  approved.policy === now.policy &&
  (approved.policyDigest === undefined || approved.policyDigest === now.policyDigest);

const hasValues = ({ scope, values = {} }: Standing, args: unknown): boolean => {
  const wanted = Object.entries(values);
  if (scope === 'tool') return true;
  return (
    wanted.length > 0 &&
    wanted.every(([pointer, digest]) => {
      const found = valueAt(args, pointer);
      return found !== undefined && digestJson(found.value) === digest;
    })
  );
};

/** Whether the reasons of now are among those that were approved, each of a kind that can be. */
const hasReasons = (standing: Standing, { reasons }: Review['verdict']): boolean =>
  isCoverable(reasons) &&
  reasons.every((reason) => standing.reasons.some((approved) => isSameReason(approved, reason)));

/** Whether the approval rule of now lets a yes reach so far, and asks for no more than the approval has. */
const isEnough = (standing: Standing, { review: { rule, risk }, principal }: AskedCall): boolean =>
  rule !== undefined && scopesOf(rule, risk).includes(standing.scope) && suffices(rule, standing, principal);

const covers = (standing: Standing, call: AskedCall): boolean => {
  const { tool, toolDigest, verdict } = call.review;
  return (
    standing.tool === tool &&
    standing.toolDigest === toolDigest &&
    hasReasons(standing, verdict) &&
    isEnough(standing, call) &&
    hasValues(standing, call.args)
  );
};

/**
 * The standing approval by which a call that asks needs nobody; undefined: it is asked. INVARIANT A1: nothing is covered that
 * asks for a reason, or has a surface or values, that nobody approved.
 */
export const findStanding = (standing: readonly Standing[], call: AskedCall): Standing | undefined => {
  const { verdict, question } = call.review;
  if (verdict.outcome !== 'ask' || question !== undefined) return undefined;
  return standing.find((each) => covers(each, call));
};

/** The standing approval that a name means: its id, with a space for the dash as handlers are named. */
export const standingNamed = (standing: readonly Standing[], target: string): Standing | undefined => {
  const id = target.trim().replace(' ', '-');
  return standing.find((each) => each.id === id);
};
