import { ApplicationFailure } from '@temporalio/common';
import type { ApprovalRule } from '../domain/approval-rule.ts';
import type { TaskSpec } from '../domain/schemas/task-spec.ts';
import { compileSchema } from './final-answer.ts';
import type { Admission } from './messages.ts';
import type { AgentFacts, CallContext } from './ports.ts';

/** A task and the agent that does it. */
type Admitted = { readonly task: TaskSpec; readonly agent: AgentFacts };

/** The share of a budget that is used without the goal reached before a person is asked, where nobody says otherwise. */
const REVIEW_AT = 0.5;

/** Budgets that somebody set. The platform's own are there so that nothing is endless, not because somebody meant them. */
const reviewPoint = ({ task, agent }: Admitted): Pick<Admission, 'reviewPoint'> => {
  const share = task.reviewAt ?? agent.reviewAt ?? REVIEW_AT;
  const of = (['costUsd', 'tokens'] as const).filter(
    (limit) => task.limits?.[limit] !== undefined || agent.limits[limit] !== undefined,
  );
  return share >= 1 || of.length === 0 ? {} : { reviewPoint: { share, of } };
};

const refuse = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Spec.Invalid');

/** Why an agent's fallback cannot be the output of this task. */
const problemOfFallback = ({ task, agent }: Admitted): string | undefined => {
  if (agent.fallback === undefined) return 'it has none';
  const schema = task.output ?? agent.output;
  if (schema === undefined) return undefined;
  const { check, errors } = compileSchema(schema);
  if (check(agent.fallback.output)) return undefined;
  const problems = errors().map(({ instancePath, message }) => `${instancePath || '/'} ${message}`);
  return `its output does not meet the output schema: ${problems.slice(0, 8).join('; ')}`;
};

/** What happens at a limit. A fallback that does not meet the schema is as good as none. */
const atLimit = ({ task, agent }: Admitted): Pick<Admission, 'onLimit' | 'fallback'> => {
  const onLimit = task.onLimit ?? agent.onLimit ?? 'fail';
  const problem = problemOfFallback({ task, agent });
  if (onLimit === 'fallback' && problem !== undefined)
    throw refuse(`onLimit is "fallback", and the fallback of agent ${agent.name} cannot be used: ${problem}.`);
  return {
    ...(onLimit === 'fail' ? {} : { onLimit }),
    ...(problem !== undefined || agent.fallback === undefined ? {} : { fallback: agent.fallback }),
  };
};

/**
 * When people are asked in a task, and what happens at its limits.
 * @throws ApplicationFailure `Spec.Invalid`
 */
export const admitReviews = (admitted: Admitted): Partial<Admission> => ({
  ...reviewPoint(admitted),
  ...atLimit(admitted),
  ...(admitted.agent.reviewOutput === true ? { reviewOutput: true } : {}),
  findsLoops: true,
});

/** The stricter of task and agent: the higher. */
export const confidenceBelow = ({ task, agent }: Admitted): Pick<CallContext, 'confidenceBelow'> => {
  const below = Math.max(task.escalate?.confidenceBelow ?? 0, agent.confidenceBelow ?? 0);
  return below > 0 ? { confidenceBelow: below } : {};
};

/** Rules that can hold in a task of this agent for this principal: they travel with it. */
export const rulesFor = (rules: readonly ApprovalRule[], { agent, principal }: CallContext): readonly ApprovalRule[] =>
  rules.filter(
    ({ when }) =>
      (when.agents?.includes(agent) ?? true) &&
      (when.tenants === undefined || (principal.tenant !== undefined && when.tenants.includes(principal.tenant))),
  );
