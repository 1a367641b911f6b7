import { z } from 'zod';

/** How far a yes reaches within its task. */
export const ScopeSchema = z.enum(['once', 'values', 'tool']);

/** Who may decide. */
export const DecidersSchema = z.object({
  roles: z.array(z.string()).describe('One of these is needed; empty: anybody. Grows when it is escalated'),
  quorum: z.int().min(1).describe('So many different people have to approve; one denial denies'),
  verified: z.boolean().describe('Only signed decisions count'),
  not: z.array(z.string()).describe('Who may not decide'),
});

/** An approval that counted toward a quorum; proven by a signature. */
export const VoteSchema = z.object({
  by: z.string(),
  issuer: z.string(),
  roles: z.array(z.string()),
  at: z.iso.datetime(),
});

const at = z.iso.datetime();

/** What happens next if nobody decides. */
export const DeskStepSchema = z.discriminatedUnion('do', [
  z.object({ at, do: z.literal('remind') }),
  z.object({ at, do: z.literal('escalate'), roles: z.array(z.string()) }),
  z.object({ at, do: z.literal('expire'), then: z.enum(['deny', 'fallback', 'pause']) }),
]);

/** What a person decided about a call. `by` is a claim unless `verified`. */
export const HumanDecisionSchema = z.object({
  decision: z.enum(['approved', 'denied', 'edited', 'answered', 'expired']).describe('expired: nobody decided in time'),
  by: z.string().exactOptional().describe('Several names where a quorum decided, with commas between'),
  verified: z.boolean().describe('A signature proves who it was'),
  at: z.iso.datetime(),
  note: z.string().exactOptional(),
  args: z.unknown().optional(),
  votes: z.array(VoteSchema).exactOptional(),
  scope: ScopeSchema.exactOptional(),
  standing: z.string().exactOptional().describe('The standing approval by which it was not asked'),
});

/** A yes that reaches further than one call of its task. */
export const StandingSchema = z.object({
  id: z.string().describe('Of the decision that gave it; names it when it is revoked'),
  tool: z.string(),
  scope: z.enum(['values', 'tool']),
  by: z.string().exactOptional(),
  verified: z.boolean(),
  at: z.iso.datetime(),
  uses: z.int().min(0).describe('Calls that it let run'),
});
