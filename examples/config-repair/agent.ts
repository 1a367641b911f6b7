import { type Agent, defineAgent } from 'holdfast';
import { z } from 'zod';
import { createFileTools, createProbe, createSummaryTool, type ToolSettings } from './tools.ts';

/** What the agent's work ends with. */
export const Repair = z.object({
  file: z.string().describe('The file that holds the bad setting'),
  setting: z.string(),
  before: z.union([z.number(), z.string(), z.boolean()]).describe('The bad value'),
  after: z.union([z.number(), z.string(), z.boolean()]).describe('The value that stands in the file now'),
  errorRateBefore: z.number().min(0).max(1),
  errorRateAfter: z
    .number()
    .min(0)
    .max(1)
    .describe('Measured after the change; the same as before where nothing was changed'),
  repaired: z.boolean(),
  note: z.string().describe('One or two sentences for the people on call'),
});
export type Repair = z.infer<typeof Repair>;

/** The agent on call. */
export const createAgent = (settings: ToolSettings): Agent =>
  defineAgent({
    name: 'on-call',
    instructions: `You are on call for the checkout service of a shop. Its configuration is in the working folder: config/prod and config/staging.

- Read the ticket and the change log before you suspect anything, and measure the error rate before and after.
- Change one setting only: the one that the evidence points to. Keep every other line of the file as it is.
- Measure again after a change, and read the file again: a person may have corrected your change.
- Post one summary when the change is made and measured.
- If a person denies a change, do not try another way. Say in your answer that it was denied, and why.`,
    tools: [createFileTools(settings), createProbe(settings), createSummaryTool(settings)],
    limits: { steps: 20, toolCalls: 40, duration: '10m' },
    output: Repair,
  });
