import { z } from 'zod';
import { ToolError } from '../../src/gateway/tool-error.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';

type Ask = {
  readonly taskId: string;
  readonly tool: string;
  readonly key: string;
  readonly isOnce: boolean;
  readonly what?: string;
};

const output = z.object({ id: z.string() });
const input = z.object({ what: z.string() });

/** Agents of the same tools: of one nobody is asked, of the others everything; the rules say who has to approve. */
export const AGENTS = ['free', 'claimed', 'signed', 'paired'] as const;
export type AgentName = (typeof AGENTS)[number];

/** Tools whose effects happen in another process: idempotent, reconcilable, plain; all but the last can be undone. */
export const makeChaosAgents = (world: string) => {
  const post = async (ask: Ask, phase: 'before' | 'effect' | 'after' | 'undo', signal: AbortSignal) => {
    signal.throwIfAborted();
    const body = JSON.stringify({ ...ask, phase, pid: process.pid });
    const answer = await fetch(world, { method: 'POST', body, signal });
    return output.parse(await answer.json());
  };
  const act = async (ask: Ask, signal: AbortSignal) => {
    // What goes wrong before the effect was asked for is not the effect's: nothing happened.
    await post(ask, 'before', signal).catch((cause: unknown) => {
      throw new ToolError('cannot begin', { kind: 'permanent', nothingHappened: true, cause });
    });
    const done = await post(ask, 'effect', signal);
    await post(ask, 'after', signal);
    return done;
  };
  const define = (name: string, isOnce: boolean) => ({
    name,
    description: `Does it (${name})`,
    effect: 'write' as const,
    timeout: '2s' as const,
    input,
    output,
    execute: (
      { what }: z.infer<typeof input>,
      { taskId, idempotencyKey: key, signal }: { taskId: string; idempotencyKey: string; signal: AbortSignal },
    ) => act({ taskId, tool: name, key, isOnce, what }, signal),
  });
  const undo = async (
    _input: unknown,
    _output: unknown,
    context: { taskId: string; effectKey: string; signal: AbortSignal },
  ) => post({ taskId: context.taskId, tool: 'undo', key: context.effectKey, isOnce: true }, 'undo', context.signal);
  const idempotent = defineTool({ ...define('idempotent', true), idempotent: true, compensate: undo });
  const reconcilable = defineTool({
    ...define('reconcilable', false),
    compensate: undo,
    reconcile: async (_, { idempotencyKey, signal }) => {
      const answer = await fetch(`${world}?key=${encodeURIComponent(idempotencyKey)}`, { signal });
      const found = (await answer.json()) as { times: number } | null;
      return found !== null && found.times > 0
        ? { status: 'succeeded', output: { id: `done-${idempotencyKey}` } }
        : { status: 'failed' };
    },
  });
  const plain = defineTool(define('plain', false));
  const tools = [idempotent, reconcilable, plain];
  return AGENTS.map((name) =>
    defineAgent({
      name,
      instructions: 'Work.',
      tools: name === 'free' ? tools : tools.map((tool) => withApproval(tool, { requireConfirmation: true })),
    }),
  );
};
