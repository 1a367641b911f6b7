import type { Compensation } from './compensation.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { block, escapeText, pretty } from './markdown.ts';
import type { PageView } from './page.ts';
import { decisionLines, standingLines } from './page-standing.ts';

const used = (count: number, max: number | undefined): string =>
  max === undefined ? `${count}` : `${count} of ${max}`;

const dollars = ({ usage, limits = DEFAULT_LIMITS }: Pick<PageView, 'usage' | 'limits'>): string =>
  `${used(Number(usage.costUsd.toFixed(4)), limits.costUsd)} USD`;

const tokens = ({ usage, limits = DEFAULT_LIMITS }: Pick<PageView, 'usage' | 'limits'>): string =>
  used(usage.inputTokens + usage.outputTokens, limits.tokens);

/** What the task cost so far, of what it may; in tokens where nothing has a price. */
export const costOf = (view: Pick<PageView, 'usage' | 'limits'>): string =>
  view.usage.costUsd > 0 || view.limits?.costUsd !== undefined ? dollars(view) : `${tokens(view)} tokens`;

const BLOCK_BYTES = 1_500;
const LINES = 10;

/** The last lines of a list under a heading that says how many there are. */
const lastOf = (name: string, lines: readonly string[], most = LINES): string => {
  const shown = lines.slice(-most);
  const count = lines.length > shown.length ? ` (the last ${shown.length} of ${lines.length})` : '';
  return lines.length === 0 ? '' : `**${name}**${count}\n\n${shown.join('\n')}`;
};

/** What undoing came to, where the effect's own status does not say it. */
const undone = (status: string, compensation: Compensation | undefined): string => {
  if (compensation === undefined) return '';
  const { status: how, message } = compensation;
  const words = [...(how === status ? [] : [`undoing: ${how}`]), ...(message === undefined ? [] : [message])];
  return words.length === 0 ? '' : ` (${words.join(': ')})`;
};

const rowsOf = (view: PageView, maxBytes: number): readonly (readonly string[])[] => {
  const { usage, limits = DEFAULT_LIMITS, pending, end } = view;
  const { steps, toolCalls } = usage;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  return [
    ...(end?.reason === undefined ? [] : [[`ended as ${end.status}`, text(end.reason, 600)]]),
    ['agent', text(view.agent, 100)],
    ['for', text(view.principal, 200)],
    ['goal', text(view.goal, 500)],
    ...(pending.length > 0 || view.doing === 'ended' ? [] : [['doing', text(view.doing, 200)]]),
    ['steps', used(steps, limits.steps)],
    ['tool&#160;calls', used(toolCalls, limits.toolCalls)],
    ['tokens', tokens(view)],
    ['cost&#160;so&#160;far', dollars(view)],
  ];
};

/** The task: how it stands, what it used, did and was refused, how it ended. Explains; nothing here decides. */
export const taskSection = (view: PageView, maxBytes: number): string => {
  const { status, effects, compensations, denied = [], standing = [], events, plan, end } = view;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  const done = effects.map((effect) => {
    const how = undone(effect.status, compensations?.get(effect.callId));
    return `- ${effect.callId} ${text(effect.tool, 100)}: ${effect.status}${text(how, 300)}`;
  });
  const refused = denied.map(
    ({ callId, tool, reason }) =>
      `- ${callId} ${text(tool, 100)}${reason === undefined ? '' : `: ${text(reason, 300)}`}`,
  );
  const blockOf = (name: string, value: unknown) =>
    `**${name}**\n\n${block(pretty(value), Math.min(BLOCK_BYTES, maxBytes))}`;
  return [
    `## Task: ${status}`,
    `| | |\n|---|---|\n${rowsOf(view, maxBytes)
      .map(([name, value]) => `| ${name} | ${value} |`)
      .join('\n')}`,
    lastOf('Approvals that let further calls run unasked', end === undefined ? standingLines(standing) : []),
    end?.output === undefined ? '' : blockOf('What it gave', end.output),
    lastOf('Effects so far', done),
    lastOf('Refused by a person', refused),
    lastOf('Decided so far', decisionLines(events), 5),
    plan === undefined ? '' : blockOf('The agent’s plan', plan),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};
