import { ApplicationFailure } from '@temporalio/common';
import { constraintsOf, type Grant, matchesTool, toolOf, valueAt } from '../domain/grants.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Reason } from '../domain/proposal.ts';
import { type Budget, compileConstraint, newBudget } from './constraints.ts';

/** Whether a call is granted. */
export type GrantCheck = { readonly ok: true } | { readonly ok: false; readonly reason: Reason };

const MAX_PROBLEMS = 3;

/** Why a grant does not take these arguments; undefined: it does. A constrained argument that is missing is refused. */
const problemOf = (grant: Grant, args: JsonObject, budget: Budget): string | undefined => {
  for (const [pointer, schema] of constraintsOf(grant)) {
    const value = valueAt(args, pointer);
    if (value === undefined) return `${pointer} must be given`;
    const constraint = compileConstraint(schema);
    // Admission has refused these; a history of another version may still hold one.
    const problem = constraint.ok ? constraint.check(value, budget) : constraint.problem;
    if (problem !== undefined) return `${pointer} ${problem}`;
  }
  return undefined;
};

/**
 * Tells whether a task's grants cover a call: one of those that name the tool takes all of its arguments. Without grants a
 * task has what its agent has. Never throws; a constraint that cannot be checked counts against the call (INVARIANT T2).
 * @param args absent: none
 */
export const checkGrants = (
  grants: readonly Grant[] | undefined,
  tool: string,
  args: JsonObject | undefined,
): GrantCheck => {
  if (grants === undefined) return { ok: true };
  const problems: string[] = [];
  const budget = newBudget();
  for (const grant of grants) {
    if (!matchesTool(toolOf(grant), tool)) continue;
    const problem = problemOf(grant, args ?? {}, budget);
    if (problem === undefined) return { ok: true };
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  }
  const message =
    problems.length === 0
      ? `this task has no grant for ${tool}`
      : `this task’s grant for ${tool} does not cover these arguments: ${problems.join('; or ')}`;
  return { ok: false, reason: { code: 'not_granted', message } };
};

/** Tells whether a tool is offered to the model: with some arguments at least, the task may call it. */
export const isShown = (grants: readonly Grant[] | undefined, tool: string): boolean =>
  grants === undefined || grants.some((grant) => matchesTool(toolOf(grant), tool));

/**
 * Compiles all constraints of a specification's grants, so that a wrong one is found before anything is done.
 * @throws ApplicationFailure `Spec.Invalid`, naming the place
 */
export const compileGrants = (grants: readonly Grant[]): void => {
  for (const [index, grant] of grants.entries()) {
    if (typeof grant === 'string') continue;
    for (const [key, schema] of Object.entries(grant.args ?? {})) {
      const constraint = compileConstraint(schema);
      if (constraint.ok) continue;
      const place = `grants[${index}].args[${JSON.stringify(key)}]`;
      throw ApplicationFailure.nonRetryable(`${place}: ${constraint.problem}.`, 'Spec.Invalid');
    }
  }
};
