import { assertNever } from '../domain/assert-never.ts';
import { wordsFor } from '../domain/compensation.ts';
import type { DeskStep, PendingDecision, Vote } from '../domain/decision.ts';
import { asksProof, quorumOf } from '../domain/votes.ts';
import { listed, oneLine, whenText } from './text.ts';

/** Who may decide: `managers or directors, 2 different people, signed, not ana`. */
export const whoText = (pending: PendingDecision): string => {
  const { roles = [], not = [] } = pending.who ?? {};
  const quorum = quorumOf(pending);
  return [
    roles.length === 0 ? 'anybody' : listed(roles, ' or '),
    ...(quorum > 1 ? [`${quorum} different people`] : []),
    ...(asksProof(pending.who) ? ['signed'] : []),
    ...(not.length > 0 ? [`not ${listed(not, ' or ')}`] : []),
  ].join(', ');
};

/** Somebody who proved to have approved: `ben (vouched for by desk)`. */
export const voterText = ({ by, issuer }: Vote): string =>
  `${oneLine(by, 60)} (vouched for by ${by === issuer ? 'their own key' : oneLine(issuer, 60)})`;

/** Approvals so far: `1 of 2: ben (vouched for by desk) 3 m ago`; empty where one is enough. */
export const votesText = (pending: PendingDecision): string => {
  const { votes = [] } = pending;
  const quorum = quorumOf(pending);
  if (quorum < 2) return '';
  const given = votes.slice(-8).map((vote) => `${voterText(vote)} ${whenText(vote.at)}`);
  return `${votes.length} of ${quorum}${given.length === 0 ? '' : `: ${given.join(', ')}`}`;
};

const expiryText = (then: Extract<DeskStep, { do: 'expire' }>['then'], pending: PendingDecision): string => {
  switch (then) {
    case 'deny':
      return pending.kind === 'approval' ? 'denied' : `as if “${wordsFor(pending).no}” was said`;
    case 'fallback':
      return 'the task ends with its fallback';
    case 'pause':
      return 'this stays, but the task pauses';
    default:
      return assertNever(then);
  }
};

const stepText = (step: DeskStep, pending: PendingDecision): string => {
  switch (step.do) {
    case 'remind':
      return `reminder ${whenText(step.at)}`;
    case 'escalate':
      return `goes to ${listed(step.roles)} ${whenText(step.at)}`;
    case 'expire':
      return `${expiryText(step.then, pending)} ${whenText(step.at)} (${oneLine(step.at, 30)})`;
    default:
      return assertNever(step);
  }
};

/** What happens next if nobody decides, in order; empty: it waits for ever. */
export const timingText = (pending: PendingDecision): string => {
  const { timeline = [], deadline } = pending;
  const steps = timeline.slice(0, 6).map((step) => stepText(step, pending));
  if (steps.length === 0 && deadline !== undefined) return `expires ${whenText(deadline)} (${oneLine(deadline, 30)})`;
  return steps.join('; ');
};
