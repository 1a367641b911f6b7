import { z } from 'zod';
import type { ApprovalRule } from '../approval-rule.ts';
import { Duration, durationMs, parseDuration } from './duration.ts';

const names = (what: string) => z.array(z.string().min(1).max(200)).min(1).max(50).describe(what);

/** What a rule is about. */
const When = z.strictObject({
  kinds: z
    .array(z.enum(['approval', 'answer', 'review', 'effect', 'compensation']))
    .min(1)
    .optional(),
  tools: names('Tool patterns; * spans dots').optional(),
  risks: z
    .array(z.enum(['low', 'medium', 'high']))
    .min(1)
    .optional(),
  agents: names('Agents').optional(),
  tenants: names('Tenants').optional(),
  policies: names('Ids of the policies by which it is asked').optional(),
});

/** A rule as it is written: who decides, how far a yes reaches, and what happens while nobody decides. */
const ApprovalRuleConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,59}$/, 'a rule name has letters, digits and . _ -, and at most 60 of them')
    .refine((name) => name !== 'default', 'the name default is the platform’s'),
  when: When.optional().describe('Absent: everything. The first rule that fits holds'),
  roles: names('One of these is needed, proven by a signed decision').optional(),
  quorum: z.int().min(1).max(20).optional().describe('So many different people have to approve'),
  verified: z.boolean().optional().describe('Only signed decisions count; holds anyway with roles, quorum or separate'),
  separate: z.boolean().optional().describe('Not the principal of the task'),
  scopes: z
    .array(z.enum(['once', 'values', 'tool']))
    .optional()
    .describe('How far a yes may reach; by default once for high risks, all for the others'),
  remind: Duration.optional(),
  escalate: z
    .array(z.strictObject({ after: Duration, roles: names('They may decide too, from then on') }))
    .max(10)
    .optional(),
  expire: z.strictObject({ after: Duration, then: z.enum(['deny', 'fallback', 'pause']) }).optional(),
});

/** `approvals.rules` of a configuration. Times count from when it is asked, and rise: remind, escalate, expire. */
export const ApprovalRules = z
  .array(ApprovalRuleConfig)
  .max(50)
  .check(({ value, issues }) => {
    for (const [index, { name, remind, escalate = [], expire }] of value.entries()) {
      const add = (message: string) => issues.push({ code: 'custom', message, path: [index], input: value });
      if (value.findIndex((each) => each.name === name) !== index) add(`the name ${name} stands twice`);
      // This also runs where a field was refused already: what is no duration has been said, with its place, and counts for nothing.
      const times = [remind, ...escalate.map(({ after }) => after), expire?.after].flatMap(
        (each) => parseDuration(each ?? '') ?? [],
      );
      if (times.some((at, nth) => nth > 0 && at <= (times[nth - 1] ?? 0))) {
        add('times count from when it is asked, so each has to be later than the one before: remind, escalate, expire');
      }
    }
  });

/** Rules as they are configured. */
export type ApprovalRulesConfig = z.infer<typeof ApprovalRules>;

/** Rules as the platform goes by them. */
export const toApprovalRules = (rules: ApprovalRulesConfig): readonly ApprovalRule[] =>
  rules.map(({ name, when = {}, roles = [], quorum = 1, verified = false, separate = false, ...rest }) => ({
    name,
    when,
    roles,
    quorum,
    verified,
    separate,
    ...(rest.scopes === undefined ? {} : { scopes: rest.scopes }),
    escalate: (rest.escalate ?? []).map((each) => ({ afterMs: durationMs(each.after), roles: each.roles })),
    ...(rest.remind === undefined ? {} : { remindMs: durationMs(rest.remind) }),
    ...(rest.expire === undefined
      ? {}
      : { expire: { afterMs: durationMs(rest.expire.after), then: rest.expire.then } }),
  }));
