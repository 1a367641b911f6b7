import { type ApprovalRule, type Risk, ruleFor, scopesOf } from '../domain/approval-rule.ts';
import type { Undo } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { defined } from '../domain/defined.ts';
import { deadlineOf, timelineOf } from '../domain/desk-clock.ts';
import type { Review } from '../domain/proposal.ts';
import { possibleScopes } from '../domain/standing.ts';
import { highestRisk, strictestRule } from '../domain/strictest-rule.ts';
import type { TaskState } from './state.ts';

/** What a question is about, before it has its name and its terms. */
export type Draft = Omit<PendingDecision, 'id' | 'taskId' | 'since'>;

/** What is known of what a question is about: the review of a call that asks, or the effects that happened or would be undone. */
export type About = {
  readonly review?: Review | undefined;
  readonly effects?: readonly Pick<Undo, 'tool' | 'risk'>[];
};

const riskOf = ({ review, effects = [] }: About): Risk | undefined =>
  review?.risk ?? highestRisk(effects.map(({ risk }) => risk));

/**
 * A call is reviewed with the rule that holds for it; everything else is looked up here. INVARIANT A3: whoever undoes all that a
 * task did undoes each of its effects, so the rule of each is looked at.
 */
const ruleOf = (
  rules: readonly ApprovalRule[],
  { draft, about, task }: { readonly draft: Draft; readonly about: About; readonly task: TaskState },
): ApprovalRule => {
  const { kind, tool, reasons } = draft;
  const { review, effects = [] } = about;
  if (review?.rule !== undefined && (kind === 'approval' || kind === 'answer')) return review.rule;
  const { agent, principal } = task.admitted.context;
  const policies = reasons.flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
  const found = (of: { readonly tool: string; readonly risk?: Risk | undefined }): ApprovalRule =>
    ruleFor(rules, { kind, tool: of.tool, risk: of.risk, agent, tenant: principal.tenant, policies });
  return strictestRule(found({ tool, risk: riskOf(about) }), effects.map(found));
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
  { sinceMs, ...about }: About & { readonly sinceMs: number },
): Partial<PendingDecision> => {
  const rules = task.admission?.approvalRules;
  if (rules === undefined) return {};
  const { review } = about;
  const rule = ruleOf(rules, { draft, about, task });
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
      risk: riskOf(about),
      timeline: timeline.length === 0 ? undefined : timeline,
      deadline: deadlineOf(timeline),
    }),
    ...(draft.kind === 'approval' ? defined({ change: review?.change }) : {}),
  };
};
