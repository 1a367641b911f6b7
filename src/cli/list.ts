import { Command, Option } from 'commander';
import type { AgentClient, TaskFilter, TaskSummary } from '../client.ts';
import { onCall, wholeNumber, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { statusWord } from './task-lines.ts';
import { note, paint, print, printJson } from './terminal.ts';
import { ago, listed, oneLine, table, whenText } from './text.ts';

type ListOptions = {
  readonly status?: string;
  readonly agent?: string;
  readonly principal?: string;
  readonly tenant?: string;
  readonly limit: number;
  readonly next?: string;
  readonly all?: boolean;
};

/** What a task waits for: kind, who may decide, until when. */
const waitsFor = ({ pending }: TaskSummary): string => {
  const [first] = pending;
  if (first === undefined) return '';
  const deadlines = pending.flatMap(({ deadline }) => (deadline === undefined ? [] : [deadline])).toSorted();
  const roles = [...new Set(pending.flatMap(({ who }) => who?.roles ?? []))];
  const kinds = [...new Set(pending.map(({ kind }) => kind))];
  return [
    `${pending.length > 1 ? `${pending.length} × ` : ''}${kinds.join(', ')}`,
    ...(roles.length > 0 ? [`by ${listed(roles, ' or ', 3)}`] : []),
    ...(deadlines[0] === undefined ? [] : [`expires ${whenText(deadlines[0])}`]),
  ].join(' ');
};

const row = (task: TaskSummary): string[] => {
  const { taskId, status, agent, goal, startedAt, costUsd } = task;
  return [
    oneLine(taskId, 60),
    statusWord(status, paint),
    oneLine(agent ?? '', 24),
    paint.dim(ago(startedAt)),
    costUsd === null || costUsd === 0 ? '' : costUsd.toFixed(4),
    paint.yellow(oneLine(waitsFor(task), 80)),
    oneLine(goal ?? '', 60),
  ];
};

/** The column that says what is waited for stands there only where something is. */
const rowsOf = (tasks: readonly TaskSummary[]): string[][] => {
  const rows = [HEADINGS, ...tasks.map(row)];
  const isWaiting = tasks.some(({ pending }) => pending.length > 0);
  return isWaiting ? rows : rows.map((cells) => cells.toSpliced(WAITS, 1));
};

const STATUSES = [
  'running',
  'waiting',
  'paused',
  'compensating',
  'completed',
  'failed',
  'cancelled',
  'rejected',
  'limit',
  'fallback',
  'terminated',
  'timed out',
];

const HEADINGS = ['TASK', 'STATUS', 'AGENT', 'STARTED', 'USD', 'WAITS FOR', 'GOAL'];
const WAITS = HEADINGS.indexOf('WAITS FOR');

const readPages = async (client: AgentClient, { limit, next, all, ...filter }: ListOptions) => {
  const { status, agent, principal, tenant } = filter;
  const wanted: TaskFilter = { status, agent, principal, tenant };
  const tasks: TaskSummary[] = [];
  let token = next;
  do {
    const page = await client.list(wanted, { limit, next: token });
    tasks.push(...page.tasks);
    token = page.next ?? undefined;
    if (all !== true) break;
  } while (token !== undefined);
  return { tasks, next: token ?? null };
};

/** `holdfast list`: tasks, newest first. */
export const listCommand = (): Command => {
  const command = new Command('list')
    .summary('list tasks, newest first')
    .description('Lists tasks, newest first. Asks the server only: no worker is needed.')
    .addOption(new Option('--status <status>', 'only one status').choices(STATUSES))
    .option('--agent <name>', 'tasks of one agent')
    .option('--principal <id>', 'tasks for one principal')
    .option('--tenant <id>', 'tasks of one tenant')
    .option('--limit <count>', 'tasks on a page, up to 1000', wholeNumber(1, 1_000), 20)
    .option('--next <token>', 'the next page, as the page before named it')
    .option('--all', 'all pages');
  withExamples(command, ['holdfast list --status waiting', "holdfast list --all --json | jq -r '.tasks[].taskId'"]);
  return onCall<ListOptions>(command, async ({ options, globals }) => {
    const page = await withClient(globals, async (client) => await readPages(client, options));
    if (globals.json) {
      printJson(page);
      return EXIT.done;
    }
    if (page.tasks.length === 0) note('no tasks');
    else for (const line of table(rowsOf(page.tasks))) print(line);
    if (page.next !== null) note(`more with: --next ${page.next}`);
    return EXIT.done;
  });
};
