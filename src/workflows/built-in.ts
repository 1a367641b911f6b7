import * as wf from '@temporalio/workflow';
import type { BuiltIn } from '../domain/proposal.ts';
import type { TaskState } from './state.ts';

/**
 * Does what the workflow does itself. A wait counts for the limit `duration`, and is not longer than what is left of it.
 * @returns the output of the call
 */
export const runBuiltIn = async (task: TaskState, builtIn: BuiltIn, name: string): Promise<string> => {
  if (builtIn.kind === 'plan') {
    task.plan = builtIn.plan;
    return 'noted';
  }
  const ms = Math.max(1, Math.min(builtIn.ms, task.admitted.limits.durationMs - task.activeMs));
  await wf.sleep(ms, { summary: `${name}: ${Math.round(ms / 1_000)} s` });
  return `waited ${Math.round(ms / 100) / 10} s`;
};
