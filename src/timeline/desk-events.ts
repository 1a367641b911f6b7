import type { TaskEvent } from '../domain/record.ts';
import type { AtDesk } from './progress-event.ts';

/** What a trace calls it, in the words of the task itself. */
const TYPES: Partial<Record<AtDesk['what'], string>> = { decided: 'decision', voted: 'vote' };

/** What a person decided about the task itself has names of its own, by why it was asked. */
const REVIEWS: Readonly<Record<string, string>> = {
  limit: 'escalation',
  loop: 'loop',
  review_point: 'review',
  final_output: 'review',
};

const typeOf = ({ what, kind, code }: AtDesk): string => {
  const isReview = kind === 'review' && (what === 'decided' || what === 'expired');
  return (isReview ? REVIEWS[code] : undefined) ?? TYPES[what] ?? what;
};

const whoOf = ({ roles, quorum }: AtDesk): object => ({
  ...(roles.length > 0 ? { roles } : {}),
  ...(quorum > 1 ? { quorum } : {}),
});

/** Approvals that a question had when it was over without them. */
const votesOf = ({ approvals, approvers, quorum }: AtDesk): object =>
  approvals === 0 ? {} : { votes: `${approvals} of ${quorum}`, approvers };

const DETAILS: Partial<Record<AtDesk['what'], (event: AtDesk) => object>> = {
  asked: (event) => {
    const { kind, why, rule } = event;
    return { kind, why, ...(rule === null ? {} : { rule }), ...whoOf(event) };
  },
  voted: ({ human, approvals, quorum }) => ({
    by: human?.by,
    issuer: human?.votes?.[0]?.issuer,
    votes: `${approvals} of ${quorum}`,
  }),
  escalated: ({ roles }) => ({ roles }),
  revoked: ({ why }) => ({ why }),
  decided: ({ human }) => ({ ...human }),
  withdrawn: votesOf,
  expired: (event) => ({
    ...event.human,
    ...(event.then === null ? {} : { then: event.then }),
    ...votesOf(event),
  }),
};

/** What happened at the desk, as an event of a trace. */
export const toTaskEvent = (at: string, event: AtDesk): TaskEvent => {
  const { what, id, tool, kind, code, allowed } = event;
  const detail = {
    id,
    ...(tool === '' ? {} : { tool }),
    ...(kind === 'review' ? { code } : {}),
    ...DETAILS[what]?.(event),
    ...(allowed === null ? {} : { allowed }),
  };
  return { at, type: typeOf(event), detail };
};
