import * as wf from '@temporalio/workflow';
import type { ExecuteResult } from '../activities/messages.ts';
import type { Undo } from '../domain/compensation.ts';
import { defined } from '../domain/defined.ts';
import type { Ruling } from '../domain/desk.ts';
import { idempotencyKey } from '../domain/idempotency-key.ts';
import type { RunPlan } from '../domain/proposal.ts';
import type { EffectRecord } from '../domain/task.ts';
import type { ResultStatus } from '../domain/transcript.ts';
import { readable, settling } from './activities.ts';
import { type Call, toHuman } from './call.ts';
import type { TaskState } from './state.ts';

/** What names an effect. */
export type EffectRef = Pick<Undo, 'callId' | 'tool' | 'args' | 'key'>;

/** Names the effect of a call with these arguments. */
export const effectOf = (task: TaskState, call: Call, args: unknown): EffectRef => {
  const { id: callId } = call.raw;
  return { callId, tool: call.review.tool, args, key: idempotencyKey(task.admitted.context, callId, args) };
};

/** Writes down how an effect stands; a later word on the same call takes its place. */
export const setEffect = ({ effects }: TaskState, { callId, tool, key }: EffectRef, status: EffectRecord['status']) => {
  const before = effects.findIndex((effect) => effect.callId === callId);
  effects.splice(before < 0 ? effects.length : before, 1, { callId, tool, status, key });
};

/** Writes down what came of a call; one that did not run is no effect. */
export const recordEffect = (task: TaskState, effect: EffectRef, status: ResultStatus): void => {
  if (status !== 'rejected') setEffect(task, effect, status === 'replayed' ? 'succeeded' : status);
};

/** Registers the undo of an effect, before the effect is scheduled: whatever happens then, it is known what to undo. */
export const registerUndo = (
  { undo }: TaskState,
  effect: EffectRef,
  { timeoutMs, taskQueue, risk, ...plan }: RunPlan,
) => {
  if (plan.isCompensable !== true) return;
  forgetUndo(undo, effect.callId);
  undo.push({ ...effect, timeoutMs, ...defined({ taskQueue, risk }) });
};

/** Takes the undo of a call back: it did not run. */
export const forgetUndo = (undo: Undo[], callId: string): void => {
  const at = undo.findIndex((each) => each.callId === callId);
  if (at >= 0) undo.splice(at, 1);
};

/**
 * Settles an unknown effect by what a person found out. A cancellation does not interrupt it: what was said is kept.
 * INVARIANT E7: "it happened" may carry the output.
 */
export const resolveEffect = (task: TaskState, effect: EffectRef, ruling: Ruling): Promise<ExecuteResult> => {
  const { callId: id, tool, args, key } = effect;
  const { name, args: output } = ruling.message;
  const input = {
    call: { id, tool, args },
    context: task.admitted.context,
    key,
    happened: name === 'approve',
    ...(output === undefined ? {} : { output }),
    human: toHuman(ruling),
  };
  return wf.CancellationScope.nonCancellable(async () =>
    readable(await settling.resolve.executeWithOptions({ summary: `settle ${id} ${tool}` }, [input])),
  );
};
