import { digestJson, shortDigest } from './digest.ts';

/**
 * The key of a call's effect: `task/epoch/call/arguments`. The epoch keeps a new task under an old id apart, the digest a
 * call that was proposed again with other arguments after a reset (INVARIANT E5).
 */
export const idempotencyKey = (
  { taskId, epoch }: { readonly taskId: string; readonly epoch: string },
  callId: string,
  args: unknown,
): string => `${taskId}/${epoch}/${callId}/${shortDigest(digestJson(args), 12)}`;
