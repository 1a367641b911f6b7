import { type ApprovalRule, needsProof, type Risk } from './approval-rule.ts';

const RISKS: readonly Risk[] = ['high', 'medium', 'low'];

/** The highest of several risks; undefined where none is known. */
export const highestRisk = (risks: readonly (Risk | undefined)[]): Risk | undefined =>
  RISKS.find((risk) => risks.includes(risk));

/** What a rule asks for, what counts most first: to be somebody, to be something, to be several, to be somebody else. */
const demands = (rule: ApprovalRule): readonly number[] => [
  Number(needsProof(rule)),
  Number(rule.roles.length > 0),
  rule.quorum,
  Number(rule.separate),
];

const isStricter = (one: ApprovalRule, other: ApprovalRule): boolean => {
  const theirs = demands(other);
  const differences = demands(one).map((demand, at) => demand - (theirs[at] ?? 0));
  return (differences.find((difference) => difference !== 0) ?? 0) > 0;
};

/** INVARIANT A3: of the rules of all that one decision is about, the one that asks for most; the first of equal ones. */
export const strictestRule = (first: ApprovalRule, others: readonly ApprovalRule[]): ApprovalRule =>
  others.reduce((strictest, rule) => (isStricter(rule, strictest) ? rule : strictest), first);
