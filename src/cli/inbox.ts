import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { AgentClient } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { onCall, wholeNumber, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { decideLines, pendingLines } from './task-lines.ts';
import { note, paint, print, printJson } from './terminal.ts';
import { ago, oneLine } from './text.ts';

type InboxOptions = {
  readonly kind?: PendingDecision['kind'];
  readonly agent?: string;
  readonly tenant?: string;
  readonly limit: number;
  readonly next?: string;
  readonly watch?: boolean;
};

const KINDS = [
  'approval',
  'answer',
  'review',
  'effect',
  'compensation',
] as const satisfies readonly PendingDecision['kind'][];
const WATCH_MS = 2_000;

const read = async (client: AgentClient, { kind, agent, tenant, limit, next }: InboxOptions) =>
  await client.inbox({ waitingFor: kind, agent, tenant }, { limit, next });

const printPending = (pending: readonly PendingDecision[]): void => {
  for (const each of pending) {
    print(`${paint.bold(oneLine(each.taskId, 200))}  ${paint.dim(`waiting since ${ago(each.since)}`)}`);
    for (const line of [...pendingLines(each, paint), ...decideLines(each, paint, null)]) print(line);
    print('');
  }
};

const keyOf = ({ taskId, id }: PendingDecision): string => `${taskId} ${id}`;

/** Never returns by itself: Ctrl-C ends it. With `json`, one array a change, each on its line. */
const watch = async (client: AgentClient, options: InboxOptions, json: boolean): Promise<never> => {
  let known: readonly string[] | undefined;
  for (;;) {
    const { pending } = await read(client, options);
    const keys = pending.map(keyOf).toSorted();
    const isNew = known === undefined || keys.join('\n') !== known.join('\n');
    if (json && isNew) printJson(pending);
    else if (isNew) printPending(pending.filter((each) => known?.includes(keyOf(each)) !== true));
    if (known === undefined && !json) note('watching; Ctrl-C ends it');
    known = keys;
    await sleep(WATCH_MS);
  }
};

/** `holdfast inbox`: everything that waits for a person. */
export const inboxCommand = (): Command => {
  const command = new Command('inbox')
    .summary('list everything that waits for a person')
    .description('Lists everything that waits for a person, over all tasks. Asks the server only: no worker is needed.')
    .addOption(new Option('--kind <kind>', 'only one kind').choices(KINDS))
    .option('--agent <name>', 'of tasks of one agent')
    .option('--tenant <id>', 'of tasks of one tenant')
    .option('--limit <count>', 'waiting tasks on a page, up to 1000', wholeNumber(1, 1_000), 100)
    .option('--next <token>', 'the next page, as the page before named it')
    .option('--watch', 'keep looking, and show what is new');
  withExamples(command, ['holdfast inbox', "holdfast inbox --kind approval --json | jq -r '.[].id'"]);
  return onCall<InboxOptions>(command, async ({ options, globals }) => {
    await withClient(globals, async (client) => {
      if (options.watch === true) await watch(client, options, globals.json);
      const { pending, next } = await read(client, options);
      if (globals.json) printJson(pending);
      else if (pending.length === 0) note('nothing waits for a person');
      else printPending(pending);
      if (next !== null) note(`more with: --next ${next}`);
    });
    return EXIT.done;
  });
};
