import { assertNever } from '../domain/assert-never.ts';
import { wordsFor } from '../domain/compensation.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { shareWords } from '../domain/page-review.ts';
import { changeLines } from './diff-lines.ts';
import { originsText, reasonText } from './task-lines.ts';
import type { Paint } from './terminal.ts';
import { block, brief, briefArgs, listed, oneLine, valueBlock } from './text.ts';
import { timingText, votesText, whoText } from './who-text.ts';

/** What is asked, in a few words. */
const askedOf = (pending: PendingDecision): string => {
  const { kind, tool, args, question } = pending;
  switch (kind) {
    case 'approval':
      return `approve ${oneLine(tool, 60)}(${briefArgs(args, 120)})`;
    case 'answer':
      return `answer: ${oneLine(question ?? '', 160)}`;
    case 'review':
      return `review ${oneLine(question ?? tool, 160)}`;
    case 'effect':
      return `say whether ${oneLine(tool, 60)}(${briefArgs(args, 100)}) happened`;
    case 'compensation':
      return `${wordsFor(pending).heading}${tool === '' ? '' : ` (${oneLine(tool, 60)})`}`;
    default:
      return assertNever(kind);
  }
};

const ARG_LINES = 30;

/** Whether `valueBlock` leaves something out of a value. */
const isLong = (value: unknown): boolean => {
  const lines = (typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')).split('\n');
  return lines.length > ARG_LINES || lines.some((line) => line.length > 400);
};

/** What runs if a person says yes. INVARIANT T4: a part of it is never passed off as the whole. */
const whatLines = (pending: PendingDecision, paint: Paint): string[] => {
  const { args, kind, change } = pending;
  if (kind === 'answer') return [];
  // Too long for the list, arguments stand there cut, as text, or not at all.
  const isCut = typeof args === 'string' || (args === undefined && kind === 'approval') || isLong(args);
  return [
    ...(args === undefined ? [] : [valueBlock(args, { indent: '    ', max: ARG_LINES })]),
    ...(isCut
      ? [`    ${paint.yellow('not all of the arguments are shown; all of them: query `pending` of the task')}`]
      : []),
    ...(change === undefined ? [] : changeLines(change, paint)),
  ];
};

const agentLines = ({ decision }: PendingDecision, dim: (label: string) => string, paint: Paint): string[] => {
  if (decision === undefined) return [];
  const { rationale, confidence, basis, alternatives } = decision;
  return [
    `${dim('agent says')}${oneLine(rationale, 400)} ${paint.dim(`(confidence ${brief(confidence, 8)}${basis.length > 0 ? `, resting on ${listed(basis)}` : ''})`)}`,
    ...alternatives
      .slice(0, 5)
      .map(
        ({ action, rejectedBecause }) =>
          `${dim('instead of')}${oneLine(action, 120)}: ${oneLine(rejectedBecause, 200)}`,
      ),
  ];
};

/** Everything a person needs to decide: what would happen first, then why and whom it is asked, then the agent's own words. */
export const pendingLines = (pending: PendingDecision, paint: Paint): string[] => {
  const { reasons, question, output, risk, rule, share } = pending;
  const dim = (label: string): string => `  ${paint.dim(label.padEnd(10))} `;
  const line = (label: string, text: string): string[] => (text === '' ? [] : [`${dim(label)}${text}`]);
  const level = risk === undefined ? '' : `  ${risk === 'high' ? paint.red('high risk') : paint.dim(`${risk} risk`)}`;
  const asked = askedOf(pending);
  return [
    `${paint.yellow('?')} ${paint.bold(asked)}  ${paint.dim(oneLine(pending.id, 40))}${level}`,
    ...(question === undefined || asked.endsWith(question) ? [] : [block(question, { indent: '    ' })]),
    ...whatLines(pending, paint),
    ...(output === undefined ? [] : [dim('returned'), valueBlock(output, { indent: '    ', max: 12 })]),
    ...line('yes allows', share === undefined ? '' : shareWords(share)),
    ...reasons.map((each) => `${dim('because')}${reasonText(each)}`),
    ...line('from', originsText(pending.provenance ?? {}, pending.sources)),
    ...agentLines(pending, dim, paint),
    ...line('who', `${whoText(pending)}${rule === undefined ? '' : paint.dim(` (rule ${oneLine(rule, 60)})`)}`),
    ...line('approved', votesText(pending)),
    ...line('if nobody', timingText(pending)),
  ];
};
