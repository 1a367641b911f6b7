import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import type { TaskRegister, TaskRegistration } from '../gateway/ports.ts';
import { type Connection, type Query, type Row, statement, type Values } from './connection.ts';
import { lives, tasks } from './tables/tasks.ts';

/** The usual case, in one round trip: nobody has heard of the id. */
const FIRST = statement(
  'task_first',
  sql`with task as (
      insert into ${tasks} (namespace, task_id, agent, principal, tenant, spec_digest, epochs)
      values (${sql.placeholder('namespace')}, ${sql.placeholder('taskId')}, ${sql.placeholder('agent')},
        ${sql.placeholder('principal')}, ${sql.placeholder('tenant')}, ${sql.placeholder('specDigest')}, 1)
      on conflict do nothing returning namespace, task_id
    )
    insert into ${lives} (namespace, task_id, epoch, first_run_id)
    select namespace, task_id, 'e1', ${sql.placeholder('firstRunId')} from task
    on conflict (namespace, task_id, epoch) do update set first_run_id = excluded.first_run_id
    returning epoch`,
);

/** Locks the task, so that two runs cannot be given one epoch. */
const LOCK = statement(
  'task_lock',
  sql`update ${tasks} set touched_on = current_date
    where namespace = ${sql.placeholder('namespace')} and task_id = ${sql.placeholder('taskId')}
    returning principal, tenant, spec_digest`,
);

const KNOWN = statement(
  'task_known',
  sql`select epoch from ${lives} where namespace = ${sql.placeholder('namespace')}
    and task_id = ${sql.placeholder('taskId')} and first_run_id = ${sql.placeholder('firstRunId')}`,
);

const NEXT = statement(
  'task_next',
  sql`with task as (
      update ${tasks} set epochs = epochs + 1
      where namespace = ${sql.placeholder('namespace')} and task_id = ${sql.placeholder('taskId')}
      returning namespace, task_id, epochs
    )
    insert into ${lives} (namespace, task_id, epoch, first_run_id)
    select namespace, task_id, 'e' || epochs, ${sql.placeholder('firstRunId')} from task
    on conflict (namespace, task_id, epoch) do update set first_run_id = excluded.first_run_id
    returning epoch`,
);

/** INVARIANT H4: an id stands for one specification of one principal. */
const conflictWith = (known: Row, task: TaskRegistration): string | undefined => {
  if (known['principal'] !== task.principalId || (known['tenant'] ?? undefined) !== task.tenant) return 'principal';
  return known['spec_digest'] === task.specDigest ? undefined : 'specification';
};

/** @returns undefined when the task was deleted in this moment */
const again = async (query: Query, task: TaskRegistration, values: Values): Promise<string | undefined> => {
  const [known] = await query(LOCK, values);
  if (known === undefined) return undefined;
  const conflict = conflictWith(known, task);
  if (conflict !== undefined) {
    throw ApplicationFailure.create({
      type: 'Task.Conflict',
      message: `the id ${task.taskId} is known with another ${conflict}`,
      nonRetryable: true,
    });
  }
  const [life] = await query(KNOWN, values);
  // INVARIANT E5: a new run under an old id has another epoch.
  return String((life ?? (await query(NEXT, values))[0])?.['epoch']);
};

/** The register of the tasks of a namespace. */
export const createTaskRegister = (connection: Connection, namespace: string): TaskRegister => {
  const register: TaskRegister['register'] = async (task) => {
    const { principalId: principal, tenant = null, ...rest } = task;
    const values = { namespace, principal, tenant, ...rest };
    const [first] = await connection.run(FIRST, values);
    if (first !== undefined) return { epoch: String(first['epoch']) };
    const epoch = await connection.transaction((query) => again(query, task, values));
    return epoch === undefined ? register(task) : { epoch };
  };
  return { register };
};
