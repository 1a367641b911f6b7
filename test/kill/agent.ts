import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';

/** Points of a step at which a test may stop a worker. */
export type Point =
  | 'in-review'
  | 'before-effect'
  | 'after-effect'
  | 'in-read'
  | 'before-plain'
  | 'after-plain'
  | 'before-undo'
  | 'after-undo';

const armed = (dir: string, point: Point): string => join(dir, `${point}.armed`);
const reached = (dir: string, point: Point): string => join(dir, `${point}.reached`);

export const arm = (dir: string, point: Point): void => writeFileSync(armed(dir, point), '');
export const isReached = (dir: string, point: Point): boolean => existsSync(reached(dir, point));

/** Stops here for ever, once, where a test armed the point. */
const stopAt = async (dir: string, point: Point): Promise<void> => {
  if (!existsSync(armed(dir, point))) return;
  rmSync(armed(dir, point));
  writeFileSync(reached(dir, point), '');
  await new Promise(() => undefined);
};

type Entry = { readonly tool: string; readonly key: string };

const record = (dir: string, entry: Entry): void =>
  appendFileSync(join(dir, 'executions.jsonl'), `${JSON.stringify(entry)}\n`);

/** Every execution of a tool, in order, over all worker processes. */
export const executions = (dir: string): Entry[] =>
  existsSync(join(dir, 'executions.jsonl'))
    ? readFileSync(join(dir, 'executions.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Entry)
    : [];

/** What a system that does a key's effect once has done. */
export const effects = (dir: string, tool: string): string[] => [
  ...new Set(
    executions(dir)
      .filter((each) => each.tool === tool)
      .map(({ key }) => key),
  ),
];

/** An agent whose tools stop where a test says. */
export const makeAgent = (dir: string) => {
  const look = defineTool({
    name: 'look',
    description: 'Look',
    effect: 'read',
    input: z.object({}),
    execute: async (_, { idempotencyKey }) => {
      record(dir, { tool: 'look', key: idempotencyKey });
      await stopAt(dir, 'in-read');
      return 'seen';
    },
  });
  const write = defineTool({
    name: 'write',
    description: 'Write, once a key',
    effect: 'write',
    idempotent: true,
    input: z.object({ text: z.string() }),
    execute: async (_, { idempotencyKey }) => {
      await stopAt(dir, 'before-effect');
      record(dir, { tool: 'write', key: idempotencyKey });
      await stopAt(dir, 'after-effect');
      return 'written';
    },
  });
  const plain = defineTool({
    name: 'plain',
    description: 'Write, each time anew',
    effect: 'write',
    input: z.object({}),
    execute: async (_, { idempotencyKey }) => {
      await stopAt(dir, 'before-plain');
      record(dir, { tool: 'plain', key: idempotencyKey });
      await stopAt(dir, 'after-plain');
      return 'done';
    },
  });
  const book = defineTool({
    name: 'book',
    description: 'Book a seat; it can be given back',
    effect: 'write',
    input: z.object({ seat: z.string() }),
    execute: ({ seat }, { idempotencyKey }) => {
      record(dir, { tool: `book ${seat}`, key: idempotencyKey });
      return { seat };
    },
    compensate: async ({ seat }, _, { idempotencyKey }) => {
      if (seat === 'b') await stopAt(dir, 'before-undo');
      record(dir, { tool: `give back ${seat}`, key: idempotencyKey });
      if (seat === 'b') await stopAt(dir, 'after-undo');
    },
  });
  const reviewed = withApproval(write, {
    requireConfirmation: async () => {
      await stopAt(dir, 'in-review');
      return false;
    },
  });
  return defineAgent({ name: 'clerk', instructions: 'Work.', tools: [look, reviewed, plain, book] });
};
