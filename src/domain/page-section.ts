import { wordsFor } from './compensation.ts';
import type { PendingDecision } from './decision.ts';
import { escapeText } from './markdown.ts';
import { aboutWhat, consequences, isOfCall, type SectionContext } from './page-about.ts';
import { argsBlocks, type ShownArgs } from './page-args.ts';
import { factLines } from './page-facts.ts';
import { howFar, howToEdit, howToShare, instruction } from './page-how.ts';
import { argsTable } from './page-table.ts';
import { minuteOf } from './page-time.ts';
import { asked, isShortlyAsked, origins, rationale, warnings } from './page-why.ts';

const heading = (pending: PendingDecision): string => {
  const { kind, tool, id } = pending;
  const words = wordsFor(pending).heading;
  const isNamed = kind !== 'answer' && kind !== 'review' && tool !== '';
  const name = isNamed ? `${words.endsWith('?') ? '' : ':'} ${escapeText(tool, 100)}` : '';
  return `## ${words}${name} (${id})`;
};

const ELSEWHERE = 'What it is about does not fit here: tab **Queries**, query `pending`.';

const NONE: ReadonlySet<string> = new Set();

const shownArgs = (pending: PendingDecision, { hasTable }: SectionContext, maxBytes: number): ShownArgs | undefined => {
  if (!isOfCall(pending) || maxBytes === 0) return undefined;
  return (hasTable ? argsTable(pending, maxBytes) : undefined) ?? argsBlocks(pending.args, maxBytes);
};

/**
 * One decision: what bears on it and how to make it, then what it is about. INVARIANT T4: what decides stands first and is
 * never left out; with no bytes left, nothing else is there.
 */
export const decisionSection = (pending: PendingDecision, context: SectionContext, maxBytes: number): string => {
  const why = asked(pending, maxBytes);
  const isFirst = maxBytes > 0 && isShortlyAsked(pending);
  const args = shownArgs(pending, context, maxBytes);
  const facts = factLines(pending, context.cost);
  const decides = [
    heading(pending),
    // Two spaces at the end break the line.
    isFirst ? `${facts}  \n${why}` : facts,
    instruction(pending),
    warnings(pending),
  ];
  const explains =
    maxBytes === 0
      ? [ELSEWHERE]
      : [
          aboutWhat(pending, args, maxBytes),
          isFirst ? '' : why,
          consequences(pending, context, maxBytes),
          howToShare(pending),
          origins(pending, maxBytes, args?.told ?? NONE),
          rationale(pending, maxBytes),
          howToEdit(pending, maxBytes),
          howFar(pending),
          `Waiting since ${minuteOf(pending.since)}.`,
        ];
  return [...decides, ...explains].filter((part) => part !== '').join('\n\n');
};
