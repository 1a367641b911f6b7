import { bigint, customType, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { controlSchema } from './schema.ts';
import { lives } from './tasks.ts';

const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({ dataType: () => 'bytea' });

/** Whole outputs, by content, within one life of a task (INVARIANT H1). */
export const artifacts = controlSchema.table(
  'artifacts',
  {
    lifeId: bigint('life_id', { mode: 'number' })
      .notNull()
      .references(() => lives.id),
    id: text('id').notNull(),
    digest: text('digest').notNull(),
    mediaType: text('media_type').notNull(),
    size: integer('size').notNull(),
    content: bytea('content').notNull(),
  },
  (table) => [primaryKey({ columns: [table.lifeId, table.id] })],
);
