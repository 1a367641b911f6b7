import { sql } from 'drizzle-orm';
import { bigint, index, integer, primaryKey, text, timestamp, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';
import { lives } from './tasks.ts';

const lifeId = () =>
  bigint('life_id', { mode: 'number' })
    .notNull()
    .references(() => lives.id);

/** The ledger: one row for each effect, and one for each undoing of an effect. JSON is text: `jsonb` refuses NUL. */
export const effects = controlSchema.table(
  'effects',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    lifeId: lifeId(),
    namespace: text('namespace').notNull(),
    key: text('key').notNull(),
    kind: text('kind').notNull().$type<'effect' | 'undo'>(),
    /** Of an undo: the key of the effect. */
    undoes: text('undoes'),
    callId: text('call_id').notNull(),
    tool: text('tool').notNull(),
    agent: text('agent').notNull(),
    /** JSON. */
    principal: text('principal').notNull(),
    argsDigest: text('args_digest').notNull(),
    semanticKey: text('semantic_key'),
    /** Digest of tenant and semantic key: of one size, however long a key a tool makes up. */
    semanticDigest: text('semantic_digest'),
    state: text('state').notNull().$type<'started' | 'succeeded' | 'failed' | 'unknown'>(),
    attempts: integer('attempts').notNull(),
    token: uuid('token').notNull(),
    leaseUntil: timestamp('lease_until', { withTimezone: true }).notNull(),
    /** JSON. */
    snapshot: text('snapshot'),
    /** JSON. */
    output: text('output'),
    error: text('error'),
    /** Whether its undoing was begun, or is done. A failed undoing leaves null. */
    undo: text('undo').$type<'started' | 'done'>(),
    startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
    settledAt: timestamp('settled_at', { withTimezone: true }),
  },
  (table) => [
    unique('effects_key').on(table.namespace, table.key),
    // INVARIANT E6: one holder of a semantic key at a time; a failed or undone effect holds nothing.
    uniqueIndex('effects_semantic')
      .on(table.namespace, table.semanticDigest)
      .where(sql`semantic_digest is not null and state <> 'failed' and undo is distinct from 'done'`),
    index('effects_life').on(table.lifeId, table.id),
  ],
);

/** Calls of other steps or tasks that were answered with an effect (INVARIANT E6). */
export const reliances = controlSchema.table(
  'reliances',
  {
    effectId: bigint('effect_id', { mode: 'number' })
      .notNull()
      .references(() => effects.id, { onDelete: 'cascade' }),
    taskId: text('task_id').notNull(),
    epoch: text('epoch').notNull(),
    callId: text('call_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.effectId, table.taskId, table.epoch, table.callId] })],
);

/** Approvals that were used up by a start (INVARIANT E2). */
export const usedApprovals = controlSchema.table(
  'used_approvals',
  {
    namespace: text('namespace').notNull(),
    approval: text('approval').notNull(),
    lifeId: lifeId(),
    key: text('key').notNull(),
    usedAt: timestamp('used_at', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.approval] }),
    index('used_approvals_life').on(table.lifeId),
  ],
);
