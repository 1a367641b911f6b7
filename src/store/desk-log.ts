import { sql } from 'drizzle-orm';
import { boundEvent } from '../domain/bound-event.ts';
import type { DeskEvent } from '../domain/desk-event.ts';
import type { Digest } from '../domain/digest.ts';
import type { DeskLog, DeskSubject } from '../gateway/desk-ports.ts';
import type { AuditAnchor, AuditEntry } from '../gateway/ports.ts';
import { APPEND, entryText, HEAD } from './audit-log.ts';
import { type Connection, type Query, type Row, statement } from './connection.ts';
import { insertDecisions } from './decision-rows.ts';
import { readDecisions, readStats } from './decisions.ts';
import { indexKey } from './index-key.ts';
import { CREATE_LIFE } from './lives.ts';
import { insertMessages } from './outbox.ts';
import type { Scope } from './scope.ts';
import { deskEvents } from './tables/desk.ts';
import { lives } from './tables/tasks.ts';

/** Whoever reports of the same task at the same time waits here, as those do who append to its trail. */
const LOCK = statement(
  'desk_lock',
  sql`select id::text from ${lives} where namespace = ${sql.placeholder('namespace')}
    and task_id = ${sql.placeholder('taskId')} and epoch = ${sql.placeholder('epoch')} for no key update`,
);

const KEEP = statement(
  'desk_keep',
  sql`insert into ${deskEvents} (life_id, id)
    select ${sql.placeholder('life')}::bigint, e.id from unnest(${sql.placeholder('ids')}::text[]) e (id)
    on conflict do nothing returning id`,
);

const eventKey = ({ id }: DeskEvent): string => indexKey(id);

const anchorOf = (row: Row | undefined): AuditAnchor | undefined =>
  row === undefined ? undefined : { seq: Number(row['seq']), hash: row['hash'] as Digest };

const lockLife = async (query: Query, values: Readonly<Record<string, unknown>>): Promise<string> => {
  const [found] = await query(LOCK, values);
  if (found !== undefined) return String(found['id']);
  // Admission made it; only of a task of an older version, or of one that was deleted as too old, there is none.
  await query(CREATE_LIFE, values);
  const [made] = await query(LOCK, values);
  return String(made?.['id']);
};

/** The events that nobody has reported yet, each once. */
const keepNew = async (query: Query, life: string, events: readonly DeskEvent[]): Promise<readonly DeskEvent[]> => {
  const byKey = new Map(events.map((event) => [eventKey(event), event]));
  const kept = new Set((await query(KEEP, { life, ids: [...byKey.keys()] })).map((row) => String(row['id'])));
  return [...byKey].flatMap(([key, event]) => (kept.has(key) ? [event] : []));
};

const toEntry = ({ agent, principal, tenant }: DeskSubject, event: DeskEvent): AuditEntry => ({
  type: 'decision',
  callId: event.callId,
  tool: event.tool,
  agent,
  principal,
  ...(tenant === undefined ? {} : { tenant }),
  // What was decided about is named by the decision's id, which holds the first digits of its digest.
  argsDigest: '',
  detail: boundEvent(event),
});

/** The record of what happens at the desks of a task queue's tasks; counts and lists are those of the namespace. */
export const createDeskLog = (connection: Connection, scope: Scope): DeskLog => {
  const { namespace } = scope;
  return {
    record: async (subject, events, messages) => {
      const { taskId, epoch } = subject.task;
      const values = { namespace, taskId, epoch };
      return await connection.transaction(async (query) => {
        const life = await lockLife(query, values);
        const isNew = events.length === 0 ? [] : await keepNew(query, life, events);
        if (isNew.length === 0) return anchorOf((await query(HEAD, values))[0]);
        const [row] = await query(APPEND, {
          ...values,
          entries: isNew.map((event) => entryText(toEntry(subject, event))),
        });
        await insertDecisions(query, { namespace, life, agent: subject.agent }, isNew);
        await insertMessages(
          query,
          scope,
          isNew.flatMap((event) =>
            messages(subject, event).map((message) => ({ ...message, of: [taskId, epoch, event.id] })),
          ),
        );
        return anchorOf(row);
      });
    },
    stats: async (by, filter) => await readStats(connection, namespace, { by, filter }),
    decisions: async (filter, page) => await readDecisions(connection, namespace, { filter, page }),
  };
};
