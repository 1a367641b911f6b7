import { isRecord } from '../domain/json.ts';
import { HumanDecisionSchema } from '../domain/schemas/desk.ts';
import { humanText } from './human-text.ts';
import { brief, briefArgs, listed, oneLine, withoutToken } from './text.ts';

type Detail = Readonly<Record<string, unknown>>;

const word = (value: unknown, max = 60): string => oneLine(typeof value === 'string' ? value : '', max);
const after = (mark: string, value: unknown): string => (word(value, 300) === '' ? '' : `${mark}${word(value, 300)}`);

const reasonTexts = (reasons: unknown): string =>
  (Array.isArray(reasons) ? reasons : [])
    .flatMap((reason) =>
      isRecord(reason)
        ? [
            `${word(reason['message'], 300)}${after(' [', reason['policy'])}${reason['policy'] === undefined ? '' : ']'}`,
          ]
        : [],
    )
    .join('; ');

const messageText = ({ name, payload, from }: Detail): string => {
  const { by, ...rest } = isRecord(payload) ? payload : {};
  const given = isRecord(payload) ? briefArgs(withoutToken(rest), 200) : payload === null ? '' : brief(payload, 200);
  return `${word(name)} by ${typeof by === 'string' ? `${word(by)} (unverified)` : word(from)}${given === '' ? '' : `: ${given}`}`;
};

const words = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

const subject = ({ id, tool }: Detail): string => `${word(id)}${after(' ', tool)}`;

/** Details are anything: a trace of another version may be read. */
const asHuman = (detail: Detail): Parameters<typeof humanText>[0] | undefined => {
  const parsed = HumanDecisionSchema.safeParse(detail);
  return parsed.success ? parsed.data : undefined;
};

const decisionText = (detail: Detail): string => {
  const human = asHuman(detail);
  if (human !== undefined) return `${subject(detail)}: ${humanText(human)}`;
  return `${subject(detail)}: ${word(detail['decision'])}${after(' by ', detail['by'])}`;
};

const askedText = (detail: Detail): string => {
  const roles = words(detail['roles']);
  const quorum = typeof detail['quorum'] === 'number' ? [`${detail['quorum']} different people`] : [];
  const who = [...(roles.length > 0 ? [listed(roles, ' or ')] : []), ...quorum];
  const rule = detail['rule'] === undefined || detail['rule'] === 'default' ? '' : ` (rule ${word(detail['rule'])})`;
  return `${subject(detail)}${after(': ', detail['why'])}${who.length === 0 ? '' : `; asks ${who.join(', ')}`}${rule}`;
};

/** Approvals that were not enough when it was over. */
const lostVotes = (detail: Detail): string =>
  detail['votes'] === undefined
    ? ''
    : ` (${word(detail['votes'])} had approved: ${listed(words(detail['approvers']))})`;

const FOLLOWED: Readonly<Record<string, string>> = {
  deny: '; so it was denied',
  fallback: '; so the task ended with its fallback',
  pause: '; so the task paused, and the question stays',
};

/** What the rule does where nobody decides. */
const followed = ({ then }: Detail): string =>
  typeof then === 'string' && Object.hasOwn(FOLLOWED, then) ? (FOLLOWED[then] ?? '') : '';

/** What a person decided about the task itself: a budget, a loop, its result. */
const reviewText = (detail: Detail): string => {
  const allowed = isRecord(detail['allowed']) ? `, allowed ${briefArgs(detail['allowed'], 100)}` : '';
  const human = asHuman(detail);
  const said = human === undefined ? `${word(detail['decision'])}${after(' by ', detail['by'])}` : humanText(human);
  const who = `${said}${detail['decision'] === 'expired' ? `${lostVotes(detail)}${followed(detail)}` : ''}`;
  return `${word(detail['code'])}: ${who}${allowed}${human === undefined ? after(': ', detail['note']) : ''}`;
};

/** Words for the details of events that people look for. */
const TEXTS: Readonly<Record<string, (detail: Detail) => string>> = {
  compensation: ({ callId, tool, status, message }) =>
    `${word(callId)} ${word(tool)}: ${word(status)}${after(': ', message)}`,
  asks: ({ callId, tool, reasons }) => `${word(callId)} ${word(tool)} when it was to run: ${reasonTexts(reasons)}`,
  retried: ({ activity, attempt, failure }) =>
    `${word(activity)}, attempt ${brief(attempt, 10)}${after(', after: ', failure)}`,
  ignored: ({ message, reason }) => `${word(message)} changed nothing${after(': ', reason)}`,
  message: messageText,
  asked: askedText,
  decision: decisionText,
  vote: (detail) =>
    `${subject(detail)}: ${word(detail['votes'])} approved, by ${word(detail['by'])}${after(' (vouched for by ', detail['issuer'] === detail['by'] ? 'their own key' : detail['issuer'])}${detail['issuer'] === undefined ? '' : ')'}`,
  reminded: (detail) => `${subject(detail)} still waited`,
  escalated: (detail) => `${subject(detail)} went to ${listed(words(detail['roles']))}, too`,
  expired: (detail) => `${subject(detail)}: nobody decided in time${lostVotes(detail)}${followed(detail)}`,
  withdrawn: (detail) => `${subject(detail)} was not asked any more${lostVotes(detail)}`,
  replaced: ({ id, by, next }) => `${word(id)} by ${word(next)}, with the arguments of ${word(by)}`,
  refused: ({ id, decision, reason }) => `${word(decision)} of ${word(id)} did not count${after(': ', reason)}`,
  revoked: (detail) => `${subject(detail)}${after(': ', detail['why'])}${after(', by ', detail['by'])}`,
  standing: (detail) =>
    detail['callId'] === undefined
      ? `${subject(detail)} for further calls (${word(detail['scope'])})${after(', by ', detail['by'])}`
      : `${word(detail['callId'])} ${word(detail['tool'])} runs by ${word(detail['id'])}`,
  escalation: reviewText,
  loop: reviewText,
  review: reviewText,
  pause: ({ reason }) => word(reason, 300),
  resume: ({ guidance }) => word(guidance, 300),
  limit: ({ reason }) => word(reason, 600),
  fallback: ({ reason }) => word(reason, 600),
  report_failed: ({ events, reason }) => `${listed(words(events))}${after(': ', reason)}`,
};

/** Something that happened beside the steps, on one line. */
export const eventText = ({ type, detail }: { readonly type: string; readonly detail: unknown }): string => {
  const text = isRecord(detail) && Object.hasOwn(TEXTS, type) ? TEXTS[type]?.(detail) : undefined;
  return `${oneLine(type, 40).padEnd(12)} ${text ?? brief(detail, 300)}`;
};
