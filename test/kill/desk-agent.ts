import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { stopAt } from './stops.ts';

/** Tools that ask; who may decide, and until when, is up to the rules in `desk-child.ts`. */
export const TOOLS = ['pay', 'wire', 'vault', 'brief', 'signed-brief', 'pausing'] as const;
export type ToolName = (typeof TOOLS)[number];

/** An execution of a tool, by whichever worker. */
export type Execution = {
  readonly tool: string;
  readonly taskId: string;
  readonly key: string;
  readonly args: { readonly amount: number };
};

/** Executions of a task, in order, over all worker processes. */
export const executionsOf = (dir: string, taskId: string): readonly Execution[] => {
  const file = join(dir, 'executions.jsonl');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Execution).filter((each) => each.taskId === taskId);
};

/** An agent whose every call asks; each stops before or after its effect where a test says. */
export const makeDeskAgent = (dir: string) =>
  defineAgent({
    name: 'clerk',
    instructions: 'Work.',
    tools: TOOLS.map((name) =>
      withApproval(
        defineTool({
          name,
          description: `Moves money (${name}), once a key`,
          effect: 'write',
          idempotent: true,
          input: z.object({ amount: z.number().max(1_000) }),
          execute: async (args, { idempotencyKey: key, taskId }) => {
            await stopAt(dir, `before-effect ${taskId}`);
            appendFileSync(
              join(dir, 'executions.jsonl'),
              `${JSON.stringify({ tool: name, taskId, key, args } satisfies Execution)}\n`,
            );
            await stopAt(dir, `after-effect ${taskId}`);
            return 'moved';
          },
        }),
        { requireConfirmation: true },
      ),
    ),
  });
