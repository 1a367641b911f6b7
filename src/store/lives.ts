import { sql } from 'drizzle-orm';
import type { TaskRef } from '../gateway/ports.ts';
import { type Connection, type Row, statement } from './connection.ts';
import { lives } from './tables/tasks.ts';

/** Makes the row of a task's life where there is none. */
export const CREATE_LIFE = statement(
  'create_life',
  sql`insert into ${lives} (namespace, task_id, epoch)
    values (${sql.placeholder('namespace')}, ${sql.placeholder('taskId')}, ${sql.placeholder('epoch')})
    on conflict do nothing`,
);

/**
 * Runs a statement that needs the row of a task's life and tells by `has_life` whether it was there; makes the row where it
 * was not. Admission makes it too: only tasks of older versions come here without one.
 */
export const withLife = async <Found extends { readonly rows: readonly Row[] } | { readonly violated: string }>(
  { connection, namespace }: { readonly connection: Connection; readonly namespace: string },
  task: TaskRef,
  work: () => Promise<Found>,
): Promise<Found> => {
  const found = await work();
  if ('violated' in found || found.rows[0]?.['has_life'] !== false) return found;
  await connection.run(CREATE_LIFE, { namespace, taskId: task.taskId, epoch: task.epoch });
  return work();
};
