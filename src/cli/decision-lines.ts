import type { DecisionRow, DecisionStats } from '../gateway/desk-ports.ts';
import type { Paint } from './terminal.ts';
import { ago, oneLine, span, table } from './text.ts';

const HEADINGS = ['ASKED', 'APPROVED', 'EDITED', 'DENIED', 'ANSWERED', 'EXPIRED', 'WITHDRAWN', 'MEDIAN'];

const countOf = (count: number): string => (count === 0 ? '' : String(count));

/** How often it was asked and what came of it, a line a rule or tool. */
export const calibrationLines = (by: 'rule' | 'tool', stats: readonly DecisionStats[]): readonly string[] =>
  table([
    [by.toUpperCase(), ...HEADINGS],
    ...stats.map(({ of, asked, approved, edited, denied, answered, expired, withdrawn, medianMs }) => [
      of === '' ? '(no tool)' : oneLine(of, 60),
      String(asked),
      ...[approved, edited, denied, answered, expired, withdrawn].map(countOf),
      medianMs === null ? '' : span(medianMs),
    ]),
  ]);

const OUTCOMES = {
  approved: 'green',
  edited: 'yellow',
  denied: 'red',
  answered: 'green',
  expired: 'yellow',
  withdrawn: 'dim',
} as const satisfies Record<DecisionRow['outcome'], keyof Paint>;

/** Decisions, a line each. A name that nobody has proven is marked as a claim. */
export const decisionLines = (decisions: readonly DecisionRow[], paint: Paint): readonly string[] =>
  table([
    ['DECIDED', 'TASK', 'ID', 'TOOL', 'RULE', 'CONFIDENCE', 'OUTCOME', 'AFTER', 'BY'],
    ...decisions.map((each) => [
      paint.dim(ago(each.decidedAt)),
      oneLine(each.taskId, 60),
      oneLine(each.id, 40),
      oneLine(each.tool === '' ? each.kind : each.tool, 40),
      oneLine(each.rule, 40),
      each.confidence === null ? '' : each.confidence.toFixed(2),
      paint[OUTCOMES[each.outcome]](each.outcome),
      span(Date.parse(each.decidedAt) - Date.parse(each.askedAt)),
      each.by === null ? '' : `${oneLine(each.by, 60)}${each.verified ? '' : paint.dim(' (claimed)')}`,
    ]),
  ]);
