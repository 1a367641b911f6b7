import { sql } from 'drizzle-orm';
import type { DeskEvent } from '../domain/desk-event.ts';
import { cutText } from '../domain/json.ts';
import type { DecisionRow } from '../gateway/desk-ports.ts';
import { type Query, statement } from './connection.ts';
import { indexKey } from './index-key.ts';
import { decisions } from './tables/desk.ts';

/** A question that expired and stayed, with the task paused, may be decided after all: then that is how it ended. */
const INSERT = statement(
  'decisions_insert',
  sql`insert into ${decisions} (life_id, namespace, agent, question, decision_id, kind, call_id, tool, rule, policies, codes, risk,
      confidence, asked_at, decided_at, outcome, "by", verified)
    select ${sql.placeholder('life')}::bigint, ${sql.placeholder('namespace')}, ${sql.placeholder('agent')}, d.*
    from unnest(${sql.placeholder('question')}::text[], ${sql.placeholder('decisionId')}::text[], ${sql.placeholder('kind')}::text[],
      ${sql.placeholder('callId')}::text[], ${sql.placeholder('tool')}::text[], ${sql.placeholder('rule')}::text[],
      ${sql.placeholder('policies')}::text[], ${sql.placeholder('codes')}::text[], ${sql.placeholder('risk')}::text[],
      ${sql.placeholder('confidence')}::float8[], ${sql.placeholder('askedAt')}::timestamptz[],
      ${sql.placeholder('decidedAt')}::timestamptz[], ${sql.placeholder('outcome')}::text[],
      ${sql.placeholder('by')}::text[], ${sql.placeholder('verified')}::boolean[]) d
    on conflict (life_id, question) do update
    set outcome = excluded.outcome, decided_at = excluded.decided_at, "by" = excluded."by", verified = excluded.verified
    where decisions.outcome in ('expired', 'withdrawn') and excluded.outcome not in ('expired', 'withdrawn')`,
);

/** A question that ended, as a row without what all rows of a task share. */
type Ended = Omit<DecisionRow, 'taskId' | 'epoch' | 'agent'> & { readonly question: string };

/** All events of a question have ids that begin alike: `s3.c1-7f3a/decided`. */
const questionOf = ({ id, type }: DeskEvent): string =>
  indexKey(id.endsWith(`/${type}`) ? id.slice(0, -type.length - 1) : id);

/** How a question ended by an event; undefined where it goes on, or nobody was asked. */
const outcomeOf = ({ type, human }: DeskEvent): DecisionRow['outcome'] | undefined => {
  if (type === 'withdrawn' || type === 'expired') return type;
  // A call that ran by an approval from before was not asked: it would count as a person's yes, given in no time.
  return type === 'decided' && human?.standing === undefined ? human?.decision : undefined;
};

/** Names are searched for, and an index takes no long ones. */
const name = (text: string): string => cutText(text, 200);

const toEnded = (event: DeskEvent): readonly Ended[] => {
  const outcome = outcomeOf(event);
  if (outcome === undefined) return [];
  const { decisionId, kind, callId, tool, rule, policies, codes, risk = null, confidence = null, human } = event;
  return [
    {
      question: questionOf(event),
      id: name(decisionId),
      kind,
      callId,
      tool: name(tool),
      rule: name(rule),
      policies,
      codes,
      risk,
      confidence,
      askedAt: event.since,
      decidedAt: event.at,
      outcome,
      by: human?.by ?? null,
      verified: human?.verified ?? false,
    },
  ];
};

const isDecided = ({ outcome }: Ended): boolean => outcome !== 'expired' && outcome !== 'withdrawn';

/** Of each question one row, as the statement would choose it. */
const oneEach = (rows: readonly Ended[]): readonly Ended[] => {
  const byQuestion = new Map<string, Ended>();
  for (const row of rows) {
    const known = byQuestion.get(row.question);
    if (known === undefined || (isDecided(row) && !isDecided(known))) byQuestion.set(row.question, row);
  }
  return [...byQuestion.values()];
};

/** Keeps a row for each question that ended by one of these events. */
export const insertDecisions = async (
  query: Query,
  shared: { readonly namespace: string; readonly life: string; readonly agent: string },
  events: readonly DeskEvent[],
): Promise<void> => {
  const ended = oneEach(events.flatMap(toEnded));
  if (ended.length === 0) return;
  const column = <Field extends keyof Ended>(field: Field): readonly Ended[Field][] => ended.map((each) => each[field]);
  await query(INSERT, {
    ...shared,
    agent: name(shared.agent),
    question: column('question'),
    decisionId: column('id'),
    kind: column('kind'),
    callId: column('callId'),
    tool: column('tool'),
    rule: column('rule'),
    policies: column('policies').map((each) => JSON.stringify(each)),
    codes: column('codes').map((each) => JSON.stringify(each)),
    risk: column('risk'),
    confidence: column('confidence'),
    askedAt: column('askedAt'),
    decidedAt: column('decidedAt'),
    outcome: column('outcome'),
    by: column('by'),
    verified: column('verified'),
  });
};
