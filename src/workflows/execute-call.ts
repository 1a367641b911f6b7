import * as wf from '@temporalio/workflow';
import type { ExecuteResult } from '../activities/messages.ts';
import type { GatewayCall } from '../activities/ports.ts';
import type { RunPlan } from '../domain/proposal.ts';
import { toResultItem } from '../domain/transcript.ts';
import { acting, readable, thinking } from './activities.ts';
import { runBuiltIn } from './built-in.ts';
import { type Call, lost, resultOf, type Turn } from './call.ts';
import { effectOf, forgetUndo, recordEffect, registerUndo } from './effects.ts';
import { situationOf } from './situation.ts';
import type { TaskState } from './state.ts';
import { showDoing } from './visibility.ts';

/** For a review of before that has no plan. */
const CAUTIOUS: RunPlan = { idempotent: false, timeoutMs: 30_000, maxAttempts: 1, alone: true };

/** Arguments with where their values came from, as the gateway is given them. */
export const toGatewayCall = (id: string, { review, args }: Turn): GatewayCall => ({
  id,
  tool: review.tool,
  args,
  ...(review.provenance === undefined ? {} : { provenance: review.provenance }),
});

const throwIfCancelled = (): void => {
  if (wf.CancellationScope.current().consideredCancelled) throw new wf.CancelledFailure('the task was cancelled');
};

/** Runs one call in an activity of its own. Its undo is registered first. */
export const executeCall = async (task: TaskState, call: Call, turn: Turn): Promise<ExecuteResult> => {
  // A cancellation that came with the decision: nothing begins any more, so nothing is unknown.
  throwIfCancelled();
  const { review, approval } = turn;
  const plan = review.plan ?? CAUTIOUS;
  const { context, heartbeatTimeoutMs } = task.admitted;
  const { id } = call.raw;
  const effect = effectOf(task, call, turn.args);
  showDoing(task, `running ${review.tool} (${id})`);
  registerUndo(task, effect, plan);
  const input = {
    context,
    call: toGatewayCall(id, turn),
    plan,
    ...(approval === undefined ? {} : { approval }),
    situation: situationOf(task),
  };
  const done = await acting(plan, heartbeatTimeoutMs)
    .execute.executeWithOptions({ summary: `${id} ${review.tool}` }, [input])
    .then(readable, (error: unknown): ExecuteResult => lost(call, error));
  task.usage.costUsd += done.costUsd ?? 0;
  const isRun = done.ask === undefined && done.status !== 'rejected';
  if (!isRun) forgetUndo(task.undo, id);
  // Recorded at once, also when it is unknown: the task may be cancelled while a person is asked.
  else if (review.effect !== 'read') recordEffect(task, effect, done.status);
  // A cancellation that arrived while the effect ran takes hold now that what came of it is recorded.
  throwIfCancelled();
  return done;
};

/** Does what the workflow does itself, as the call's result. */
export const doBuiltIn = async (task: TaskState, call: Call, { review, approval }: Turn): Promise<void> => {
  if (review.builtIn === undefined) return;
  showDoing(task, `running ${review.tool} (${call.raw.id})`);
  const output = await runBuiltIn(task, review.builtIn, `${call.raw.id} ${review.tool}`);
  const human = approval === undefined ? {} : { human: approval.human };
  task.transcript.append(resultOf(call, { status: 'succeeded', output, ...human }));
};

/** Runs reads side by side, in one activity. */
export const runReads = async (task: TaskState, calls: readonly GatewayCall[]): Promise<void> => {
  const { context, limits, heartbeatTimeoutMs } = task.admitted;
  const names = calls.map(({ id, tool }) => `${id} ${tool}`).join(', ');
  showDoing(task, `reading: ${names}`);
  task.usage.toolCalls += calls.length;
  const { read } = thinking(limits.durationMs - task.activeMs, heartbeatTimeoutMs);
  const input = { context, calls, situation: situationOf(task) };
  const results = readable(await read.executeWithOptions({ summary: names.slice(0, 200) }, [input]));
  for (const result of results as ExecuteResult[]) {
    task.usage.costUsd += result.costUsd ?? 0;
    task.transcript.append(toResultItem(result));
  }
};
