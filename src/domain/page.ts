import type { PendingDecision } from './decision.ts';
import { revealHidden } from './hidden-text.ts';
import { cutText } from './json.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { TaskEvent } from './record.ts';
import type { EffectRecord, TaskStatus, Usage } from './task.ts';

/** What the review page shows. */
export type PageView = {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly agent: string;
  readonly goal: string;
  readonly principal: string;
  readonly doing: string;
  readonly usage: Usage;
  readonly limits: Limits | undefined;
  readonly pending: readonly PendingDecision[];
  readonly effects: readonly EffectRecord[];
  readonly events: readonly TaskEvent[];
};

/** INVARIANT T4: content is shown as text: no links, images, HTML, table breaks or hidden characters come through. */
export const escapeText = (text: string, maxBytes = 500): string =>
  cutText(revealHidden(text), maxBytes)
    .replace(/[\r\n]+/g, ' ⏎ ')
    .replace(/[\\`*_{}[\]<>()#+\-.!|~&:@/]/g, (char) => `&#${char.charCodeAt(0)};`);

/** Content as a block of its own, between fences longer than any run of backticks in it. */
const block = (text: string, maxBytes = 4_000): string => {
  const shown = cutText(revealHidden(text), maxBytes);
  const fence = '`'.repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}text\n${shown}\n${fence}`;
};

const value = (of: unknown): string => (typeof of === 'string' ? of : JSON.stringify(of));

/** Arguments as a table; long or many-lined ones as blocks below it. */
const args = (given: unknown): string => {
  if (typeof given !== 'object' || given === null) return block(value(given));
  const entries = Object.entries(given);
  const isLong = (text: string) => text.length > 120 || text.includes('\n');
  const rows = entries.map(([key, each]) => `| ${escapeText(key, 100)} | ${isLong(value(each)) ? 'see below' : escapeText(value(each))} |`);
  const blocks = entries.filter(([, each]) => isLong(value(each))).map(([key, each]) => `**${escapeText(key, 100)}**\n\n${block(value(each))}`);
  return [`| argument | value |\n|---|---|\n${rows.join('\n')}`, ...blocks].join('\n\n');
};

const HEADINGS = {
  approval: 'Approve or deny',
  answer: 'Answer the agent’s question',
  review: 'Review the result',
  effect: 'Say whether it happened',
  compensation: 'Say what to do about the undo that failed',
} as const satisfies Record<PendingDecision['kind'], string>;

/** What to do, first: everything that decides stands above what explains. */
const instruction = ({ id, may }: PendingDecision): string => {
  const [call, digest] = id.split('-');
  const signal = (name: string) => `\`${name} ${call} ${digest}\``;
  if (may.includes('answer')) {
    return `**More Actions → Send a Signal**, choose ${signal('answer')}, input \`{"text":"…","by":"your name"}\`. To refuse: ${signal('deny')}.`;
  }
  return `**More Actions → Send a Signal**, choose ${signal('approve')} or ${signal('deny')}. Input may stay empty, or \`{"${may.includes('edit') ? 'note' : 'note'}":"…","by":"your name"}\` (\`reason\` for deny).`;
};

const why = ({ decision }: PendingDecision): string => {
  if (decision === undefined) return '';
  const { rationale, confidence, basis, alternatives } = decision;
  const others = alternatives.map(({ action, rejectedBecause }) => `- instead of ${escapeText(action)}: ${escapeText(rejectedBecause)}`);
  return [
    `**Why the agent wants it** (its own words, confidence ${Number(confidence).toFixed(2)}, resting on ${basis.map((id) => escapeText(id, 60)).join(', ') || 'nothing named'})`,
    block(rationale, 1_500),
    others.slice(0, 5).join('\n'),
  ].join('\n\n');
};

const section = (pending: PendingDecision): string =>
  [
    `## ${HEADINGS[pending.kind]}: ${escapeText(pending.kind === 'answer' ? pending.callId : pending.tool, 100)} (${pending.id})`,
    instruction(pending),
    pending.question === undefined ? '' : block(pending.question, 2_000),
    pending.kind === 'answer' ? '' : args(pending.args),
    pending.reasons.length === 0 ? '' : `**Why it is asked**: ${pending.reasons.map(({ message }) => escapeText(message)).join('; ')}`,
    why(pending),
    `Waiting since ${pending.since}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');

const used = (count: number, max: number): string => `${count} of ${max}`;

const state = ({ usage, limits = DEFAULT_LIMITS, effects, doing, status, ...view }: PageView): string => {
  const done = effects.map(({ callId, tool, status: how }) => `- ${callId} ${escapeText(tool, 100)}: ${how}`);
  return [
    `## Task: ${status}`,
    `| | |\n|---|---|\n| agent | ${escapeText(view.agent, 100)} |\n| for | ${escapeText(view.principal, 200)} |\n| goal | ${escapeText(view.goal)} |\n| doing | ${escapeText(doing, 200)} |\n| steps | ${used(usage.steps, limits.steps)} |\n| tool calls | ${used(usage.toolCalls, limits.toolCalls)} |\n| tokens | ${used(usage.inputTokens + usage.outputTokens, limits.tokens)} |\n| cost | ${usage.costUsd.toFixed(4)} USD |`,
    done.length === 0 ? '' : `**Effects so far**\n\n${done.slice(-20).join('\n')}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};

/** The page that a reviewer reads in the Temporal UI, as Markdown: what can be done now, then the state (INVARIANT T4). */
export const renderPage = (view: PageView): string => {
  const ignored = view.events.filter(({ type }) => type === 'ignored').slice(-3);
  const notices = ignored.map(({ at, detail }) => {
    const { message, reason } = detail as { message: string; reason: string };
    return `- ignored ${escapeText(message, 100)} at ${at}: ${escapeText(reason)}`;
  });
  const quiet = view.status === 'paused' ? '**Paused.** Send the signal `resume`, empty or with `{"guidance":"…"}`.' : 'Nothing waits for a person.';
  return [
    ...(view.pending.length === 0 ? [quiet] : view.pending.slice(0, 10).map(section)),
    notices.length === 0 ? '' : `**Signals that changed nothing**\n\n${notices.join('\n')}`,
    state(view),
    // The UI cuts the end of the page off: what stands last must not matter.
    '---\n\n&nbsp;',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};
