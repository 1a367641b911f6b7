import { type ApprovalRule, needsProof } from './approval-rule.ts';
import type { Vote } from './decision.ts';
import { satisfies } from './votes.ts';

/** What is known of those who approved. */
type Given = { readonly verified?: boolean | undefined; readonly votes?: readonly Vote[] | undefined };

/** Roles that may decide at some time: escalated ones as well, for a late vote counts like an early one. */
const rolesOf = ({ roles, escalate }: ApprovalRule): readonly string[] =>
  roles.length === 0 ? [] : [...new Set([...roles, ...escalate.flatMap((step) => step.roles)])];

/**
 * INVARIANT A3: whether an approval that was given is enough by a rule, which may be another one than it was given under. A
 * claim is never enough where the rule asks for somebody.
 * @param principal of the task, who may not decide where duties are separated
 */
export const suffices = (rule: ApprovalRule, { verified, votes = [] }: Given, principal: string): boolean =>
  !needsProof(rule) || (verified === true && satisfies({ ...rule, roles: rolesOf(rule) }, votes, principal));

/** What a rule asks for, in words: `finance, 2 people, signed`. */
export const describeNeeds = (rule: ApprovalRule): string => {
  const { roles, quorum, separate } = rule;
  const needs = [
    ...(roles.length === 0 ? [] : [rolesOf(rule).slice(0, 10).join(' or ')]),
    ...(quorum > 1 ? [`${quorum} people`] : []),
    ...(separate ? ['nobody for whom the task runs'] : []),
    ...(needsProof(rule) ? ['signed'] : []),
  ];
  return needs.length === 0 ? 'anybody' : needs.join(', ');
};
