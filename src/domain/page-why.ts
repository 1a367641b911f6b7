import { MAX_ORIGINS, type PendingDecision } from './decision.ts';
import { escapeText, span } from './markdown.ts';
import type { Origin, Source } from './origin.ts';
import type { Reason } from './proposal.ts';

/** What must not be overlooked, in the platform's own words, above the arguments. */
const WARNINGS: Readonly<Record<string, string>> = {
  surface_changed:
    'this is not the tool that was pinned. Its server shows another description or other arguments by now.',
  denied_before: 'a person denied a call with the same values before, in this task.',
  effect_key_conflict: 'this was done before, with other arguments.',
  asks_again: 'it was approved before, and asks again; **Why it is asked** says what changed.',
};

/** The warnings of a decision. Never left out (INVARIANT T4). */
export const warnings = ({ reasons }: PendingDecision): string =>
  [...new Set(reasons.map(({ code }) => (Object.hasOwn(WARNINGS, code) ? WARNINGS[code] : undefined)))]
    .flatMap((text) => (text === undefined ? [] : [`**Careful**: ${text}`]))
    .join('\n\n');

/** An id of a result, with whose it is: `s1.c1 (mail.read, untrusted)`. @param hasTrust whether the trust is told here */
const named = (id: string, { sources }: PendingDecision, hasTrust: boolean): string => {
  const source = sources !== undefined && Object.hasOwn(sources, id) ? sources[id] : undefined;
  if (source === undefined) return escapeText(id, 60);
  return `${escapeText(id, 60)} (${escapeText(source.tool, 100)}${hasTrust ? `, ${source.trust}` : ''})`;
};

/** The first of a list; how many are left out is said: nobody may take a part for the whole. */
const firstOf = (all: readonly string[], most: number): readonly string[] =>
  all.length > most ? [...all.slice(0, most), `and ${all.length - most} more`] : all;

const ORIGINS: Readonly<Record<Source, string>> = {
  untrusted: '**text that an outsider may have written**',
  model: 'the agent’s own',
  trusted: 'trusted text',
  principal: 'the task’s own words',
};

/** What “the agent’s own” is. */
const OWN = 'chosen, derived or made up';

/** Where one value comes from, in words: `trusted text: s1.c1 (bank.balance)`. */
export const originWords = ({ source, item }: Origin, pending: PendingDecision): string => {
  const from = item === undefined || source === 'principal' ? '' : `: ${named(item, pending, false)}`;
  return `${ORIGINS[source]}${from}`;
};

/** What is to be known of the origins in a table: what the words mean, and that not all are there. */
export const originNotes = ({ provenance = {} }: PendingDecision): string => {
  const all = Object.values(provenance);
  return [
    all.some(({ source }) => source === 'model') ? `“The agent’s own” is ${OWN}.` : '',
    all.length < MAX_ORIGINS ? '' : `Only the most doubtful ${MAX_ORIGINS} origins are told.`,
  ]
    .filter((each) => each !== '')
    .join(' ');
};

/**
 * Where the values of the arguments come from, a line for each origin; nothing where all are the principal's.
 * @param told pointers of values that say themselves where they come from
 */
export const origins = (pending: PendingDecision, maxBytes: number, told: ReadonlySet<string>): string => {
  const groups = new Map<string, string[]>();
  const known = Object.entries(pending.provenance ?? {});
  const all = known.filter(([pointer]) => !told.has(pointer));
  for (const [pointer, origin] of all) {
    const words = `${originWords(origin, pending)}${origin.source === 'model' ? `: ${OWN}` : ''}`;
    groups.set(words, [...(groups.get(words) ?? []), span(pointer, Math.min(60, maxBytes))]);
  }
  if (all.every(([, { source }]) => source === 'principal')) return '';
  const lines = [...groups].map(([words, pointers]) => `- ${pointers.join(', ')}: ${words}`);
  const most = known.length < MAX_ORIGINS ? '' : `, the most doubtful ${MAX_ORIGINS} of them`;
  return `**Where the values come from**${most}\n\n${lines.join('\n')}`;
};

/** Why the agent wants it, in its own words: after everything that is a fact. */
export const rationale = (pending: PendingDecision, maxBytes: number): string => {
  const { decision } = pending;
  if (decision === undefined) return '';
  const { rationale: why, confidence, basis, alternatives } = decision;
  const text = (of: string, most: number) => escapeText(of, Math.min(most, maxBytes));
  const others = firstOf(
    alternatives.map((each) => `not chosen: ${text(each.action, 300)}; why: ${text(each.rejectedBecause, 300)}`),
    5,
  ).map((line) => `- ${line}`);
  const resting = firstOf(
    basis.map((id) => named(id, pending, true)),
    10,
  ).join(', ');
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

const SHORT = 240;

/** Whether there is room for why it is asked above what is asked: reasons may hold what a tool or a server answered. */
export const isShortlyAsked = ({ reasons }: PendingDecision): boolean =>
  reasons.length > 0 && reasons.reduce((sum, { message }) => sum + message.length, 0) <= SHORT;

/** Why it is asked, with the names of the rules: those that made it ask, and the one that says who decides. */
export const asked = ({ reasons, kind, rule = 'default' }: PendingDecision, maxBytes: number): string => {
  if (reasons.length === 0) return '';
  const label =
    kind === 'compensation' && reasons[0]?.code === 'undo_failed' ? 'Why undoing failed' : 'Why it is asked';
  const why = firstOf(
    reasons.map((each) => reason(each, maxBytes)),
    5,
  );
  const approval = rule === 'default' ? '' : ` · approval rule ${span(rule, 60)}`;
  return `**${label}**: ${why.join('; ')}${approval}`;
};
