import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import type { DecisionFilter } from '../gateway/desk-ports.ts';
import { onCall, wholeNumber, withExamples } from './command.ts';
import { calibrationLines, decisionLines } from './decision-lines.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { note, paint, print, printJson } from './terminal.ts';
import { withStore } from './with-store.ts';

type DecisionsOptions = {
  readonly by: 'rule' | 'tool';
  /** ISO 8601. */
  readonly since?: string;
  readonly rule?: string;
  readonly tool?: string;
  readonly agent?: string;
  readonly list?: boolean;
  readonly limit: number;
  readonly next?: string;
};

/** A moment, or so long ago. */
const moment = (text: string): string => {
  const span = parseDuration(text);
  const ms = span === undefined ? (/^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN) : Date.now() - span;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Expected a duration such as 30d, or a date such as 2026-03-01.');
  return new Date(ms).toISOString();
};

const build = (): Command =>
  new Command('decisions')
    .summary('count what people decided, by rule or tool')
    .description(
      'Counts questions that ended: how often a rule or a tool asked, and what people said. With --list the decisions themselves, newest first. Reads the control store only. Nothing acts on these figures.',
    )
    .addOption(new Option('--by <what>', 'what is counted').choices(['rule', 'tool']).default('rule'))
    .option('--since <time>', 'decided from then on: 30d, or 2026-03-01', moment)
    .option('--rule <name>', 'only one approval rule')
    .option('--tool <name>', 'only one tool')
    .option('--agent <name>', 'only one agent')
    .option('--list', 'the decisions themselves')
    .option('--limit <count>', 'with --list: decisions on a page, up to 1000', wholeNumber(1, 1_000), 20)
    .option('--next <token>', 'with --list: the next page, as the page before named it');

const printStats = async (
  by: 'rule' | 'tool',
  filter: DecisionFilter,
  call: Parameters<typeof withStore>[0],
): Promise<void> => {
  const stats = await withStore(call, async ({ deskLog }) => await deskLog.stats(by, filter));
  if (call.json) printJson({ by, since: filter.since ?? null, stats });
  else if (stats.length === 0) note('no decisions');
  else for (const line of calibrationLines(by, stats)) print(line);
};

const printList = async (
  { limit, next }: DecisionsOptions,
  filter: DecisionFilter,
  call: Parameters<typeof withStore>[0],
): Promise<void> => {
  const page = await withStore(call, async ({ deskLog }) => await deskLog.decisions(filter, { limit, next }));
  if (call.json) {
    printJson(page);
    return;
  }
  if (page.decisions.length === 0) note('no decisions');
  else for (const line of decisionLines(page.decisions, paint)) print(line);
  if (page.next !== null) note(`more with: --next ${page.next}`);
};

/** `holdfast decisions`: what people decided, counted or one by one. */
export const decisionsCommand = (): Command => {
  const command = withExamples(build(), [
    'holdfast decisions --since 30d',
    'holdfast decisions --by tool --agent clerk',
    'holdfast decisions --list --rule refunds --json | jq \'.decisions[] | select(.outcome == "denied")\'',
  ]);
  return onCall<DecisionsOptions>(command, async ({ options, globals }) => {
    const { since, rule, tool, agent, by, list, next } = options;
    if (list !== true && next !== undefined) throw new UsageError('--next goes with --list only.', 'Add --list.');
    const filter = { since, rule, tool, agent };
    await (list === true ? printList(options, filter, globals) : printStats(by, filter, globals));
    return EXIT.done;
  });
};
