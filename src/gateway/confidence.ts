import type { CallContext } from '../activities/ports.ts';
import type { Decision, Reason, Verdict } from '../domain/proposal.ts';
import type { Tool } from '../tools/tool.ts';

/** Code of the reason that only a review can find: what the agent says of itself is no part of the call. */
export const LOW_CONFIDENCE = 'low_confidence';

type Sure = Pick<Decision, 'confidence'> | undefined;

/** Why an agent that is not sure enough asks; reads that leave the trust boundary count as well. */
const lowConfidence = (
  tool: Pick<Tool, 'effect' | 'egress'>,
  { confidenceBelow }: CallContext,
  decision: Sure,
): Reason | undefined => {
  if (decision === undefined || confidenceBelow === undefined || decision.confidence >= confidenceBelow) {
    return undefined;
  }
  if (tool.effect === 'read' && !tool.egress) return undefined;
  const message = `the agent is ${decision.confidence} sure, and below ${confidenceBelow} a person is asked`;
  return { code: LOW_CONFIDENCE, message };
};

/** A verdict that counts in how sure the agent is; absent for arguments that a person wrote. */
export const withConfidence = (
  verdict: Verdict,
  { tool, context }: { readonly tool: Tool; readonly context: CallContext },
  decision: Sure,
): Verdict => {
  const reason = verdict.outcome === 'reject' ? undefined : lowConfidence(tool, context, decision);
  return reason === undefined ? verdict : { outcome: 'ask', reasons: [...verdict.reasons, reason] };
};
