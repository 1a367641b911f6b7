import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { digestJson } from '../domain/digest.ts';
import { jsonBytes } from '../domain/json.ts';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.ts';
import { durationMs } from '../domain/schemas/duration.ts';
import { type LimitsSpec, TaskSpec } from '../domain/schemas/task-spec.ts';
import { SIZES } from '../domain/sizes.ts';
import { compileGrants } from '../gateway/grants.ts';
import { admitReviews, confidenceBelow, rulesFor } from './admit-reviews.ts';
import { compileSchema } from './final-answer.ts';
import type { Admission, AdmitInput } from './messages.ts';
import { whileAway } from './patience.ts';
import type { ActivityDeps, CallContext } from './ports.ts';

/** Limits as they are written, in the workflow's units. */
export const toLimits = ({ duration, depth: _, ...limits }: LimitsSpec): Partial<Limits> => {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return duration === undefined ? given : { ...given, durationMs: durationMs(duration) };
};

const parseSpec = (spec: unknown): TaskSpec => {
  if (jsonBytes(spec) > SIZES.spec) {
    throw ApplicationFailure.nonRetryable(`the specification is larger than ${SIZES.spec} bytes.`, 'Spec.TooLarge');
  }
  const parsed = TaskSpec.safeParse(spec);
  if (!parsed.success) throw ApplicationFailure.nonRetryable(z.prettifyError(parsed.error), 'Spec.Invalid');
  if (parsed.data.output !== undefined) compileSchema(parsed.data.output);
  if (Array.isArray(parsed.data.grants)) compileGrants(parsed.data.grants);
  return parsed.data;
};

/** Task-level rules may only forbid (DESIGN §8). */
const checkRules = (deps: ActivityDeps, { escalate }: TaskSpec): string | undefined => {
  const rules = escalate?.policy;
  const wrong = rules === undefined ? undefined : deps.checkRules(rules);
  if (wrong !== undefined) throw ApplicationFailure.nonRetryable(`escalate.policy: ${wrong}`, 'Spec.Invalid');
  return rules;
};

/** What the platform goes by wherever it reports and asks. */
const deskOf = ({ approvalRules, endpoints }: ActivityDeps, context: CallContext): Partial<Admission> => ({
  approvalRules: rulesFor(approvalRules, context),
  // Reports of everything cost an activity each; where nobody is notified, decisions are enough.
  reports: endpoints.length > 0 ? 'all' : 'decisions',
});

/** What of a specification the workflow goes by as it is written. */
const given = ({ input, output, grants, onFailure }: TaskSpec): Partial<Admission> => ({
  ...(input === undefined ? {} : { input }),
  ...(output === undefined ? {} : { output }),
  ...(grants === 'minimal' ? { narrowGrants: true } : {}),
  ...(onFailure === undefined ? {} : { onFailure }),
});

/**
 * The first activity of a task: parses the specification and resolves what this worker knows, so that all of it stands in history.
 * @throws ApplicationFailure `Spec.Invalid`, `Spec.TooLarge`, `Agent.Unknown`, `Principal.Refused`, `Task.Conflict`
 */
export const admit = async (deps: ActivityDeps, { spec, firstRunId }: AdmitInput): Promise<Admission> => {
  const task = parseSpec(spec);
  const agent = deps.agents.find(task.agent);
  const rules = checkRules(deps, task);
  const reviews = admitReviews({ task, agent });
  const taskId = activityInfo().workflowExecution?.workflowId;
  if (taskId === undefined) throw ApplicationFailure.nonRetryable('admit runs inside a task only.', 'Spec.Invalid');
  // Of the specification as it was given: the same one is the same task, whatever the host knows of its principal by now.
  const specDigest = digestJson(task);
  // INVARIANT A3: who somebody is, is the host's word.
  const principal = await deps.principals(task.principal);
  const names = { taskId, agent: agent.name };
  const { epoch } = await whileAway(() =>
    deps.tasks.register({
      ...names,
      firstRunId,
      principalId: principal.id,
      tenant: principal.tenant,
      specDigest,
    }),
  );
  const context: CallContext = {
    ...names,
    epoch,
    principal,
    ...(Array.isArray(task.grants) ? { grants: task.grants } : {}),
    ...(rules === undefined ? {} : { rules }),
    ...confidenceBelow({ task, agent }),
  };
  return {
    agent: agent.name,
    goal: task.goal,
    ...given(task),
    context,
    model: agent.model.name,
    limits: { ...DEFAULT_LIMITS, ...agent.limits, ...toLimits(task.limits ?? {}) },
    specDigest,
    searchAttributes: await deps.namespace.searchAttributes(),
    heartbeatTimeoutMs: deps.heartbeatTimeoutMs,
    ...deskOf(deps, context),
    ...reviews,
  };
};
