import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import type { Ledger, LedgerRow } from '../gateway/ports.ts';
import { type Connection, statement } from './connection.ts';
import { holdsSemantic, selectRows, toLedgerRow } from './ledger-row.ts';
import { renewLease, resolveEffect, restartEffect, settleEffect } from './ledger-settle.ts';
import { semanticDigest, startEffect } from './ledger-start.ts';
import { reliedOnBy, relyOn } from './reliance.ts';
import type { Scope } from './scope.ts';
import { effects } from './tables/effects.ts';

const BY_KEY = statement(
  'ledger_by_key',
  sql`${selectRows} where e.namespace = ${sql.placeholder('namespace')} and e.key = ${sql.placeholder('key')}`,
);

const BY_SEMANTIC = statement(
  'ledger_by_semantic',
  sql`${selectRows} where e.namespace = ${sql.placeholder('namespace')}
    and e.semantic_digest = ${sql.placeholder('digest')} and ${holdsSemantic}`,
);

const OF_TASK = statement(
  'ledger_of_task',
  sql`${selectRows} where l.namespace = ${sql.placeholder('namespace')} and l.task_id = ${sql.placeholder('taskId')}
    and l.epoch = ${sql.placeholder('epoch')}
    and e.id > coalesce((select id from ${effects}
      where namespace = ${sql.placeholder('namespace')} and key = ${sql.placeholder('after')}), 0)
    order by e.id limit ${sql.placeholder('limit')}::integer`,
);

/** The ledger of a namespace; starts are compared with the policy sets of its task queue. */
export const createLedger = (connection: Connection, scope: Scope): Ledger => {
  const { namespace } = scope;
  const byKey = async (key: string): Promise<LedgerRow | undefined> =>
    (await connection.run(BY_KEY, { namespace, key })).map(toLedgerRow)[0];
  const bySemantic = async (tenant: string | undefined, semanticKey: string): Promise<LedgerRow | undefined> =>
    (await connection.run(BY_SEMANTIC, { namespace, digest: semanticDigest(tenant, semanticKey) })).map(toLedgerRow)[0];
  return {
    find: async (key, argsDigest) => {
      const row = await byKey(key);
      if (row === undefined || row.argsDigest === argsDigest) return row;
      // INVARIANT E5: another digest under the same key is an error.
      throw ApplicationFailure.create({
        type: 'Ledger.KeyConflict',
        message: `${key} was used with other arguments`,
        nonRetryable: true,
      });
    },
    findSemantic: bySemantic,
    start: (start) => startEffect(connection, scope, { start, lookUps: { byKey, bySemantic } }),
    restart: (row, leaseMs, audit) => restartEffect(connection, namespace, { row, leaseMs, audit }),
    renew: (key, token, leaseMs) => renewLease(connection, { namespace, key, token }, leaseMs),
    settle: (attempt, settlement, audit) =>
      settleEffect(connection, { namespace, ...attempt }, { settlement, ...audit }),
    resolve: (key, settlement) => resolveEffect(connection, { namespace, key }, settlement),
    relyOn: (key, by) => relyOn(connection, { namespace, key }, by),
    reliedOnBy: (key) => reliedOnBy(connection, { namespace, key }),
    ofTask: async (task, { after, limit }) =>
      (await connection.run(OF_TASK, { namespace, ...task, after: after ?? null, limit })).map(toLedgerRow),
  };
};
