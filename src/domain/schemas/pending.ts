import { z } from 'zod';
import { DecisionSchema } from './decision.ts';
import { ProvenanceSchema } from './provenance.ts';

/** Why a verdict is what it is. */
export const ReasonSchema = z.object({
  code: z.string().describe('Stable, for programs'),
  message: z.string().describe('For people and the model'),
  policy: z.string().exactOptional(),
});

/** Something that waits for a person: an entry of the inbox, and of the query `pending`. */
export const PendingSchema = z.object({
  id: z.string().describe('Names exactly this question: call id and the first digits of the digest, s5.c1-7f3a'),
  taskId: z.string(),
  kind: z.enum(['approval', 'answer', 'review', 'effect', 'compensation']),
  callId: z.string(),
  tool: z.string(),
  args: z.unknown().optional(),
  question: z.string().exactOptional(),
  reasons: z.array(ReasonSchema),
  decision: DecisionSchema.optional().describe('Why the agent wants it, in its own words'),
  provenance: ProvenanceSchema.exactOptional().describe('Where values came from, the doubtful ones first'),
  sources: z
    .record(z.string(), z.object({ tool: z.string(), trust: z.enum(['trusted', 'untrusted']) }))
    .exactOptional()
    .describe('The results that provenance and basis name'),
  output: z.unknown().optional().describe('What the call returned, where it is asked about undoing it'),
  digest: z.templateLiteral(['sha256:', z.string()]).describe('Of tool and arguments: what an approval covers'),
  since: z.iso.datetime(),
  may: z.array(z.enum(['approve', 'deny', 'edit', 'answer'])),
});

/** What `holdfast inbox --json` prints. */
export const InboxSchema = z.array(PendingSchema);
