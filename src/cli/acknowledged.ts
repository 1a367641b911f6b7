import type { Acknowledged, AgentClient, TaskHandle } from '../client.ts';
import type { Globals } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { statusWord } from './task-lines.ts';
import { paint, print, printJson } from './terminal.ts';
import { oneLine } from './text.ts';

/** Sends something to a task and prints its new state. @throws HoldfastError when the task refuses it */
export const sendAndPrint = async (
  globals: Globals,
  taskId: string,
  send: (task: TaskHandle, client: AgentClient) => Promise<Acknowledged>,
): Promise<ExitCode> => {
  const { status, pending } = await withClient(globals, async (client) => await send(client.handle(taskId), client));
  if (globals.json) printJson({ taskId, status, pending });
  else {
    const waiting = pending.length === 0 ? '' : `, pending: ${pending.map((id) => oneLine(id, 40)).join(', ')}`;
    print(`${oneLine(taskId, 200)}: ${statusWord(status, paint)}${waiting}`);
  }
  return EXIT.done;
};
