import type { Acknowledged, AgentClient, TaskHandle } from '../client.ts';
import type { Globals } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { statusWord } from './task-lines.ts';
import { paint, print, printJson } from './terminal.ts';
import { oneLine } from './text.ts';
import { votesText, whoText } from './who-text.ts';

/** An approval that counts and is not enough: who else is waited for. */
const voteLines = async (task: TaskHandle, { pending }: Acknowledged): Promise<string[]> => {
  if (pending.length === 0) return [];
  const state = await task.status();
  return state.pending
    .filter(({ votes = [] }) => votes.length > 0)
    .map((each) => `${oneLine(each.id, 40)} waits for others, too: ${whoText(each)}; approved: ${votesText(each)}`);
};

/** Sends something to a task and prints its new state. @throws HoldfastError when the task refuses it */
export const sendAndPrint = async (
  globals: Globals,
  taskId: string,
  send: (task: TaskHandle, client: AgentClient) => Promise<Acknowledged>,
): Promise<ExitCode> => {
  const { acknowledged, votes } = await withClient(globals, async (client) => {
    const task = client.handle(taskId);
    const sent = await send(task, client);
    return { acknowledged: sent, votes: globals.json ? [] : await voteLines(task, sent) };
  });
  const { status, pending } = acknowledged;
  if (globals.json) printJson({ taskId, status, pending });
  else {
    const waiting = pending.length === 0 ? '' : `, pending: ${pending.map((id) => oneLine(id, 40)).join(', ')}`;
    print(`${oneLine(taskId, 200)}: ${statusWord(status, paint)}${waiting}`);
    for (const line of votes) print(`  ${line}`);
  }
  return EXIT.done;
};
