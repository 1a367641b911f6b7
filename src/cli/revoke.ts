import { Command } from 'commander';
import type { TaskHandle } from '../client.ts';
import { HoldfastError } from '../domain/failures.ts';
import { sendAndPrint } from './acknowledged.ts';
import { onCall, osUser, withExamples } from './command.ts';
import { listed, oneLine } from './text.ts';

/**
 * The id of the standing approval that a name means: its id, its call, or how either begins. What names none is left to the task,
 * which knows best.
 * @throws HoldfastError `Decision.Refused` where it means several
 */
const findStanding = async (task: TaskHandle, given: string): Promise<string> => {
  const name = given.trim().replace(' ', '-');
  const ids = (await task.trace()).standing.map(({ id }) => id);
  if (ids.includes(name)) return name;
  const ofCall = ids.filter((id) => id.startsWith(`${name}-`));
  const found = ofCall.length > 0 ? ofCall : ids.filter((id) => name !== '' && id.startsWith(name));
  if (found.length > 1) {
    throw new HoldfastError(
      'Decision.Refused',
      `${task.taskId}: several approvals that stand begin with ${JSON.stringify(oneLine(name, 80))}, name one: ${listed(found)}.`,
    );
  }
  return found[0] ?? given;
};

/** `holdfast revoke TASK ID`. */
export const revokeCommand = (): Command => {
  const command = new Command('revoke')
    .summary('take back an approval that stands for further calls')
    .description(
      'Takes back an approval that was given for further calls of a task (--scope values or tool): they are asked again. `holdfast show TASK` lists those that stand.',
    )
    .argument('<task>', 'task id')
    .argument(
      '<id>',
      'the decision that gave it or its call, such as s3.c1-7f3a or s3.c1; its beginning, where that is one',
    )
    .option('--by <name>', 'who takes it back; a claim: nothing proves it', osUser());
  withExamples(command, ['holdfast revoke refund-17 s3.c1']);
  return onCall<{ readonly by: string }>(
    command,
    async ({ args: [taskId = '', id = ''], options: { by }, globals }) =>
      await sendAndPrint(globals, taskId, async (task) => await task.revoke(await findStanding(task, id), by)),
  );
};
