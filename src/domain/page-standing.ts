import type { Vote } from './decision.ts';
import { isRecord } from './json.ts';
import { escapeText, span } from './markdown.ts';
import type { TaskEvent } from './record.ts';
import type { Standing } from './standing.ts';
import { namesOf } from './votes.ts';

/** A name, and whether it is more than a claim (INVARIANT A3). */
const whose = ({
  by,
  verified,
  votes,
}: {
  by?: string | undefined;
  verified: boolean;
  votes?: readonly Vote[] | undefined;
}) => {
  const name = votes === undefined || votes.length === 0 ? by : namesOf(votes);
  if (name === undefined) return 'nobody named';
  return `${escapeText(name, 100)} (${verified ? 'proven' : 'claimed'})`;
};

/** What a standing approval covers. */
const covered = ({ scope, tool, values = {} }: Standing): string => {
  const name = escapeText(tool, 100);
  if (scope === 'tool') return `every call of ${name}`;
  const pointers = Object.keys(values);
  const shown = pointers.slice(0, 5).map((pointer) => span(pointer, 60));
  const rest = pointers.length > shown.length ? ` and ${pointers.length - shown.length} more` : '';
  return pointers.includes('')
    ? `calls of ${name} with exactly the arguments of then`
    : `calls of ${name} with ${shown.join(', ')}${rest} as they were then`;
};

/** A line for each approval that reaches further than one call: what it covers, whose it is, how to take it back. */
export const standingLines = (standing: readonly Standing[]): readonly string[] =>
  standing.map((each) => {
    const times = `let ${each.uses === 1 ? '1 call' : `${each.uses} calls`} run`;
    return `- ${covered(each)}: by ${whose(each)}, ${times}. Take back: signal \`revoke ${each.id.replace('-', ' ')}\``;
  });

const text = (value: unknown, maxBytes: number): string | undefined =>
  typeof value === 'string' ? escapeText(value, maxBytes) : undefined;

/** What became of a question, by the type of the event that tells. */
const BECAME: Readonly<Record<string, (detail: Readonly<Record<string, unknown>>) => string>> = {
  decision: ({ decision }) => text(decision, 40) ?? '?',
  vote: ({ votes }) => `approved, ${text(votes, 40) ?? '?'}`,
  replaced: ({ next }) => `changed, and asked anew as ${text(next, 60) ?? '?'}`,
  expired: () => 'nobody decided in time',
  revoked: () => 'taken back',
};

/** Those of them by which somebody proved to be who they are. */
const PROVEN: ReadonlySet<string> = new Set(['vote', 'replaced']);

/** What an event says of a decision, in words; undefined: it is none. */
const decided = ({ type, detail }: TaskEvent): string | undefined => {
  const became = Object.hasOwn(BECAME, type) ? BECAME[type] : undefined;
  if (became === undefined || !isRecord(detail)) return undefined;
  const name = text(detail['by'], 100);
  const isProven = detail['verified'] === true || PROVEN.has(type);
  const who = name === undefined ? '' : ` by ${name} (${isProven ? 'proven' : 'claimed'})`;
  return `${text(detail['id'], 60) ?? '?'}: ${became(detail)}${who}`;
};

/** A line for each decision that was made. Of events of before, and of whatever else, what can be read of them. */
export const decisionLines = (events: readonly TaskEvent[]): readonly string[] =>
  events.flatMap((event) => {
    const words = decided(event);
    return words === undefined ? [] : [`- ${event.at.slice(11, 19)} ${words}`];
  });
