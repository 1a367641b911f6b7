import { Context } from '@temporalio/activity';
import type { ResultItem } from '../domain/transcript.ts';
import { startLife } from './life.ts';
import type { ExecuteInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/**
 * Runs one call with effects, through the gateway, which reviews it again first.
 * @throws ApplicationFailure `Tool.Failed` while a retry may help and is safe
 */
export const execute = async (deps: ActivityDeps, { context, call, approval }: ExecuteInput): Promise<ResultItem> => {
  const activity = Context.current();
  const life = startLife<{ progress: unknown }>(activity);
  try {
    const result = await deps.gateway.run({
      call,
      context,
      approvedDigest: approval?.digest,
      run: {
        signal: activity.cancellationSignal,
        attempt: activity.info.attempt,
        heartbeat: (progress) => life.keep({ progress }),
      },
    });
    return approval === undefined ? result : { ...result, human: approval.human };
  } finally {
    life.end();
  }
};
