import { sql } from 'drizzle-orm';
import { canonicalJson, type Digest } from '../domain/digest.ts';
import type { AuditEntry, AuditLog } from '../gateway/ports.ts';
import { type Connection, statement } from './connection.ts';
import { withLife } from './lives.ts';
import { auditEntries } from './tables/audit.ts';
import { lives } from './tables/tasks.ts';
import { appendTo, isoMoment, lockedHead } from './trail.ts';

/** Appends `entries` (texts) to a trail. */
export const APPEND = statement(
  'audit_append',
  sql`with recursive ${lockedHead}, ${appendTo(sql`moment`)}
    select exists (select from moment) as has_life, (select seq from bumped) as seq, (select hash from bumped) as hash`,
);

/** Where a trail stands; no row before its first entry. */
export const HEAD = statement(
  'audit_head',
  sql`select seq, hash from ${lives} where namespace = ${sql.placeholder('namespace')}
    and task_id = ${sql.placeholder('taskId')} and epoch = ${sql.placeholder('epoch')} and seq > 0`,
);

const PAGE = statement(
  'audit_page',
  sql`select a.seq, ${isoMoment(sql`a.at`)} as at, a.entry, a.hash from ${auditEntries} a join ${lives} l on l.id = a.life_id
    where l.namespace = ${sql.placeholder('namespace')} and l.task_id = ${sql.placeholder('taskId')}
      and l.epoch = ${sql.placeholder('epoch')} and a.seq > ${sql.placeholder('after')}::integer
    order by a.seq limit ${sql.placeholder('limit')}::integer`,
);

const EPOCHS = statement(
  'audit_epochs',
  sql`select epoch from ${lives} where namespace = ${sql.placeholder('namespace')}
    and task_id = ${sql.placeholder('taskId')} and seq > 0 order by id`,
);

/** An entry as it is stored and hashed. */
export const entryText = (entry: AuditEntry): string => canonicalJson(entry);

/** What was made of an entry that is not JSON any more is shown as it stands: verification finds it. */
const readEntry = (text: string): AuditEntry => {
  try {
    return JSON.parse(text) as AuditEntry;
  } catch {
    return text as unknown as AuditEntry;
  }
};

/** The audit trails of a namespace. */
export const createAuditLog = (connection: Connection, namespace: string): AuditLog => ({
  append: async (task, entries) => {
    const values = { namespace, taskId: task.taskId, epoch: task.epoch };
    if (entries.length === 0) {
      const [head] = await connection.run(HEAD, values);
      return head === undefined ? undefined : { seq: Number(head['seq']), hash: head['hash'] as Digest };
    }
    const texts = entries.map(entryText);
    const { rows } = await withLife({ connection, namespace }, task, async () => ({
      rows: await connection.run(APPEND, { ...values, entries: texts }),
    }));
    return { seq: Number(rows[0]?.['seq']), hash: rows[0]?.['hash'] as Digest };
  },
  page: async (task, { after, limit }) => {
    const rows = await connection.run(PAGE, { namespace, taskId: task.taskId, epoch: task.epoch, after, limit });
    return rows.map((row) => ({
      seq: Number(row['seq']),
      at: String(row['at']),
      entry: readEntry(String(row['entry'])),
      hash: row['hash'] as Digest,
    }));
  },
  epochs: async (taskId) => (await connection.run(EPOCHS, { namespace, taskId })).map((row) => String(row['epoch'])),
});
