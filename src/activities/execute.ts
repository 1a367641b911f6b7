import { Context } from '@temporalio/activity';
import type { ResultItem } from '../domain/transcript.ts';
import { withLife } from './life.ts';
import type { ExecuteInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/**
 * Runs one call with effects, through the gateway, which reviews it again first.
 * @throws ApplicationFailure `Tool.Failed` while a retry may help and is safe
 */
export const execute = (deps: ActivityDeps, { context, call, approval }: ExecuteInput): Promise<ResultItem> => {
  const { info, cancellationSignal } = Context.current();
  return withLife<{ progress: unknown }, ResultItem>(Context.current(), async (life) => {
    const heartbeat = (progress: unknown) => life.keep({ progress });
    const run = { signal: cancellationSignal, attempt: info.attempt, heartbeat };
    const result = await deps.gateway.run({ call, context, approvedDigest: approval?.digest, run });
    return approval === undefined ? result : { ...result, human: approval.human };
  });
};
