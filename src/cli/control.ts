import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Acknowledged, TaskHandle, TaskState } from '../client.ts';
import { sendAndPrint } from './acknowledged.ts';
import { onCall, withExamples } from './command.ts';

/** `holdfast pause TASK`. */
export const pauseCommand = (): Command => {
  const command = new Command('pause')
    .summary('stop a task before its next step')
    .description('Stops a task before its next step, until it is resumed. What is under way is finished.')
    .argument('<task>', 'task id')
    .option('--reason <text>', 'recorded with it');
  withExamples(command, ['holdfast pause refund-17 --reason "month end"']);
  return onCall<{ readonly reason?: string }>(
    command,
    async ({ args: [taskId = ''], options, globals }) =>
      await sendAndPrint(globals, taskId, async (task) => await task.pause(options.reason)),
  );
};

/** `holdfast resume TASK`. */
export const resumeCommand = (): Command => {
  const command = new Command('resume')
    .summary('let a paused task go on')
    .description('Lets a paused task go on, perhaps with words for the agent.')
    .argument('<task>', 'task id')
    .option('--guidance <text>', 'goes to the agent before its next step');
  withExamples(command, ['holdfast resume refund-17 --guidance "refund half of it at most"']);
  return onCall<{ readonly guidance?: string }>(
    command,
    async ({ args: [taskId = ''], options, globals }) =>
      await sendAndPrint(globals, taskId, async (task) => await task.resume(options.guidance)),
  );
};

const CANCEL_WAIT_MS = 3_000;

/** A request is recorded at once and acted upon by a worker: the state a moment later tells more than the one of now. */
const cancelAndWait = async (task: TaskHandle): Promise<Acknowledged> => {
  const toAnswer = ({ status, pending }: TaskState) => ({ status, pending: pending.map(({ id }) => id) });
  const before = await task.status();
  if (before.closedAt !== null) return toAnswer(before);
  await task.cancel();
  for (const deadline = Date.now() + CANCEL_WAIT_MS; ; await sleep(100)) {
    const state = await task.status();
    if (state.closedAt !== null || Date.now() > deadline) return toAnswer(state);
  }
};

/** `holdfast cancel TASK`. */
export const cancelCommand = (): Command => {
  const command = new Command('cancel')
    .summary('ask a task to stop')
    .description('Asks a task to stop. It ends with the status "cancelled", as soon as a worker acts upon it.')
    .argument('<task>', 'task id');
  withExamples(command, ['holdfast cancel refund-17']);
  return onCall(
    command,
    async ({ args: [taskId = ''], globals }) => await sendAndPrint(globals, taskId, cancelAndWait),
  );
};
