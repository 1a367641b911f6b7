import { assertNever } from './assert-never.ts';
import type { Change, PendingDecision } from './decision.ts';
import { isRecord } from './json.ts';
import { block, fenced, fitsBlock, isReordered, pretty, span } from './markdown.ts';
import type { ShownArgs } from './page-args.ts';
import { signal } from './page-how.ts';
import { leadsTo, reviewedOutput } from './page-review.ts';
import { asksProof } from './votes.ts';

/** What the page knows of a decision beside the decision itself. */
export type SectionContext = {
  /** The key that the tool was given, where the decision is about an effect. */
  readonly key?: string | undefined;
  /** The task has ended, and what it did is being undone. */
  readonly isEnded: boolean;
  /** What the task cost so far, in words. */
  readonly cost: string;
  /** There is room for arguments as a table. */
  readonly hasTable: boolean;
};

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');

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
  const known = asksProof(pending.who)
    ? "sign with it: `--args '{…}'`."
    : `send ${signal('approve', pending)} with it as \`args\`:\n\n${fenced(OUTPUT)}`;
  return joined([
    `**How to tell**: look in the other system for ${what}.`,
    then,
    `**If you know what it returned**, such as an id, ${known}`,
  ]);
};

/** What a person needs to undo an effect by hand, and what follows. */
const aboutUndo = ({ reasons, output }: PendingDecision, { key }: SectionContext, maxBytes: number): string =>
  joined([
    output === undefined ? '' : `**What it returned**\n\n${block(pretty(output), Math.min(1_500, maxBytes))}`,
    key === undefined ? '' : `The key that it was given: ${span(key, 300)}`,
    reasons[0]?.code === 'undo_failed'
      ? 'Either way the rest is undone next. “Done by hand” counts as undone; “Leave it” stands in the outcome as `compensation_failed`.'
      : '',
  ]);

/** What follows from either answer, where that is not plain. */
export const consequences = (pending: PendingDecision, context: SectionContext, maxBytes: number): string => {
  switch (pending.kind) {
    case 'effect':
      return aboutEffect(pending, context);
    case 'compensation':
      return aboutUndo(pending, context, maxBytes);
    case 'review':
      return leadsTo(pending);
    case 'approval':
    case 'answer':
      return '';
    default:
      return assertNever(pending.kind);
  }
};

/** What the call would change. @returns how it stands to the arguments, and the blocks */
const changed = ({ diff, before, isCut = false }: Change, maxBytes: number): readonly string[] => {
  const text = diff ?? before;
  if (text === undefined) return [];
  const fits = fitsBlock(text, maxBytes);
  const cut = fits
    ? '**Not all of the change is shown here.** The arguments are what runs: judge by them. Do not approve a part.'
    : '**Only a part of the change fits here.** More of it: tab **Queries**, query `pending`. Do not approve a part.';
  return [
    isCut || !fits ? cut : '',
    diff === undefined
      ? `**What is there now**\n\n${block(text, maxBytes)}`
      : `**What it changes** (\`-\` goes, \`+\` comes)\n\n${block(text, maxBytes, 'diff')}`,
  ];
};

const PARTLY =
  '**Only a part of the arguments fits here.** All of them: tab **Queries**, query `pending`. Do not approve a part.';
const REORDERED =
  '**Careful**: it holds writing from right to left. On the screen, numbers and signs beside it may stand in another order than they run in.';

/** The arguments, exactly; between the short and the long ones what they change, which is what a person reads first. */
const ofCall = ({ args, change = {} }: PendingDecision, shown: ShownArgs, maxBytes: number): string => {
  const { isCut, short, long } = shown;
  const isMixed = isReordered(`${JSON.stringify(args ?? null)}${change.diff ?? ''}${change.before ?? ''}`);
  return joined([isMixed ? REORDERED : '', isCut ? PARTLY : '', short, ...changed(change, maxBytes), ...long]);
};

/** A text under its name; where it does not fit, that is said before it. */
const whole = (name: string, text: string, maxBytes: number): string =>
  joined([
    fitsBlock(text, maxBytes) ? '' : '**Only a part fits here.** All of it: tab **Queries**, query `pending`.',
    `**${name}**`,
    block(text, maxBytes),
  ]);

/** Of a whole task, the effects that would be undone. */
const undoneOf = ({ kind, callId, args }: PendingDecision): readonly unknown[] | undefined => {
  const effects = kind === 'compensation' && callId === 'task' && isRecord(args) ? args['effects'] : undefined;
  return Array.isArray(effects) ? effects : undefined;
};

/** Tells whether a decision is about the arguments of a call. */
export const isOfCall = (pending: PendingDecision): boolean =>
  pending.kind !== 'answer' && pending.kind !== 'review' && undoneOf(pending) === undefined;

/**
 * What a decision is about: the question, the result, the arguments; of a whole task, the effects that would be undone.
 * @param shown the arguments, where it is about those of a call
 */
export const aboutWhat = (pending: PendingDecision, shown: ShownArgs | undefined, maxBytes: number): string => {
  if (shown !== undefined) return ofCall(pending, shown, maxBytes);
  const { kind, question } = pending;
  if (kind === 'answer') {
    return question === undefined ? '' : whole('The question', question, Math.max(1_000, maxBytes));
  }
  if (kind === 'review') return reviewedOutput(pending, maxBytes);
  const effects = undoneOf(pending) ?? [];
  return whole(`Would be undone, in this order (${effects.length})`, effects.join('\n'), maxBytes);
};
