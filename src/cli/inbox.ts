import { Command, InvalidArgumentError, Option } from 'commander';
import type { AgentClient, InboxFilter } from '../client.ts';
import type { Risk } from '../domain/approval-rule.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { parseDuration } from '../domain/duration.ts';
import { type Globals, onCall, wholeNumber, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { decideLines } from './decide-lines.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { readIdentity } from './identity.ts';
import { watchInbox } from './inbox-watch.ts';
import { pendingLines } from './pending-lines.ts';
import { type SigningOptions, signingOptions } from './signing-options.ts';
import { isInteractive, note, paint, print, printJson } from './terminal.ts';
import { ago, oneLine } from './text.ts';

type InboxOptions = SigningOptions & {
  readonly kind?: PendingDecision['kind'];
  readonly role?: readonly string[];
  readonly anybody?: boolean;
  readonly risk?: Risk;
  readonly olderThan?: number;
  readonly agent?: string;
  readonly tenant?: string;
  readonly limit: number;
  readonly next?: string;
  readonly watch?: boolean;
  readonly decide?: boolean;
  readonly by?: string;
};

const KINDS = [
  'approval',
  'answer',
  'review',
  'effect',
  'compensation',
] as const satisfies readonly PendingDecision['kind'][];
const RISKS = ['low', 'medium', 'high'] as const satisfies readonly Risk[];

const age = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration, such as 90s, 30m, 2h or 7d.');
  return ms;
};

const toFilter = ({ kind, role, anybody, risk, olderThan, agent, tenant }: InboxOptions): InboxFilter => ({
  waitingFor: kind,
  role: anybody === true ? null : role,
  risk,
  olderThan,
  agent,
  tenant,
});

const printPending = (pending: readonly PendingDecision[]): void => {
  for (const each of pending) {
    print(`${paint.bold(oneLine(each.taskId, 200))}  ${paint.dim(`asked ${ago(each.since)}`)}`);
    for (const line of [...pendingLines(each, paint), ...decideLines(each, paint, null)]) print(line);
    print('');
  }
};

const checkOptions = (options: InboxOptions, { json }: Globals): void => {
  const { role, anybody, watch, decide } = options;
  if (role !== undefined && anybody === true)
    throw new UsageError('--role and --anybody cannot stand together.', 'Give one of them.');
  if (decide !== true) {
    const idle = (['key', 'issuer', 'subject', 'by'] as const).find((name) => options[name] !== undefined);
    if (idle !== undefined)
      throw new UsageError(
        `--${idle} goes with --decide: to list what waits, nobody signs.`,
        'Add --decide, or leave it out.',
      );
    return;
  }
  if (watch === true || json)
    throw new UsageError(
      `--decide and ${json ? '--json' : '--watch'} cannot stand together.`,
      'Give --decide alone: it asks in the terminal.',
    );
  if (!isInteractive())
    throw new UsageError(
      '--decide asks in a terminal, and there is none.',
      'Use `holdfast approve`, `deny` and `answer`.',
    );
};

const list = async (client: AgentClient, options: InboxOptions, json: boolean): Promise<void> => {
  const { limit, next: after } = options;
  const pending = await client.inbox(toFilter(options), { limit, next: after });
  const { next } = pending;
  if (json) printJson(pending);
  else if (pending.length === 0 && next === null) note('nothing waits for a person');
  else printPending(pending);
  if (next !== null) note(`more with: --next ${next}`);
};

const run = async (client: AgentClient, options: InboxOptions, { json }: Globals): Promise<ExitCode> => {
  const { limit, next } = options;
  // Anew at every look: an age counts from when it is asked.
  const read = async (token: string | undefined) => await client.inbox(toFilter(options), { limit, next: token });
  if (options.watch === true) await watchInbox(async () => await read(next), { json, show: printPending });
  if (options.decide !== true) {
    await list(client, options, json);
    return EXIT.done;
  }
  const { decideInbox } = await import('./inbox-decide.ts');
  return await decideInbox({ client, identity: await readIdentity(options), read });
};

/** `holdfast inbox`: everything that waits for a person. */
export const inboxCommand = (): Command => {
  const command = new Command('inbox')
    .summary('list everything that waits for a person, and decide it')
    .description(
      'Lists everything that waits for a person, over all tasks. Asks the server only: no worker is needed, but to decide.',
    )
    .addOption(new Option('--kind <kind>', 'only one kind').choices(KINDS))
    .option('--role <roles...>', 'what one of these roles may decide')
    .option('--anybody', 'what anybody may decide')
    .addOption(new Option('--risk <risk>', 'only calls of this risk').choices(RISKS))
    .option('--older-than <duration>', 'asked at least so long ago, such as 1h', age)
    .option('--agent <name>', 'of tasks of one agent')
    .option('--tenant <id>', 'of tasks of one tenant')
    .option('--limit <count>', 'waiting tasks on a page, up to 1000', wholeNumber(1, 1_000), 100)
    .option('--next <token>', 'the next page, as the page before named it')
    .option('--watch', 'keep looking, and show what is new and what waits no more')
    .option('--decide', 'go through it in this terminal: approve, deny, edit, answer or skip')
    .option('--by <name>', 'with --decide: who decides (default: your name here); a claim: nothing proves it');
  for (const option of signingOptions()) command.addOption(option);
  withExamples(command, [
    'holdfast inbox',
    'holdfast inbox --decide --role managers --key ana.key.json',
    'holdfast inbox --risk high --older-than 1h',
    "holdfast inbox --kind approval --json | jq -r '.[].id'",
  ]);
  return onCall<InboxOptions>(command, async ({ options, globals }) => {
    checkOptions(options, globals);
    return await withClient(globals, async (client) => await run(client, options, globals));
  });
};
