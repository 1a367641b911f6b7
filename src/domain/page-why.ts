import type { PendingDecision } from './decision.ts';
import { escapeText, span } from './markdown.ts';
import type { Source } from './origin.ts';
import type { Reason } from './proposal.ts';

/** What must not be overlooked, in the platform's own words, above the arguments. */
const WARNINGS: Readonly<Record<string, string>> = {
  surface_changed:
    'this is not the tool that was pinned. Its server shows another description or other arguments by now.',
  denied_before: 'a person denied a call with the same values before, in this task.',
  effect_key_conflict: 'this was done before, with other arguments.',
  asks_again: 'it was approved before, and asks again: the tool, or what is known of the call, changed since.',
};

/** The warnings of a decision. Never left out (INVARIANT T4). */
export const warnings = ({ reasons }: PendingDecision): string =>
  [...new Set(reasons.map(({ code }) => (Object.hasOwn(WARNINGS, code) ? WARNINGS[code] : undefined)))]
    .flatMap((text) => (text === undefined ? [] : [`**Careful**: ${text}`]))
    .join('\n\n');

/** An id of a result, with whose it is: `s1.c1 (mail.read, untrusted)`. */
const named = (id: string, { sources }: PendingDecision): string => {
  const source = sources !== undefined && Object.hasOwn(sources, id) ? sources[id] : undefined;
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
export const origins = (pending: PendingDecision, maxBytes: number): string => {
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

/** Why the agent wants it, in its own words: after everything that is a fact. */
export const rationale = (pending: PendingDecision, maxBytes: number): string => {
  const { decision } = pending;
  if (decision === undefined) return '';
  const { rationale: why, confidence, basis, alternatives } = decision;
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
    `> ${text(why, 1_500)}`,
    others.join('\n'),
  ].join('\n\n');
};

/** A reason with the rule that it comes from. */
const reason = ({ message, policy }: Reason, maxBytes: number): string => {
  const rule =
    policy === undefined || message.includes(policy) ? '' : ` (rule ${span(policy, Math.min(100, maxBytes))})`;
  return `${escapeText(message, Math.min(500, maxBytes))}${rule}`;
};

/** Why it is asked, with the names of the rules: those that made it ask, and the one that says who decides. */
export const asked = ({ reasons, kind, rule = 'default' }: PendingDecision, maxBytes: number): string => {
  if (reasons.length === 0) return '';
  const label =
    kind === 'compensation' && reasons[0]?.code === 'undo_failed' ? 'Why undoing failed' : 'Why it is asked';
  const why = reasons.slice(0, 5).map((each) => reason(each, maxBytes));
  const approval = rule === 'default' ? '' : ` · approval rule ${span(rule, 60)}`;
  return `**${label}**: ${why.join('; ')}${approval}`;
};
