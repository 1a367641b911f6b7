import { isRecord } from '../domain/json.ts';
import { parseArguments, type Review } from '../domain/proposal.ts';
import type { RawCall } from '../domain/transcript.ts';
import type { ProposedCall } from './progress-event.ts';

/** A proposed call as progress shows it. */
export const toProposed = (raw: RawCall, review: Review | undefined): ProposedCall => {
  const parsed = parseArguments(raw);
  const { tool, effect, verdict } = review ?? {
    tool: raw.name,
    effect: 'read',
    verdict: { outcome: 'reject', reasons: [] },
  };
  return {
    id: raw.id,
    tool,
    args: parsed.ok ? parsed.args : raw.arguments,
    effect,
    verdict: verdict.outcome,
    reasons: verdict.reasons,
    rationale: parsed.ok ? rationaleOf(parsed.decision) : null,
  };
};

const rationaleOf = (decision: unknown): string | null =>
  isRecord(decision) && typeof decision['rationale'] === 'string' ? decision['rationale'] : null;
