import type { Deciders, DeskStep, PendingDecision, Vote } from './decision.ts';
import { span } from './markdown.ts';
import { reviewExpired } from './page-review.ts';
import { minuteBeside, minuteOf } from './page-time.ts';
import { asksProof, quorumOf } from './votes.ts';

const NAME_BYTES = 60;
/** Names of a list that are shown; the rest are counted. */
const NAMES = 5;

const ANYBODY: Deciders = { roles: [], quorum: 1, verified: false, not: [] };

/** Names one after another. They come from configurations and signatures, so they stand in code spans: exact, and short. */
const listed = (names: readonly string[], between: string): string => {
  const shown = names.slice(0, NAMES).map((name) => span(name, NAME_BYTES));
  const rest = names.length - shown.length;
  return `${shown.join(between)}${rest > 0 ? ` and ${rest} more` : ''}`;
};

/** What becomes of a question that is denied because nobody decided. */
const denied = (pending: PendingDecision): string => {
  if (pending.kind === 'answer') return 'the agent is told that nobody answered';
  return pending.kind === 'review' ? reviewExpired(pending) : 'denied';
};

/** What happens once it has expired. */
const expired = ({ then }: DeskStep & { readonly do: 'expire' }, pending: PendingDecision): string =>
  ({
    deny: denied(pending),
    fallback: 'the task ends with its fallback',
    pause: 'the task pauses, and this stays',
  })[then];

const isExpiry = (step: DeskStep): step is DeskStep & { readonly do: 'expire' } => step.do === 'expire';

/** Until when it waits, and what happens before and after. */
const timing = (pending: PendingDecision): string => {
  const { timeline = [], deadline, who = ANYBODY } = pending;
  // Where anybody may decide, nobody is added: those roles are only told.
  const goes = who.roles.length === 0 ? 'told to' : 'goes to';
  const expiry = timeline.find(isExpiry);
  const end = expiry?.at ?? deadline;
  const escalations = timeline.flatMap((step) =>
    step.do === 'escalate' ? [`${goes} ${listed(step.roles, ', ')} at ${minuteBeside(step.at, end)}`] : [],
  );
  const until =
    end === undefined
      ? '**No deadline**'
      : `**Until** ${minuteOf(end)}${expiry === undefined ? '' : `, then ${expired(expiry, pending)}`}`;
  const shown = escalations.slice(0, 2);
  const rest = escalations.length > shown.length ? [`then further`] : [];
  return [until, ...shown, ...rest].join('; ');
};

const voted = ({ by, at }: Vote): string => `${span(by, NAME_BYTES)} at ${at.slice(11, 16)}`;

/** How many of whom: `2 different people with the role finance or heads`. */
const people = ({ roles }: Deciders, quorum: number): string => {
  const role = roles.length === 0 ? '' : ` with the role ${listed(roles, ' or ')}`;
  if (quorum > 1) return `${quorum} different people${role}`;
  return `anybody${role}`;
};

/** Who may decide, and who has so far. */
const deciders = (pending: PendingDecision, who: Deciders): string => {
  const { votes = [] } = pending;
  const quorum = quorumOf(pending);
  const words = [
    people(who, quorum),
    asksProof(who) ? 'signed' : '',
    who.not.length > 0 ? `not ${listed(who.not, ', ')}` : '',
  ].filter((each) => each !== '');
  const last = votes.slice(-NAMES).map(voted).join(', ');
  const so =
    quorum < 2
      ? ''
      : ` · **${votes.length} of ${quorum}** approved${last === '' ? '' : `: ${last}`}; one denial denies`;
  return `**Who may decide**: ${words.join('; ')}${so}`;
};

/**
 * What bears on a decision beside what it is about: risk, deadline, cost, who may decide. Never left out (INVARIANT T4).
 * @param cost so far, in words
 */
export const factLines = (pending: PendingDecision, cost: string): string => {
  const { kind, risk, who = ANYBODY } = pending;
  const first = [
    risk === undefined || kind === 'answer' ? '' : `**Risk**: ${risk}`,
    timing(pending),
    `**Cost so far**: ${cost}`,
  ].filter((each) => each !== '');
  // Two spaces at the end break the line.
  return `${first.join(' · ')}  \n${deciders(pending, who)}`;
};
