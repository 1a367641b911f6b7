import { z } from 'zod';
import { DecisionSchema } from './decision.ts';
import { DecidersSchema, DeskStepSchema, ScopeSchema, VoteSchema } from './desk.ts';
import { ProvenanceSchema } from './provenance.ts';

/** Why a verdict is what it is. */
export const ReasonSchema = z.object({
  code: z.string().describe('Stable, for programs'),
  message: z.string().describe('For people and the model'),
  policy: z.string().exactOptional(),
  policyDigest: z.string().exactOptional().describe('Tells the policy from another text under the same id'),
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
  // Tasks of before have none of these.
  agent: z.string().exactOptional(),
  epoch: z.string().exactOptional().describe('The life of the task; a signed decision names it'),
  risk: z.enum(['low', 'medium', 'high']).exactOptional(),
  rule: z.string().exactOptional().describe('Name of the approval rule that holds'),
  who: DecidersSchema.exactOptional(),
  votes: z.array(VoteSchema).exactOptional().describe('Approvals so far, where several are needed'),
  scopes: z.array(ScopeSchema).exactOptional().describe('How far a yes may reach; absent: once'),
  timeline: z.array(DeskStepSchema).exactOptional().describe('What happens next if nobody decides, in order'),
  deadline: z.iso.datetime().exactOptional().describe('When it expires'),
  change: z
    .object({
      diff: z.string().exactOptional().describe('Unified diff'),
      before: z.string().exactOptional().describe('What is there now, where the tool does not say what becomes of it'),
      isCut: z.boolean().exactOptional().describe('Not all of it stands here'),
    })
    .exactOptional()
    .describe('What the call would change'),
  share: z
    .record(z.string(), z.number())
    .exactOptional()
    .describe('Of a question about a budget: what a plain yes allows further, in the units of limits'),
});

/** What `holdfast inbox --json` prints. */
export const InboxSchema = z.array(PendingSchema);
