import { type ApprovalRule, needsProof } from './approval-rule.ts';
import { canonicalText } from './canonical-text.ts';
import type { Deciders, DecisionName, PendingDecision, Vote } from './decision.ts';
import { utf8Bytes } from './json.ts';
import { shellWord } from './shell-word.ts';
import { SIZES } from './sizes.ts';

/** What a signature proved of its sender. */
export type Proof = Pick<Vote, 'by' | 'issuer' | 'roles'>;

/** Roles of a voter that are kept. */
const KEPT_ROLES = 32;

/** INVARIANT A3: tells whether only signed decisions count for a question. Questions of before asked for nobody in particular. */
export const asksProof = (who: Deciders | undefined): boolean =>
  who !== undefined && needsProof({ ...who, separate: who.not.length > 0 });

/**
 * Whether two names are of one person. Who vouches for a name makes no difference, and neither does how it is written: taking two
 * people for one asks a third, taking one for two lets one decide alone.
 */
const isSame = (one: string, other: string): boolean => canonicalText(one) === canonicalText(other);

const listed = (words: readonly string[]): string => words.slice(0, 10).join(', ');

/**
 * INVARIANT A3: whether somebody who proved who they are may decide. What an agent signed never gets here: it proves nothing.
 * @returns why not, in words for the sender
 */
export const mayDecide = (who: Deciders | undefined, proof: Proof): string | undefined => {
  if (who === undefined) return undefined;
  if (who.not.some((name) => isSame(name, proof.by))) {
    return `${proof.by} may not decide this: the task runs for them, and duties are separated`;
  }
  if (who.roles.length === 0 || who.roles.some((role) => proof.roles.includes(role))) return undefined;
  const has = proof.roles.length === 0 ? 'no roles' : listed(proof.roles);
  return `${proof.by} may not decide this: it needs one of ${listed(who.roles)}; ${proof.by} has ${has}`;
};

/** A role, quoted and with its comma. */
const roleBytes = (role: string): number => utf8Bytes(JSON.stringify(role)) + 1;

/**
 * Roles in bounds: the first ones, and of those what there is room for. The first one is kept whatever it takes: by it a vote counts.
 * A role that is left out can only make a vote count for less.
 */
export const boundRoles = (roles: readonly string[]): readonly string[] => {
  let left = SIZES.voteRoles;
  const kept = [...new Set(roles)].slice(0, KEPT_ROLES);
  return kept.filter((role, at) => {
    const bytes = roleBytes(role);
    if (at > 0 && bytes > left) return false;
    left -= bytes;
    return true;
  });
};

/** A proof as a vote. Of many roles, those that are asked for are kept first. */
export const toVote = ({ by, issuer, roles }: Proof, who: Deciders | undefined, atMs: number): Vote => {
  const asked = roles.filter((role) => who?.roles.includes(role) === true);
  return { by, issuer, roles: boundRoles([...asked, ...roles]), at: new Date(atMs).toISOString() };
};

/** Whether somebody's approval counts already. */
export const hasVoted = ({ votes = [] }: Pick<PendingDecision, 'votes'>, by: string): boolean =>
  votes.some((vote) => isSame(vote.by, by));

/** The approvals of a question with one more. INVARIANT A3: the same person counts once, whoever vouches for them. */
export const addVote = (pending: Pick<PendingDecision, 'votes'>, vote: Vote): readonly Vote[] =>
  hasVoted(pending, vote.by) ? (pending.votes ?? []) : [...(pending.votes ?? []), vote];

/** So many different people have to approve. */
export const quorumOf = ({ who }: Pick<PendingDecision, 'who'>): number => Math.max(1, who?.quorum ?? 1);

/** Several names, as a decision of several people is recorded. */
export const namesOf = (votes: readonly Vote[]): string => votes.map(({ by }) => by).join(', ');

/** What is asked of those who approve. */
type Asked = Pick<ApprovalRule, 'roles' | 'quorum' | 'verified' | 'separate'>;

const countEligible = (who: Deciders, votes: readonly Vote[]): number =>
  new Set(votes.filter((vote) => mayDecide(who, vote) === undefined).map(({ by }) => canonicalText(by))).size;

/**
 * INVARIANT A3: whether approvals that were given are enough for a rule. What was approved by a claim has no votes.
 * @param principal of the task, who may not decide where duties are separated
 */
export const satisfies = (rule: Asked, votes: readonly Vote[], principal: string): boolean =>
  !needsProof(rule) ||
  countEligible({ ...rule, not: rule.separate ? [principal] : [] }, votes) >= Math.max(1, rule.quorum);

/** INVARIANT A3: whether a question is decided by what these people proved to have said. One denial denies, one answer answers. */
export const mayRule = ({ who }: PendingDecision, name: DecisionName, votes: readonly Vote[]): boolean => {
  if (who === undefined) return votes.length > 0;
  return countEligible(who, votes) >= (name === 'approve' ? Math.max(1, who.quorum) : 1);
};

/** INVARIANT A3: says what to do to whoever only claims a name. */
export const refuseClaim = ({ id, taskId, who }: PendingDecision, name: DecisionName): string => {
  const roles = who === undefined || who.roles.length === 0 ? '' : ` of ${listed(who.roles)}`;
  const task = shellWord(taskId);
  const command = name === 'answer' ? `answer ${task} TEXT` : `${name} ${task} ${id}`;
  return `only a signed decision${roles} counts here: holdfast ${command} --key FILE`;
};
