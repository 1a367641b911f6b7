import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { isRecord } from '../domain/json.ts';
import { withLife } from './life.ts';
import type { Approval, ExecuteInput, ExecuteResult } from './messages.ts';
import type { ActivityDeps, GrantedApproval, Ran } from './ports.ts';

/** The item for the transcript, and what the workflow goes by, in one: histories of before hold the item alone. */
export const flatten = ({ result, ...rest }: Ran): ExecuteResult => ({
  ...result,
  ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
});

/** What the next attempt is told: a tool's progress, and of how many attempts it is proven that nothing happened. */
type Kept = { readonly progress?: unknown; readonly cleanAttempts?: number };

const cleanAttemptsOf = (error: unknown): Kept | undefined => {
  if (!(error instanceof ApplicationFailure) || error.type !== 'Tool.Failed') return undefined;
  const [details] = error.details ?? [];
  return isRecord(details) && typeof details['cleanAttempts'] === 'number'
    ? { cleanAttempts: details['cleanAttempts'] }
    : undefined;
};

/** What the gateway goes by: a name alone is a claim, and only votes prove who approved (INVARIANT A3). */
const grantOf = ({ context, call }: ExecuteInput, { digest, id, human, reasons }: Approval): GrantedApproval => ({
  digest,
  id: id ?? `${context.taskId}/${context.epoch}/${call.id}`,
  by: human.by,
  verified: human.verified,
  votes: human.votes,
  reasons,
  standing: human.standing,
});

/**
 * Runs one call in an activity of its own, through the gateway, which judges it again first.
 * @throws ApplicationFailure `Tool.Failed`, `Effect.Busy`, `Store.Unavailable`, `Policy.Behind`: all retryable, and safe to retry
 */
export const execute = (deps: ActivityDeps, input: ExecuteInput): Promise<ExecuteResult> => {
  const { context, call, approval, situation } = input;
  const { info, cancellationSignal } = Context.current();
  const earlier = info.heartbeatDetails as Kept | undefined;
  return withLife<Kept, ExecuteResult>(Context.current(), async (life) => {
    const heartbeat = (progress: unknown) => life.keep({ ...earlier, progress });
    const { cleanAttempts } = earlier ?? {};
    const run = { signal: cancellationSignal, attempt: info.attempt, heartbeat, cleanAttempts };
    const granted = approval === undefined ? undefined : grantOf(input, approval);
    const ran = flatten(
      await deps.gateway.run({ call, context, situation, approval: granted, run }).catch((error: unknown) => {
        const details = cleanAttemptsOf(error);
        if (details !== undefined) life.keep(details);
        throw error;
      }),
    );
    if (approval === undefined) return ran;
    const { human } = approval;
    return { ...ran, human, ...(human.decision === 'edited' ? { edited: call.args } : {}) };
  });
};
