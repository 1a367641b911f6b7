import { type ApprovalRule, ruleFor, scopesOf } from '../domain/approval-rule.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import { deadlineOf, timelineOf } from '../domain/desk-clock.ts';
import type { Review } from '../domain/proposal.ts';
import { possibleScopes } from '../domain/standing.ts';
import type { TaskState } from './state.ts';

/** What a question is about, before it has its name and its terms. */
export type Draft = Omit<PendingDecision, 'id' | 'taskId' | 'since'>;

/** A call is reviewed with the rule that holds for it; everything else is looked up here. */
const ruleOf = (
  rules: readonly ApprovalRule[],
  { draft, review, task }: { readonly draft: Draft; readonly review: Review | undefined; readonly task: TaskState },
): ApprovalRule => {
  const { kind, tool, reasons } = draft;
  if (review?.rule !== undefined && (kind === 'approval' || kind === 'answer')) return review.rule;
  const { agent, principal } = task.admitted.context;
  const policies = reasons.flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
  return ruleFor(rules, { kind, tool, risk: review?.risk, agent, tenant: principal.tenant, policies });
};

/** How far a yes may reach, where that is further than once: it takes a tool that can be told from one that changed. */
const furtherScopes = (draft: Draft, rule: ApprovalRule, review: Review | undefined): Pick<Draft, 'scopes'> => {
  if (review?.toolDigest === undefined) return {};
  const { kind, reasons } = draft;
  const scopes = possibleScopes({ kind, reasons, scopes: scopesOf(rule, review.risk) });
  return scopes.length > 1 ? { scopes } : {};
};

/**
 * The terms of a question by the approval rule that holds: who may decide, how far a yes may reach, what happens until when if
 * nobody does. Tasks of before have none.
 */
export const termsOf = (
  task: TaskState,
  draft: Draft,
  { review, sinceMs }: { readonly review: Review | undefined; readonly sinceMs: number },
): Partial<PendingDecision> => {
  const rules = task.admission?.approvalRules;
  if (rules === undefined) return {};
  const rule = ruleOf(rules, { draft, review, task });
  const { agent, epoch, principal } = task.admitted.context;
  const { name, roles, quorum, verified, separate } = rule;
  const timeline = timelineOf(rule, draft.kind, sinceMs);
  return {
    agent,
    epoch,
    rule: name,
    who: { roles, quorum, verified, not: separate ? [principal.id] : [] },
    ...furtherScopes(draft, rule, review),
    ...defined({
      risk: review?.risk,
      timeline: timeline.length === 0 ? undefined : timeline,
      deadline: deadlineOf(timeline),
    }),
    ...(draft.kind === 'approval' ? defined({ change: review?.change }) : {}),
  };
};
