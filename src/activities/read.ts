import { Context } from '@temporalio/activity';
import type { ResultItem } from '../domain/transcript.ts';
import { withLife } from './life.ts';
import type { ReadInput } from './messages.ts';
import { whileAway } from './patience.ts';
import type { ActivityDeps, ReadBatch } from './ports.ts';

/** Runs allowed reads concurrently. A read that fails is a result for the model. */
export const runReads = (
  deps: ActivityDeps,
  { context, calls, situation, isReviewNext = false }: ReadInput & { readonly isReviewNext?: boolean },
): Promise<ReadBatch> => {
  const { info, cancellationSignal: signal } = Context.current();
  const run = { signal, attempt: info.attempt, heartbeat: () => undefined };
  return whileAway(() => deps.gateway.read({ calls, context, situation, run, isReviewNext }));
};

/** Where the trail stands is told with the last item: histories of before hold the items alone. */
const withAnchor = ({ results, anchor, costUsd }: ReadBatch): ResultItem[] =>
  results.map((item, index) =>
    index < results.length - 1 ? item : { ...item, ...(anchor && { anchor }), ...(costUsd && { costUsd }) },
  );

/** The activity for reads that come before an effect in the same proposal. */
export const read = (deps: ActivityDeps, input: ReadInput): Promise<ResultItem[]> =>
  withLife(Context.current(), async () => withAnchor(await runReads(deps, input)));
