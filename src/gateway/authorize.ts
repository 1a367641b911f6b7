import type { CallContext } from '../activities/ports.ts';
import type { Reason, Verdict } from '../domain/proposal.ts';
import type { Tool } from '../tools/tool.ts';

/**
 * Tells whether a pattern names a tool; `*` stands for any characters, dots too. One pass, no regular expression: grants
 * come with the task, and a pattern of many stars must not hold the worker.
 */
export const matchesTool = (pattern: string, tool: string): boolean => {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return tool === pattern;
  if (!tool.startsWith(first) || !tool.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tool.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= tool.length - last.length;
};

/** Tells whether a task's grants cover a tool; a task without grants has what its agent has. */
export const isGranted = (grants: CallContext['grants'], tool: string): boolean =>
  grants === undefined || grants.some((pattern) => matchesTool(pattern, tool));

const confirmation = async (tool: Tool, input: unknown): Promise<Reason | undefined> => {
  try {
    const answer = (await tool.confirm?.(input)) ?? false;
    if (answer === false) return undefined;
    return {
      code: 'confirmation_required',
      message: typeof answer === 'string' ? answer : `${tool.name} asks before it runs`,
    };
  } catch (error) {
    // INVARIANT T2: a rule that errs counts against the call.
    return {
      code: 'confirmation_rule_failed',
      message: `the rule that decides whether ${tool.name} asks failed: ${String(error).slice(0, 200)}`,
    };
  }
};

/** Decides whether a valid call may run, and whether without a person. */
export const authorize = async (tool: Tool, input: unknown, context: CallContext): Promise<Verdict> => {
  if (!isGranted(context.grants, tool.name)) {
    return {
      outcome: 'reject',
      reasons: [{ code: 'not_granted', message: `this task has no grant for ${tool.name}` }],
    };
  }
  const reasons: Reason[] = [];
  if (tool.effect === 'destructive')
    reasons.push({ code: 'destructive', message: `${tool.name} cannot be taken back` });
  const confirm = await confirmation(tool, input);
  if (confirm !== undefined) reasons.push(confirm);
  return { outcome: reasons.length > 0 ? 'ask' : 'allow', reasons };
};
