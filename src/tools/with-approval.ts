import type { Confirmation, Tool } from './tool.ts';

/** When a call needs a person. */
export type ApprovalRule<Input> = {
  /** Always, or for the inputs that the predicate picks; a text is yes, and the reason shown to the reviewer. */
  readonly requireConfirmation: true | ((input: Input) => Confirmation | Promise<Confirmation>);
  /** Shown to the reviewer where the predicate gives no text. */
  readonly reason?: string;
};

/**
 * A tool that asks a person before it runs. Rules add up: wrapping twice asks when either says so.
 * A predicate that throws asks: a rule that errs counts against the call (INVARIANT T2).
 * @example withApproval(writeFile, { requireConfirmation: ({ path }) => path.startsWith('config/prod') && 'writes to production' })
 */
export const withApproval = <Input, Output>(
  tool: Tool<Input, Output>,
  rule: ApprovalRule<Input>,
): Tool<Input, Output> => {
  const { requireConfirmation, reason } = rule;
  if (requireConfirmation !== true && typeof requireConfirmation !== 'function') {
    throw new TypeError(`withApproval(${tool.name}): requireConfirmation must be true or a function`);
  }
  return {
    ...tool,
    confirm: async (input) => {
      const before = (await tool.confirm?.(input)) ?? false;
      if (before !== false) return before;
      const now = requireConfirmation === true || (await requireConfirmation(input));
      return now === true ? (reason ?? true) : now;
    },
  };
};
