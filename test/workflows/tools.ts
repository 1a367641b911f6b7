import { z } from 'zod';
import { defineTool } from '../../src/tools/define-tool.ts';
import type { ToolContext } from '../../src/tools/tool.ts';

/** The world outside: what happened, in order, and what a system that honours keys did once. */
export class World {
  readonly calls: { readonly tool: string; readonly input: unknown; readonly key: string; readonly attempt: number }[] =
    [];
  readonly done = new Map<string, unknown>();

  record(tool: string, input: unknown, context: ToolContext): void {
    this.calls.push({ tool, input, key: context.idempotencyKey, attempt: context.attempt });
    this.done.set(context.idempotencyKey, input);
  }

  count(tool: string): number {
    return this.calls.filter((call) => call.tool === tool).length;
  }
}

/** A read, an idempotent write and a write that is not idempotent, over one world. */
export const makeTools = (world: World) => {
  const note = defineTool({
    name: 'note',
    description: 'Write a note',
    effect: 'write',
    idempotent: true,
    input: z.object({ text: z.string().min(1) }),
    output: z.object({ noted: z.string() }),
    execute: ({ text }, context) => {
      world.record('note', { text }, context);
      return { noted: text };
    },
  });
  const look = defineTool({
    name: 'look',
    description: 'Look something up',
    effect: 'read',
    input: z.object({ what: z.string() }),
    execute: ({ what }, context) => {
      world.record('look', { what }, context);
      return `there is ${what}`;
    },
  });
  const pay = defineTool({
    name: 'pay',
    description: 'Pay an amount',
    effect: 'destructive',
    input: z.object({ amount: z.number().positive() }),
    execute: ({ amount }, context) => {
      world.record('pay', { amount }, context);
      return { paid: amount };
    },
  });
  return { note, look, pay };
};
