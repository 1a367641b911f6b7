import { z } from 'zod';

/** A tool as a file of cases declares it. */
const CaseTool = z.strictObject({
  effect: z.enum(['read', 'write', 'destructive']),
  unattended: z.boolean().default(true),
  openWorld: z.boolean().default(true),
  egress: z.boolean().default(false),
  idempotent: z.boolean().default(false),
  compensable: z.boolean().default(false),
  args: z.record(z.string(), z.json()).default({ type: 'object' }).describe('JSON Schema of the arguments'),
});

const Answer = z.enum(['allow', 'deny']);
const Pointer = z.string().regex(/^(\/.*)?$/, 'expected a JSON pointer such as "/amount"');
const Count = z.number().min(0).default(0);

const CaseContext = z.strictObject({
  task: z.string().min(1).default('task-1'),
  contextUntrusted: z.boolean().default(false),
  principalArgs: z.array(Pointer).default([]),
  trustedArgs: z.array(Pointer).default([]),
  untrustedArgs: z.array(Pointer).default([]),
  inventedArgs: z.array(Pointer).default([]),
  usage: z
    .strictObject({ steps: Count, toolCalls: Count, inputTokens: Count, outputTokens: Count, costUsd: Count })
    .prefault({}),
  now: z.iso.datetime().optional().describe('Default: the time of the test'),
});

const Case = z.strictObject({
  name: z.string().min(1).optional(),
  principal: z
    .strictObject({
      id: z.string().min(1),
      roles: z.array(z.string().min(1)).optional(),
      tenant: z.string().min(1).optional(),
    })
    .default({ id: 'someone' }),
  agent: z.string().min(1).default('agent'),
  tool: z.string().min(1),
  isChanged: z.boolean().default(false).describe('The tool is not what was pinned'),
  args: z.record(z.string(), z.json()).default({}),
  context: CaseContext.prefault({}),
  rules: z.string().optional().describe('Rules of the task'),
  expect: z
    .strictObject({
      call: Answer.optional(),
      callUnattended: Answer.optional(),
      policies: z.array(z.string()).optional().describe('Ids that must be among the determining ones'),
    })
    .default({}),
});
/** One example request, with what is expected of it. */
export type PolicyCase = z.infer<typeof Case>;

/** A file of example requests, YAML or JSON. Unknown fields are refused: a misspelt expectation would expect nothing. */
export const CaseFile = z.strictObject({
  policies: z
    .array(z.string().min(1))
    .optional()
    .describe('Relative to this file; default: those of the configuration'),
  tools: z.record(z.string().min(1), CaseTool).default({}).describe('Beside those of the configuration'),
  cases: z.array(Case).min(1, 'there is no case'),
});
/** A parsed file of example requests. */
export type CaseFile = z.infer<typeof CaseFile>;
