import { Context } from '@temporalio/activity';
import { withLife } from './life.ts';
import type { CompensateInput } from './messages.ts';
import type { ActivityDeps, Compensated } from './ports.ts';

/**
 * Undoes one effect of a task, through the gateway.
 * @throws ApplicationFailure `Tool.Failed`, `Effect.Busy`, `Store.Unavailable`: all retryable
 */
export const compensate = (deps: ActivityDeps, input: CompensateInput): Promise<Compensated> => {
  const { info, cancellationSignal } = Context.current();
  return withLife<{ progress: unknown }, Compensated>(Context.current(), (life) => {
    const heartbeat = (progress: unknown) => life.keep({ progress });
    return deps.gateway.compensate({ ...input, run: { signal: cancellationSignal, attempt: info.attempt, heartbeat } });
  });
};
