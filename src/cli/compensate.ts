import { confirm } from '@clack/prompts';
import { Command } from 'commander';
import type { AgentClient } from '../client.ts';
import type { EffectRecord } from '../domain/task.ts';
import type { Undoable } from '../timeline/compensation.ts';
import { type Globals, onCall, osUser, withExamples } from './command.ts';
import { taskPage, withClient } from './connect.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { type FollowEnd, followTask } from './follow.ts';
import { readIdentity } from './identity.ts';
import { prompt } from './prompt.ts';
import { type Identity, sendDecision } from './sending.ts';
import { effectLines, statusWord } from './task-lines.ts';
import { isInteractive, note, notePaint, paint, print, printJson } from './terminal.ts';
import { oneLine, shellWord } from './text.ts';
import { interruptible, quietHint } from './watch.ts';

/** What `compensate --json` prints. */
type Compensated = {
  readonly taskId: string;
  readonly status: 'completed' | 'failed' | 'running';
  readonly reason?: string;
  readonly effects: readonly EffectRecord[];
};

const mayUndo = async ({ taskId, undo }: Undoable): Promise<boolean> => {
  if (!isInteractive())
    throw new UsageError(
      `${undo.length} effects of ${taskId} would be undone.`,
      'Give --yes: there is no terminal to ask in.',
    );
  note(`To be undone, last first:`);
  for (const { callId, tool } of undo.toReversed()) note(`  ${oneLine(callId, 20)} ${oneLine(tool, 60)}`);
  const answer = await prompt(
    async (signal) => await confirm({ message: 'Undo all of it?', output: process.stderr, signal }),
  );
  return answer === true;
};

/** Undoes one part after the other; nearly always there is one only. */
const undoAll = async (client: AgentClient, undoable: Undoable, globals: Globals): Promise<Compensated> => {
  const { startCompensation } = await import('../timeline/compensation.ts');
  const { taskId, taskQueue } = undoable;
  const identity: Identity = isInteractive() ? await readIdentity() : { by: osUser() };
  const effects: EffectRecord[] = [];
  const reasons: string[] = [];
  for (let left = undoable.undo; left.length > 0; ) {
    const task = client.handle(await startCompensation(client.temporal, undoable, left));
    const end = await interruptible(
      async (signal): Promise<FollowEnd> =>
        await followTask({
          task,
          onWaiting: isInteractive() ? 'ask' : 'tell',
          decide: async (callId, said) => await sendDecision(client, { taskId: task.taskId, callId, said }, identity),
          canSign: identity.signer !== undefined,
          page: taskPage(globals, task.taskId),
          onQuiet: async () => await quietHint(client, taskQueue),
          signal,
        }),
    );
    if (end.kind !== 'ended') return { taskId, status: 'running', effects };
    const { outcome } = end;
    effects.push(...outcome.effects);
    if (outcome.reason !== undefined) reasons.push(outcome.reason);
    const done = new Set(outcome.effects.map(({ callId }) => callId));
    const rest = left.filter(({ callId }) => !done.has(callId));
    // A run that did nothing of this was ended by somebody.
    if (rest.length === left.length) return { taskId, status: 'failed', reason: 'the undoing was ended', effects };
    left = rest;
  }
  return reasons.length === 0
    ? { taskId, status: 'completed', effects }
    : { taskId, status: 'failed', reason: reasons.join('; '), effects };
};

const report = (result: Compensated, globals: Globals): ExitCode => {
  const { taskId, status, reason, effects } = result;
  if (globals.json) printJson(result);
  else if (status !== 'running') {
    const why = reason === undefined ? '' : `: ${oneLine(reason, 600)}`;
    print(`${oneLine(taskId, 200)}: undoing ${statusWord(status, paint)}${why}`);
    for (const line of effectLines(effects, paint)) print(line);
  }
  if (status === 'running') {
    note('interrupted; the undoing itself goes on. To come back:');
    note(`    ${notePaint.cyan(`holdfast compensate ${shellWord(taskId)} --yes`)}`);
    return EXIT.interrupted;
  }
  return status === 'completed' ? EXIT.done : EXIT.notCompleted;
};

/** `holdfast compensate TASK`: undoes what an ended task did, from its history. */
export const compensateCommand = (): Command => {
  const command = new Command('compensate')
    .summary('undo what an ended task did')
    .description(
      'Undoes what an ended task did, last first, from its event history: a task that was terminated or timed out could not do so itself. Asks in the terminal when a person is needed. What was undone before is not undone again, so it can be repeated.',
    )
    .argument('<task>', 'task id')
    .option('--yes', 'do not ask first');
  withExamples(command, ['holdfast compensate refund-17', 'holdfast compensate refund-17 --yes --json']);
  return onCall<{ readonly yes?: boolean }>(command, async ({ args: [taskId = ''], options, globals }) => {
    const { readUndoable } = await import('../timeline/compensation.ts');
    return await withClient(globals, async (client) => {
      const undoable = await readUndoable(client.temporal, taskId);
      if (undoable.undo.length === 0) {
        note('nothing is to be undone');
        return report({ taskId, status: 'completed', effects: undoable.effects }, globals);
      }
      if (options.yes !== true && !(await mayUndo(undoable))) {
        note('nothing was undone');
        return EXIT.failed;
      }
      return report(await undoAll(client, undoable, globals), globals);
    });
  });
};
