import type { Risk } from './approval-rule.ts';
import type { Effect } from './task.ts';

/** What of a tool its risk is found by. */
export type RiskFacts = {
  readonly effect: Effect;
  /** A write that may run without a person. */
  readonly unattended: boolean;
  /** A read whose arguments leave the trust boundary. */
  readonly egress: boolean;
  /** The surface is another one than was pinned. */
  readonly isChanged: boolean;
};

/** `high`: cannot be taken back, or nobody knows what it does. `medium`: other effects, and what leaves the trust boundary. */
export const riskOf = ({ effect, unattended, isChanged, egress }: RiskFacts): Risk => {
  if (effect === 'destructive' || !unattended || isChanged) return 'high';
  return effect === 'write' || egress ? 'medium' : 'low';
};
