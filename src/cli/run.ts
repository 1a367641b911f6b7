import { Command } from 'commander';
import type { TaskHandle, TaskState } from '../client.ts';
import { readEnvironment } from '../config.ts';
import { assertNever } from '../domain/assert-never.ts';
import { type Globals, jsonValue, onCall, osUser, withExamples } from './command.ts';
import { taskPage, withClient } from './connect.ts';
import { decideLines } from './decide-lines.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type FollowEnd, followTask } from './follow.ts';
import { readIdentity } from './identity.ts';
import { pendingLines } from './pending-lines.ts';
import { comeBackCommand, type RunInput, readSpec } from './run-spec.ts';
import { type Identity, sendDecision } from './sending.ts';
import { outcomeLines } from './task-lines.ts';
import { isInteractive, note, notePaint, paint, print, printJson } from './terminal.ts';
import { shellWord } from './text.ts';
import { interruptible, quietHint } from './watch.ts';

type RunOptions = {
  readonly spec?: string;
  readonly id?: string;
  readonly detach?: boolean;
  readonly wait: boolean;
  readonly input?: unknown;
};

type Running = { readonly task: TaskHandle; readonly input: RunInput; readonly globals: Globals };

const printInterrupted = ({ task: { taskId }, input, globals }: Running): void => {
  note(`interrupted; the task ${taskId} itself goes on. To come back:`);
  const again = comeBackCommand(input, taskId);
  if (again !== null) note(`    ${notePaint.cyan(again)}`);
  note(`    ${notePaint.cyan(`holdfast show ${shellWord(taskId)}`)}`);
  if (globals.json) printJson({ taskId, status: 'running', interrupted: true });
};

const printWaits = ({ taskId, status, pending }: TaskState, globals: Globals): void => {
  const page = taskPage(globals, taskId);
  for (const each of pending) {
    for (const line of [...pendingLines(each, notePaint), ...decideLines(each, notePaint, page)]) note(line);
  }
  if (pending.length === 0) note(`paused; \`holdfast resume ${shellWord(taskId)}\` lets it go on`);
  if (globals.json) printJson({ taskId, status, pending });
};

/** The last words, and the exit code that belongs to them. */
const report = (end: FollowEnd, running: Running): ExitCode => {
  const { globals } = running;
  switch (end.kind) {
    case 'interrupted':
      printInterrupted(running);
      return EXIT.interrupted;
    case 'waits':
      printWaits(end.state, globals);
      return EXIT.waits;
    case 'ended':
      if (globals.json) printJson(end.outcome);
      else for (const line of outcomeLines(end.outcome, paint)) print(line);
      return end.outcome.status === 'completed' ? EXIT.done : EXIT.notCompleted;
    default:
      return assertNever(end);
  }
};

const printDetached = ({ task: { taskId }, globals }: Running): ExitCode => {
  if (globals.json) printJson({ taskId, status: 'running' });
  else print(taskId);
  note(`follow it with: holdfast show ${shellWord(taskId)}`);
  return EXIT.done;
};

/** `holdfast run AGENT GOAL`: starts a task, follows it live and asks in the terminal when a person is needed. */
export const runCommand = (): Command => {
  const command = new Command('run')
    .summary('start a task and follow it')
    .description(
      'Starts a task, follows it live and asks in the terminal when a person is needed. The same --id with the same specification is the same task: to come back to one, run it again. Ctrl-C leaves the task running.',
    )
    .argument('[agent]', 'name of an agent that a worker serves')
    .argument('[goal]', 'what it is to do')
    .option('--spec <file>', 'the whole specification, JSON or YAML (- for stdin)')
    .option('--id <task>', 'task id (default: the agent and eight characters)')
    .option('--input <json>', 'data beside the goal; the agent treats it as untrusted', jsonValue)
    .option('--detach', 'start it and print its id')
    .option('--no-wait', 'stop with exit code 3 once it waits for a person');
  withExamples(command, [
    "holdfast run refunds 'Refund order 17' --id refund-17",
    'holdfast run --spec task.yaml --json --no-wait',
  ]);
  return onCall<RunOptions>(command, async ({ args: [agent, goal], options, globals }) => {
    const input: RunInput = { agent, goal, ...options };
    const spec = await readSpec(input);
    return await withClient(globals, async (client) => {
      const task = await client.start(spec, options.id === undefined ? {} : { taskId: options.id });
      const running: Running = { task, input, globals };
      if (options.detach === true) return printDetached(running);
      const page = taskPage(globals, task.taskId);
      const onWaiting = !options.wait ? 'stop' : isInteractive() ? 'ask' : 'tell';
      const identity: Identity = onWaiting === 'ask' ? await readIdentity() : { by: osUser() };
      const end = await interruptible(
        async (signal) =>
          await followTask({
            task,
            onWaiting,
            decide: async (callId, said) => await sendDecision(client, { taskId: task.taskId, callId, said }, identity),
            canSign: identity.signer !== undefined,
            page,
            onQuiet: async () => await quietHint(client, readEnvironment().HOLDFAST_TASK_QUEUE),
            signal,
          }),
      );
      return report(end, running);
    });
  });
};
