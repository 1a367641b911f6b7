import type { CallContext } from '../activities/ports.ts';
import { type ApprovalRule, type Risk, ruleFor } from '../domain/approval-rule.ts';
import type { PendingKind } from '../domain/decision.ts';
import type { Reason, Review } from '../domain/proposal.ts';
import { riskOf } from '../domain/risk.ts';
import type { Tool } from '../tools/tool.ts';
import { toolDigest } from './faces.ts';
import type { GatewayParts } from './flight.ts';

/** What is asked, and about which call. */
export type Asked = {
  readonly kind: PendingKind;
  readonly tool: Tool;
  readonly context: CallContext;
  readonly reasons: readonly Reason[];
};

/** The risk of a tool as it is now. */
export const toolRisk = ({ effect, unattended, egress, surface }: Tool): Risk =>
  riskOf({ effect, unattended, egress, isChanged: surface?.changedFrom !== undefined });

/** The approval rule that holds for a question now. */
export const ruleOf = ({ approvalRules }: GatewayParts, { kind, tool, context, reasons }: Asked): ApprovalRule =>
  ruleFor(approvalRules, {
    kind,
    tool: tool.name,
    risk: toolRisk(tool),
    agent: context.agent,
    tenant: context.principal.tenant,
    policies: reasons.flatMap(({ policy }) => (policy === undefined ? [] : [policy])),
  });

/** What a review says of who may decide, and what a yes to more than this call would be bound to. */
export const askedBy = (parts: GatewayParts, asked: Asked): Pick<Review, 'risk' | 'rule' | 'toolDigest'> => ({
  risk: toolRisk(asked.tool),
  // It has been found: what it is found by may be long, and stands in the history of every question.
  rule: { ...ruleOf(parts, asked), when: {} },
  toolDigest: toolDigest(asked.tool),
});
