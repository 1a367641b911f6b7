import type { VerifiedDecision, VerifyDecisionInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/** Checks who signed a decision, and that it says exactly this (INVARIANT A3). */
export const verifyDecision = (deps: ActivityDeps, input: VerifyDecisionInput): Promise<VerifiedDecision> =>
  deps.verifier(input);
