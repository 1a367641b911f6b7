import { Context } from '@temporalio/activity';
import type { ResultItem } from '../domain/transcript.ts';
import { withLife } from './life.ts';
import type { ReadInput } from './messages.ts';
import type { ActivityDeps } from './ports.ts';

/** Runs allowed reads concurrently. A read that fails is a result for the model. */
export const runReads = (deps: ActivityDeps, { context, calls }: ReadInput): Promise<ResultItem[]> => {
  const { info, cancellationSignal } = Context.current();
  return Promise.all(
    calls.map((call) =>
      deps.gateway.run({
        call,
        context,
        run: { signal: cancellationSignal, attempt: info.attempt, heartbeat: () => undefined },
      }),
    ),
  );
};

/** The activity for reads that come before an effect in the same proposal. */
export const read = (deps: ActivityDeps, input: ReadInput): Promise<ResultItem[]> =>
  withLife(Context.current(), () => runReads(deps, input));
