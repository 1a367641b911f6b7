import { wordsFor } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import { revealHidden } from './hidden-text.ts';
import { type JsonObject, utf8Bytes } from './json.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { argsBlocks, block, escapeText, fenced, pretty, span } from './markdown.ts';
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
  /** The agent's plan, as it wrote it. */
  readonly plan?: JsonObject | undefined;
};

/** What to do, first: everything that decides stands above what explains. */
const instruction = (pending: PendingDecision): string => {
  const { id, kind, may } = pending;
  const signal = (name: string) => `\`${name} ${id.replace('-', ' ')}\``;
  const { yes, no } = wordsFor(pending);
  const input = kind === 'effect' ? '{"note":"…","args":{ what it returned, if you know }}' : '{"note":"…","by":"…"}';
  const lines = [
    may.includes('answer') ? `- **Answer**: ${signal('answer')}, input \`{"text":"…","by":"your name"}\`` : '',
    may.includes('approve') ? `- **${yes}**: ${signal('approve')}, no input needed (or \`${input}\`)` : '',
    may.includes('deny') ? `- **${no}**: ${signal('deny')}, no input needed (or \`{"reason":"…","by":"…"}\`)` : '',
    may.includes('edit') ? '- **Change the arguments**: see the end of this section' : '',
  ];
  return `**More Actions → Send a Signal** (or **an Update**: it tells of mistakes), choose, **Submit** (again, if the dialog stays):\n\n${lines.filter((line) => line !== '').join('\n')}`;
};

/** The input that approves changed arguments, to paste; when they are short, with those of now. Indented as the UI does. */
const EDIT_BYTES = 1_200;
const edit = ({ id, args: given }: PendingDecision, maxBytes: number): string => {
  const text = JSON.stringify({ args: given, by: 'your name' }, null, 2);
  const how = `**To change the arguments**, send \`approve ${id.replace('-', ' ')}\` with all of them as input; they are checked as the agent’s were.`;
  return utf8Bytes(text) > Math.min(EDIT_BYTES, maxBytes)
    ? `${how} They are too long for this page: copy \`args\` from the tab **Queries**, query \`pending\`, into \`{"args":{…},"by":"your name"}\`.`
    : `${how} As they are now:\n\n${fenced(revealHidden(text))}`;
};

const why = ({ decision }: PendingDecision, maxBytes: number): string => {
  if (decision === undefined) return '';
  const { rationale, confidence, basis, alternatives } = decision;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  const others = alternatives
    .slice(0, 5)
    .map((each) => `- instead of ${text(each.action, 300)}: ${text(each.rejectedBecause, 300)}`);
  const named = basis
    .slice(0, 10)
    .map((id) => escapeText(id, 60))
    .join(', ');
  return [
    `**Why the agent wants it**, in its own words (confidence ${Math.round(confidence * 100) / 100}, resting on ${named || 'nothing named'}):`,
    `> ${text(rationale, 1_500)}`,
    others.join('\n'),
  ].join('\n\n');
};

const minute = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

const headingOf = (pending: PendingDecision): string => {
  const { kind, tool, id } = pending;
  const isNamed = kind !== 'answer' && tool !== '';
  return `## ${wordsFor(pending).heading}${isNamed ? `: ${escapeText(tool, 100)}` : ''} (${id})`;
};

const section = (pending: PendingDecision, maxBytes: number): string => {
  const { kind, question, reasons } = pending;
  const isQuestion = kind === 'answer';
  const asked = reasons.slice(0, 5).map(({ message }) => escapeText(message, Math.min(500, maxBytes)));
  const parts = [
    headingOf(pending),
    instruction(pending),
    maxBytes === 0 ? 'What it is about does not fit here: tab **Queries**, query `pending`.' : '',
    question === undefined || !isQuestion ? '' : `**The question**\n\n${block(question, Math.max(1_000, maxBytes))}`,
    isQuestion ? '' : argsBlocks(pending.args, maxBytes),
    asked.length === 0 || isQuestion ? '' : `**Why it is asked**: ${asked.join('; ')}`,
    why(pending, maxBytes),
    pending.may.includes('edit') ? edit(pending, maxBytes) : '',
    `Waiting since ${minute(pending.since)}.`,
  ];
  return (maxBytes === 0 ? parts.slice(0, 3) : parts).filter((part) => part !== '').join('\n\n');
};

const used = (count: number, max: number | undefined): string =>
  max === undefined ? `${count}` : `${count} of ${max}`;

const PLAN_BYTES = 1_500;

const state = ({ usage, limits = DEFAULT_LIMITS, effects, pending, ...view }: PageView, maxBytes: number): string => {
  const { steps, toolCalls, inputTokens, outputTokens, costUsd } = usage;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  const done = effects.slice(-10).map(({ callId, tool, status }) => `- ${callId} ${escapeText(tool, 100)}: ${status}`);
  const rows = [
    ['agent', text(view.agent, 100)],
    ['for', text(view.principal, 200)],
    ['goal', text(view.goal, 500)],
    ...(pending.length > 0 ? [] : [['doing', text(view.doing, 200)]]),
    ['steps', used(steps, limits.steps)],
    ['tool calls', used(toolCalls, limits.toolCalls)],
    ['tokens', used(inputTokens + outputTokens, limits.tokens)],
    ['cost so far', `${used(Number(costUsd.toFixed(4)), limits.costUsd)} USD`],
  ];
  return [
    `## Task: ${view.status}`,
    `| | |\n|---|---|\n${rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}`,
    effects.length === 0
      ? ''
      : `**Effects so far**${effects.length > done.length ? ` (the last ${done.length} of ${effects.length})` : ''}\n\n${done.join('\n')}`,
    view.plan === undefined
      ? ''
      : `**The agent’s plan**\n\n${block(pretty(view.plan), Math.min(PLAN_BYTES, maxBytes))}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};

const isEnded = (status: TaskStatus): boolean => !['running', 'waiting', 'paused', 'compensating'].includes(status);

/** What the page says when nothing is asked. */
const quiet = (status: TaskStatus): string => {
  if (status === 'paused')
    return '**Paused.** To go on: **More Actions → Send a Signal**, choose `resume`, no input needed (or `{"guidance":"words for the agent"}`), **Submit**.';
  if (status === 'compensating')
    return '**The task has ended; what it did is being undone.** Nothing waits for a person.';
  return isEnded(status)
    ? `**The task has ended: ${status}.** Nothing can be decided any more.`
    : '**Nothing waits for a person.**';
};

/** Signals ignored since the last decision, above everything else: who sent one comes back to look. */
const notices = ({ events, status }: PageView): string => {
  const since = events.slice(events.findLastIndex(({ type }) => type === 'decision') + 1);
  const ignored = isEnded(status) ? [] : since.filter(({ type }) => type === 'ignored').slice(-2);
  const lines = ignored.toReversed().map(({ at, detail }) => {
    const { message, reason } = detail as { message: string; reason: string };
    return `- ${at.slice(11, 19)} ${span(message, 60)}: ${span(reason, 200)}`;
  });
  return lines.length === 0 ? '' : `**Signals that changed nothing** (UTC, last first)\n\n${lines.join('\n')}`;
};

/** What stands before the sections when there are several. */
const several = (count: number, shown: number): string => {
  const rest = count > shown ? ` The first ${shown} stand here; all of them: tab **Queries**, query \`pending\`.` : '';
  return count < 2
    ? ''
    : `**${count} decisions wait.** Each is decided by its own name; a plain \`approve\` is refused.${rest}`;
};

const draw = (view: PageView, { sections, maxBytes }: (typeof SIZES)[number]): string => {
  const { pending, status } = view;
  return [
    notices(view),
    pending.length === 0 ? quiet(status) : several(pending.length, Math.min(sections, pending.length)),
    ...pending.slice(0, sections).map((each) => section(each, maxBytes)),
    maxBytes === 0 ? '' : state(view, maxBytes),
    // The UI cuts the end of the page off: what stands last must not matter.
    '---\n\n&#160;',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
};

/** From what a page usually has room for to what always fits; the last one shows only what can be done. */
const SIZES = [
  { sections: 10, maxBytes: 8_000 },
  { sections: 10, maxBytes: 4_000 },
  { sections: 10, maxBytes: 2_000 },
  { sections: 10, maxBytes: 1_000 },
  { sections: 10, maxBytes: 300 },
  { sections: 3, maxBytes: 300 },
  { sections: 1, maxBytes: 300 },
  { sections: 1, maxBytes: 0 },
] as const;

/** The UI sends the page to its renderer in a URL, and common servers refuse request lines over 16 KB: a blank page. */
const URL_BYTES = 14_000;

/** The page that a reviewer reads in the Temporal UI, as Markdown: what can be done now, then the state (INVARIANT T4). */
export const renderPage = (view: PageView): string => {
  let page = '';
  for (const size of SIZES) {
    page = draw(view, size).toWellFormed();
    if (encodeURIComponent(page).length <= URL_BYTES) break;
  }
  return page;
};
