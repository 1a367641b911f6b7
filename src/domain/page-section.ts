import { wordsFor } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import { revealHidden } from './hidden-text.ts';
import { isRecord, utf8Bytes } from './json.ts';
import { argsBlocks, block, escapeText, fenced, pretty, span } from './markdown.ts';
import type { Source } from './origin.ts';
import type { Reason } from './proposal.ts';

/** What the page knows of a decision beside the decision itself. */
export type SectionContext = {
  /** The key that the tool was given, where the decision is about an effect. */
  readonly key?: string | undefined;
  /** The task has ended, and what it did is being undone. */
  readonly isEnded: boolean;
};

const signal = (name: string, { id }: PendingDecision): string => `\`${name} ${id.replace('-', ' ')}\``;

/** What to do, first: everything that decides stands above what explains. */
const instruction = (pending: PendingDecision): string => {
  const { kind, may } = pending;
  const { yes, no } = wordsFor(pending);
  const input = kind === 'effect' ? 'or what it returned: see below' : 'or `{"note":"…","by":"…"}`';
  const lines = [
    may.includes('answer') ? `- **Answer**: ${signal('answer', pending)}, input \`{"text":"…","by":"your name"}\`` : '',
    may.includes('approve') ? `- **${yes}**: ${signal('approve', pending)}, no input needed (${input})` : '',
    may.includes('deny')
      ? `- **${no}**: ${signal('deny', pending)}, no input needed (or \`{"reason":"…","by":"…"}\`)`
      : '',
    may.includes('edit') ? '- **Change the arguments**: see the end of this section' : '',
  ];
  return `**More Actions → Send a Signal** (or **an Update**: it tells of mistakes), choose, **Submit** (again, if the dialog stays):\n\n${lines.filter((line) => line !== '').join('\n')}`;
};

/** What must not be overlooked, in the platform's own words, above the arguments. */
const WARNINGS: Readonly<Record<string, string>> = {
  surface_changed:
    'this is not the tool that was pinned. Its server shows another description or other arguments by now.',
  denied_before: 'a person denied a call with the same values before, in this task.',
  effect_key_conflict: 'this was done before, with other arguments.',
  asks_again: 'it was approved before, and asks again: the tool, or what is known of the call, changed since.',
};

const warnings = ({ reasons }: PendingDecision): string =>
  [...new Set(reasons.map(({ code }) => WARNINGS[code]))]
    .flatMap((text) => (text === undefined ? [] : [`**Careful**: ${text}`]))
    .join('\n\n');

/** The input that approves changed arguments, to paste; when they are short, with those of now. Indented as the UI does. */
const EDIT_BYTES = 1_200;
const edit = (pending: PendingDecision, maxBytes: number): string => {
  const text = JSON.stringify({ args: pending.args, by: 'your name' }, null, 2);
  const how = `**To change the arguments**, send ${signal('approve', pending)} with all of them as input; they are checked as the agent’s were.`;
  return utf8Bytes(text) > Math.min(EDIT_BYTES, maxBytes)
    ? `${how} They are too long for this page: copy \`args\` from the tab **Queries**, query \`pending\`, into \`{"args":{…},"by":"your name"}\`.`
    : `${how} As they are now:\n\n${fenced(revealHidden(text))}`;
};

/** An id of a result, with whose it is: `s1.c1 (mail.read, untrusted)`. */
const named = (id: string, { sources }: PendingDecision): string => {
  const source = sources?.[id];
  return source === undefined
    ? escapeText(id, 60)
    : `${escapeText(id, 60)} (${escapeText(source.tool, 100)}, ${source.trust})`;
};

const ORIGINS: Readonly<Record<Source, string>> = {
  untrusted: '**text that an outsider may have written**',
  model: 'the agent’s own: chosen, derived or made up',
  trusted: 'trusted text',
  principal: 'the task’s own words',
};

/** Where the values of the arguments come from, a line for each origin; nothing where all are the principal's. */
const origins = (pending: PendingDecision, maxBytes: number): string => {
  const groups = new Map<string, string[]>();
  const all = Object.entries(pending.provenance ?? {});
  for (const [pointer, { source, item }] of all) {
    const from = item === undefined || source === 'principal' ? '' : `: ${named(item, pending)}`;
    const words = `${ORIGINS[source]}${from}`;
    groups.set(words, [...(groups.get(words) ?? []), span(pointer, Math.min(60, maxBytes))]);
  }
  if (all.every(([, { source }]) => source === 'principal')) return '';
  const lines = [...groups].map(([words, pointers]) => `- ${pointers.join(', ')}: ${words}`);
  return `**Where the values come from**\n\n${lines.join('\n')}`;
};

const why = (pending: PendingDecision, maxBytes: number): string => {
  const { decision } = pending;
  if (decision === undefined) return '';
  const { rationale, confidence, basis, alternatives } = decision;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  const others = alternatives
    .slice(0, 5)
    .map((each) => `- instead of ${text(each.action, 300)}: ${text(each.rejectedBecause, 300)}`);
  const resting = basis
    .slice(0, 10)
    .map((id) => named(id, pending))
    .join(', ');
  return [
    `**Why the agent wants it**, in its own words (confidence ${Math.round(confidence * 100) / 100}, resting on ${resting || 'nothing named'}):`,
    `> ${text(rationale, 1_500)}`,
    others.join('\n'),
  ].join('\n\n');
};

const minute = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

const heading = (pending: PendingDecision): string => {
  const { kind, tool, id } = pending;
  const words = wordsFor(pending).heading;
  const name = kind !== 'answer' && tool !== '' ? `${words.endsWith('?') ? '' : ':'} ${escapeText(tool, 100)}` : '';
  return `## ${words}${name} (${id})`;
};

/** A reason with the rule that it comes from. */
const reason = ({ message, policy }: Reason, maxBytes: number): string => {
  const rule =
    policy === undefined || message.includes(policy) ? '' : ` (rule ${span(policy, Math.min(100, maxBytes))})`;
  return `${escapeText(message, Math.min(500, maxBytes))}${rule}`;
};

const asked = ({ reasons, kind }: PendingDecision, maxBytes: number): string => {
  if (reasons.length === 0) return '';
  const label =
    kind === 'compensation' && reasons[0]?.code === 'undo_failed' ? 'Why undoing failed' : 'Why it is asked';
  return `**${label}**: ${reasons
    .slice(0, 5)
    .map((each) => reason(each, maxBytes))
    .join('; ')}`;
};

const OUTPUT = '{\n  "args": { "…": "…" },\n  "note": "…",\n  "by": "your name"\n}';

/** How to find out, how to say it, and what follows: of an effect of which nobody knows. */
const aboutEffect = (pending: PendingDecision, { key, isEnded }: SectionContext): string => {
  const what =
    key === undefined
      ? 'what the arguments say'
      : `what the arguments say, or the key that it was given: ${span(key, 300)}`;
  const then = isEnded
    ? 'If it happened, it is undone next: for that it may need what it returned. If it did not, there is nothing to undo.'
    : 'If it happened, the agent goes on with what it returned, and undoing may need it later. If it did not, the agent is told that it failed, and may propose it again.';
  return [
    `**How to tell**: look in the other system for ${what}.`,
    then,
    `**If you know what it returned**, such as an id, send ${signal('approve', pending)} with it as \`args\`:`,
    fenced(OUTPUT),
  ].join('\n\n');
};

/** What a person needs to undo an effect by hand, and what follows. */
const aboutUndo = ({ reasons, output }: PendingDecision, { key }: SectionContext, maxBytes: number): string => {
  const isFailed = reasons[0]?.code === 'undo_failed';
  const parts = [
    output === undefined ? '' : `**What it returned**\n\n${block(pretty(output), Math.min(1_500, maxBytes))}`,
    key === undefined ? '' : `The key that it was given: ${span(key, 300)}`,
    isFailed
      ? 'Either way the rest is undone next. “Done by hand” counts as undone; “Leave it” stands in the outcome as `compensation_failed`.'
      : '',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
};

/** The arguments; of a whole task, the effects that would be undone, each on a line of its own. */
const aboutWhat = ({ kind, callId, args }: PendingDecision, maxBytes: number): string => {
  const effects = kind === 'compensation' && callId === 'task' && isRecord(args) ? args['effects'] : undefined;
  return Array.isArray(effects)
    ? `**Would be undone**, in this order (${effects.length})\n\n${block(effects.join('\n'), maxBytes)}`
    : argsBlocks(args, maxBytes);
};

const details = (pending: PendingDecision, context: SectionContext, maxBytes: number): readonly string[] => {
  const { kind, question, may } = pending;
  if (kind === 'answer') {
    return [question === undefined ? '' : `**The question**\n\n${block(question, Math.max(1_000, maxBytes))}`];
  }
  return [
    warnings(pending),
    aboutWhat(pending, maxBytes),
    asked(pending, maxBytes),
    origins(pending, maxBytes),
    kind === 'effect' ? aboutEffect(pending, context) : '',
    kind === 'compensation' ? aboutUndo(pending, context, maxBytes) : '',
    why(pending, maxBytes),
    may.includes('edit') ? edit(pending, maxBytes) : '',
  ];
};

/** One decision: how to make it, then what it is about. With no bytes left, only how to make it. */
export const decisionSection = (pending: PendingDecision, context: SectionContext, maxBytes: number): string => {
  const head = [heading(pending), instruction(pending)];
  if (maxBytes === 0) {
    return [...head, warnings(pending), 'What it is about does not fit here: tab **Queries**, query `pending`.']
      .filter((part) => part !== '')
      .join('\n\n');
  }
  const parts = [...head, ...details(pending, context, maxBytes), `Waiting since ${minute(pending.since)}.`];
  return parts.filter((part) => part !== '').join('\n\n');
};
