import { Command } from 'commander';
import { sendAndPrint } from './acknowledged.ts';
import { jsonObject, onCall, osUser, withExamples } from './command.ts';

const BY = ['--by <name>', 'who decides (a claim: nothing proves it)'] as const;

type ApproveOptions = { readonly args?: Record<string, unknown>; readonly note?: string; readonly by: string };

const CALL = 'the decision or its call, such as s3.c1-7f3a or s3.c1; may be left out where one is pending';

/** `holdfast approve TASK [CALL]`. */
export const approveCommand = (): Command => {
  const command = new Command('approve')
    .summary('let a call run')
    .description(
      'Lets a call run. Of an effect whose result is unknown it says that it happened; about undoing: yes, or done by hand.',
    )
    .argument('<task>', 'task id')
    .argument('[call]', CALL)
    .option(
      '--args <json>',
      'run it with these arguments instead: all of them, as an object; of an unknown effect: what it returned',
      jsonObject,
    )
    .option('--note <text>', 'recorded with the decision')
    .option(...BY, osUser());
  withExamples(command, [
    'holdfast approve refund-17',
    'holdfast approve refund-17 s3.c1 --args \'{"orderId":"17","amount":20}\' --note "half of it"',
  ]);
  return onCall<ApproveOptions>(
    command,
    async ({ args: [taskId = '', callId], options: { args, note, by }, globals }) =>
      await sendAndPrint(
        globals,
        taskId,
        async (task) =>
          await task.approve({
            by,
            ...(callId === undefined ? {} : { callId }),
            ...(args === undefined ? {} : { args }),
            ...(note === undefined ? {} : { note }),
          }),
      ),
  );
};

/** `holdfast deny TASK [CALL]`. */
export const denyCommand = (): Command => {
  const command = new Command('deny')
    .summary('refuse a call')
    .description(
      'Refuses a call; the reason goes to the agent. Of an effect whose result is unknown it says that it did not happen; about undoing: leave it.',
    )
    .argument('<task>', 'task id')
    .argument('[call]', CALL)
    .requiredOption('--reason <text>', 'goes to the agent')
    .option(...BY, osUser());
  withExamples(command, ['holdfast deny refund-17 --reason "the order was refunded last week"']);
  return onCall<{ readonly reason: string; readonly by: string }>(
    command,
    async ({ args: [taskId = '', callId], options, globals }) =>
      await sendAndPrint(
        globals,
        taskId,
        async (task) => await task.deny({ ...options, ...(callId === undefined ? {} : { callId }) }),
      ),
  );
};

/** `holdfast answer TASK TEXT`. */
export const answerCommand = (): Command => {
  const command = new Command('answer')
    .summary('answer a question of the agent')
    .description('Answers a question of the agent.')
    .argument('<task>', 'task id')
    .argument('<text>', 'the answer')
    .option('--id <id>', 'the question; may be left out where one is pending')
    .option(...BY, osUser());
  withExamples(command, ['holdfast answer refund-17 "order 18, not 17"']);
  return onCall<{ readonly id?: string; readonly by: string }>(
    command,
    async ({ args: [taskId = '', text = ''], options: { id, by }, globals }) =>
      await sendAndPrint(
        globals,
        taskId,
        async (task) => await task.answer({ text, by, ...(id === undefined ? {} : { questionId: id }) }),
      ),
  );
};
