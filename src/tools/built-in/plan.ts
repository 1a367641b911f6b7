import { z } from 'zod';
import { defineTool } from '../define-tool.ts';
import type { Tool } from '../tool.ts';

const Step = z.strictObject({
  title: z.string().trim().min(1).max(300),
  status: z.enum(['todo', 'doing', 'done', 'dropped']),
  note: z.string().max(1_000).optional(),
});

const Plan = z.strictObject({
  goal: z.string().max(2_000).optional().describe('What the plan is for, in your own words'),
  steps: z.array(Step).max(50).describe('All steps, in order, also those that are done'),
  notes: z.string().max(8_000).optional().describe('What you must not forget; kept when earlier text is summed up'),
});

/**
 * Keeps a structured plan and notes outside the context window: in the workflow, in the trace and on the reviewers' page. Each call
 * replaces the plan. It is the model's own word and grants nothing.
 */
export const plan: Tool<z.output<typeof Plan>, unknown> = {
  ...defineTool({
    name: 'plan',
    description:
      'Write down your plan and notes, or bring them up to date. Give the whole plan each time: it replaces the one before.',
    effect: 'read',
    input: Plan,
    openWorld: false,
    execute: () => {
      throw new Error('the plan is kept by the workflow, not run');
    },
  }),
  isFree: true,
  builtIn: (input) => ({ kind: 'plan', plan: JSON.parse(JSON.stringify(input)) }),
};
