import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import type { PolicyEpochs } from '../gateway/ports.ts';
import { type Connection, statement } from './connection.ts';
import type { Scope } from './scope.ts';
import { policyEpochs } from './tables/policy-epochs.ts';

const inScope = sql`namespace = ${sql.placeholder('namespace')} and task_queue = ${sql.placeholder('taskQueue')}`;

const KNOWN = statement(
  'policy_known',
  sql`select (select epoch from ${policyEpochs} where ${inScope} and digest = ${sql.placeholder('digest')}) as epoch,
    (select max(epoch) from ${policyEpochs} where ${inScope}) as newest`,
);

/** Two that come with new sets at the same moment want the same number: one row is refused, and that one tries again. */
const ADD = statement(
  'policy_add',
  sql`insert into ${policyEpochs} (namespace, task_queue, epoch, digest)
    select ${sql.placeholder('namespace')}::text, ${sql.placeholder('taskQueue')}::text,
      coalesce((select max(epoch) from ${policyEpochs} where ${inScope}), 0) + 1, ${sql.placeholder('digest')}::text
    on conflict do nothing`,
);

/** More workers than this do not come up with as many new sets at the same moment. */
const ATTEMPTS = 50;

/** The order of the policy sets of a task queue (INVARIANT A1). */
export const createPolicyEpochs = (connection: Connection, scope: Scope): PolicyEpochs => ({
  register: async (digest) => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const [known] = await connection.run(KNOWN, { ...scope, digest });
      if (typeof known?.['epoch'] === 'number') return { epoch: known['epoch'], newest: Number(known['newest']) };
      await connection.run(ADD, { ...scope, digest });
    }
    throw ApplicationFailure.create({
      type: 'Store.Unavailable',
      message: 'too many policy sets are registered at once',
    });
  },
  newest: async () => Number((await connection.run(KNOWN, { ...scope, digest: '' }))[0]?.['newest'] ?? 0),
});
