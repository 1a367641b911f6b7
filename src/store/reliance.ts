import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import type { TaskRef } from '../gateway/ports.ts';
import { type Connection, statement } from './connection.ts';
import { effects, reliances } from './tables/effects.ts';
import { lives } from './tables/tasks.ts';

/** The lock makes an undo that begins at the same moment wait, or this one see it. */
const RELY = statement(
  'ledger_rely',
  sql`with effect as materialized (
      select id from ${effects}
      where namespace = ${sql.placeholder('namespace')} and key = ${sql.placeholder('key')} and undo is null
      for share
    ),
    relied as (
      insert into ${reliances} (effect_id, task_id, epoch, call_id)
      select id, ${sql.placeholder('taskId')}, ${sql.placeholder('epoch')}, ${sql.placeholder('callId')} from effect
      on conflict do nothing
    )
    select count(*)::integer as effects from effect`,
);

const RELIED_ON = statement(
  'ledger_relied_on',
  sql`select distinct r.task_id from ${effects} e join ${lives} l on l.id = e.life_id
      join ${reliances} r on r.effect_id = e.id
    where e.namespace = ${sql.placeholder('namespace')} and e.key = ${sql.placeholder('key')}
      and (r.task_id, r.epoch) <> (l.task_id, l.epoch)
    order by r.task_id`,
);

/**
 * Records that a call was answered with an effect.
 * @throws ApplicationFailure `Effect.Busy` (retryable) when it is being undone or is gone: the call must look again
 */
export const relyOn = async (
  connection: Connection,
  effect: { readonly namespace: string; readonly key: string },
  by: TaskRef & { readonly callId: string },
): Promise<void> => {
  const [row] = await connection.run(RELY, { ...effect, taskId: by.taskId, epoch: by.epoch, callId: by.callId });
  if (Number(row?.['effects']) > 0) return;
  throw ApplicationFailure.create({
    type: 'Effect.Busy',
    message: 'the effect that was found is being undone; looking again',
  });
};

/** Tasks other than the effect's own that were answered with it. */
export const reliedOnBy = async (
  connection: Connection,
  effect: { readonly namespace: string; readonly key: string },
): Promise<readonly string[]> => (await connection.run(RELIED_ON, effect)).map((row) => String(row['task_id']));
