import type { HumanDecision, PendingDecision } from './decision.ts';
import { defined } from './defined.ts';
import type { DeskEvent, DeskEventType } from './desk-event.ts';
import { jsonBytes, utf8Bytes } from './json.ts';
import type { Reason } from './proposal.ts';
import { SIZES } from './sizes.ts';
import type { Standing } from './standing.ts';
import { asksProof, boundRoles } from './votes.ts';

/** What happened when, and who did it. `at` is ISO 8601. */
export type Happened = { readonly at: string; readonly human?: HumanDecision | undefined };

const ANYBODY = { roles: [], quorum: 1 } as const;
const SUMMARY_BYTES = 300;
const NOTE_BYTES = 1_000;
const NAME_BYTES = 200;
/** Codes, policies and roles that are named. */
const LISTED = 32;

/** May happen more than once to a question. */
const REPEATED: ReadonlySet<DeskEventType> = new Set(['reminded', 'escalated']);

/** A text in one line and so many bytes. */
const shorten = (text: string, maxBytes: number): string => {
  // Sliced first: a text may be as long as a payload.
  const line = text
    .slice(0, 4 * maxBytes)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toWellFormed();
  if (utf8Bytes(line) <= maxBytes) return line;
  const letters = Array.from(line);
  while (utf8Bytes(letters.join('')) > maxBytes - 3) letters.length = Math.floor(letters.length * 0.9);
  return `${letters.join('')}…`;
};

const summaryOf = ({ question, reasons, kind, tool }: PendingDecision): string =>
  shorten(question ?? reasons[0]?.message ?? `${kind} ${tool}`, SUMMARY_BYTES);

const distinct = (words: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(words.filter((word) => word !== undefined))].slice(0, LISTED);

/** Why it was asked, as it is counted. */
const askedFor = (reasons: readonly Pick<Reason, 'code' | 'policy'>[]): Pick<DeskEvent, 'codes' | 'policies'> => ({
  codes: distinct(reasons.map(({ code }) => code)),
  policies: distinct(reasons.map(({ policy }) => policy)),
});

/** A decision without its arguments, its words in bounds. */
const bounded = ({ args: _, note, by, votes, ...human }: HumanDecision): Omit<HumanDecision, 'args'> => ({
  ...human,
  ...defined({
    by: by === undefined ? undefined : shorten(by, NAME_BYTES),
    note: note === undefined ? undefined : shorten(note, NOTE_BYTES),
    votes: votes?.map((vote) => ({ ...vote, roles: boundRoles(vote.roles) })),
  }),
});

const idOf = (type: DeskEventType, { id, votes = [] }: PendingDecision, at: string): string => {
  if (type === 'voted') return `${id}/voted/${votes.length}`;
  return REPEATED.has(type) ? `${id}/${type}/${at}` : `${id}/${type}`;
};

/** What happened to a question, as it is recorded and notified of. Bounded, and without arguments. */
export const deskEvent = (type: DeskEventType, pending: PendingDecision, { at, human }: Happened): DeskEvent => {
  const { kind, callId, tool, risk, rule = 'default', reasons, decision, since, deadline } = pending;
  const { roles, quorum } = pending.who ?? ANYBODY;
  return {
    id: idOf(type, pending, at),
    type,
    at,
    decisionId: pending.id,
    kind,
    callId,
    tool: shorten(tool, NAME_BYTES),
    rule,
    ...askedFor(reasons),
    since,
    roles: distinct(roles),
    quorum,
    summary: summaryOf(pending),
    ...(asksProof(pending.who) ? { signed: true as const } : {}),
    ...defined({ risk, confidence: decision?.confidence, deadline, human: human && bounded(human) }),
  };
};

/** A standing approval that somebody took back. @param by a claim */
export const revokedEvent = (
  { id, scope, tool, risk, rule = 'default', reasons, at: since }: Standing,
  { at, by }: { readonly at: string; readonly by?: string | undefined },
): DeskEvent => ({
  id: `${id}/revoked`,
  type: 'revoked',
  at,
  decisionId: id,
  kind: 'approval',
  callId: id.slice(0, id.lastIndexOf('-')),
  tool: shorten(tool, NAME_BYTES),
  ...defined({ risk }),
  rule,
  ...askedFor(reasons),
  since,
  roles: [],
  quorum: 1,
  summary: shorten(
    `The approval of ${tool} for this task (${scope}) was taken back${by === undefined ? '' : ` by ${by}`}`,
    SUMMARY_BYTES,
  ),
});

/** Events that are reported together. */
const BATCH = 50;

/** As many of the first events as one report is made of; at least one. INVARIANT H1: in bounds of bytes, too. */
export const firstBatch = (events: readonly DeskEvent[]): readonly DeskEvent[] => {
  let bytes = 0;
  const first = events.slice(0, BATCH);
  const past = first.findIndex((event, at) => {
    bytes += jsonBytes(event) + 1;
    return at > 0 && bytes > SIZES.report;
  });
  return past < 0 ? first : first.slice(0, past);
};

const DECISIVE: ReadonlySet<DeskEventType> = new Set(['decided', 'expired', 'withdrawn', 'revoked']);

/** Whether such an event is reported at all. @param reports of the admission; absent: tasks of before report nothing */
export const isReported = (type: DeskEventType, reports: 'decisions' | 'all' | undefined): boolean =>
  reports === 'all' || (reports === 'decisions' && DECISIVE.has(type));
