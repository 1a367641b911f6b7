import { shareWords } from '../domain/page-review.ts';
import type { AtDesk } from '../timeline/progress-event.ts';
import { humanText } from './human-text.ts';
import type { Paint } from './terminal.ts';
import { listed, oneLine } from './text.ts';

const nameOf = ({ id, tool }: AtDesk): string => `${oneLine(id, 40)}${tool === '' ? '' : ` ${oneLine(tool, 60)}`}`;

const EXPIRED: Record<NonNullable<AtDesk['then']>, string> = {
  deny: ', so it is denied',
  fallback: ', so the task ends with its fallback',
  pause: ', so the task pauses; the question stays',
};

const WORDS: Record<AtDesk['what'], (event: AtDesk) => string | undefined> = {
  // Whoever follows puts the question, if it still stands.
  asked: () => undefined,
  reminded: () => 'still waits for a person',
  escalated: ({ roles }) => `goes to ${listed(roles)}, too`,
  voted: ({ approvals, quorum, human }) =>
    `${approvals} of ${quorum} approved: ${human === null ? 'somebody' : humanText(human)}`,
  decided: ({ human, allowed }) => {
    const more = allowed === null ? '' : `, allowed ${shareWords(allowed)}`;
    return `${human === null ? 'was decided' : humanText(human)}${more}`;
  },
  expired: ({ then }) => `nobody decided in time${then === null ? '' : EXPIRED[then]}`,
  withdrawn: () => 'is not asked any more',
  revoked: ({ why }) => oneLine(why, 200),
};

/** What happened to a question, for whoever watches. */
export const deskLines = (event: AtDesk, paint: Paint): string[] => {
  const words = WORDS[event.what](event);
  return words === undefined ? [] : [`     ${paint.magenta('◆')} ${nameOf(event)}: ${words}`];
};
