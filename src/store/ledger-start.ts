import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import { digestText } from '../domain/digest.ts';
import type { LedgerRow, LedgerStart, LedgerStarted } from '../gateway/ports.ts';
import { entryText } from './audit-log.ts';
import { type Connection, type Row, statement } from './connection.ts';
import { withLife } from './lives.ts';
import type { Scope } from './scope.ts';
import { effects, usedApprovals } from './tables/effects.ts';
import { policyEpochs } from './tables/policy-epochs.ts';
import { appendTo, lockedHead } from './trail.ts';

/**
 * Everything a start does, in one statement, so in one transaction and one round trip. What the key, the semantic key or a
 * newer policy set forbid leaves no row in `effect`, and then nothing else happens; a used approval is refused by its own
 * unique constraint, which undoes the rest (INVARIANT E2).
 */
const START = statement(
  'ledger_start',
  sql`with recursive ${lockedHead},
  newest as materialized (
    select max(epoch) as epoch from ${policyEpochs}
    where namespace = ${sql.placeholder('namespace')} and task_queue = ${sql.placeholder('taskQueue')}
  ),
  effect as (
    insert into ${effects} (life_id, namespace, key, kind, undoes, call_id, tool, agent, principal, args_digest,
      semantic_key, semantic_digest, state, attempts, token, lease_until, snapshot, started_at)
    select m.id, ${sql.placeholder('namespace')}, ${sql.placeholder('key')}, ${sql.placeholder('kind')},
      ${sql.placeholder('undoes')}, ${sql.placeholder('callId')}, ${sql.placeholder('tool')}, ${sql.placeholder('agent')},
      ${sql.placeholder('principal')}, ${sql.placeholder('argsDigest')}, ${sql.placeholder('semanticKey')},
      ${sql.placeholder('semanticDigest')}, 'started', 1, gen_random_uuid(),
      clock_timestamp() + ${sql.placeholder('leaseMs')}::float8 * interval '1 millisecond',
      ${sql.placeholder('snapshot')}, clock_timestamp()
    from moment m, newest n
    where n.epoch is null or ${sql.placeholder('policyEpoch')}::integer is null
      or n.epoch <= ${sql.placeholder('policyEpoch')}::integer
    on conflict do nothing
    returning token
  ),
  approved as (
    insert into ${usedApprovals} (namespace, approval, life_id, key, used_at)
    select ${sql.placeholder('namespace')}, ${sql.placeholder('approval')}::text, m.id, ${sql.placeholder('key')}, clock_timestamp()
    from effect, moment m where ${sql.placeholder('approval')}::text is not null
  ),
  undoing as (
    update ${effects} e set undo = 'started' from effect
    where e.namespace = ${sql.placeholder('namespace')} and e.key = ${sql.placeholder('undoes')}::text
  ),
  ${appendTo(sql`(select m.* from moment m, effect) s`)}
  select exists (select from moment) as has_life, (select token from effect) as token, (select epoch from newest) as newest`,
);

/** Digest of a semantic key within its tenant (INVARIANT E6). No tenant is another one than an empty name. */
export const semanticDigest = (tenant: string | undefined, semanticKey: string): string =>
  digestText(JSON.stringify([tenant ?? null, semanticKey]));

/** Of an undo's key, the effect's. */
const undoneKey = ({ kind, key }: LedgerStart): string | null => (kind === 'undo' ? key.replace(/\/undo$/, '') : null);

const toValues = (start: LedgerStart, { namespace, taskQueue }: Scope) => ({
  namespace,
  taskQueue,
  ...start.task,
  key: start.key,
  kind: start.kind,
  undoes: undoneKey(start),
  callId: start.callId,
  tool: start.tool,
  agent: start.agent,
  principal: JSON.stringify(start.principal),
  argsDigest: start.argsDigest,
  semanticKey: start.semanticKey ?? null,
  semanticDigest: start.semanticKey === undefined ? null : semanticDigest(start.principal.tenant, start.semanticKey),
  leaseMs: start.leaseMs,
  approval: start.approval ?? null,
  policyEpoch: start.policyEpoch ?? null,
  snapshot: start.snapshot === undefined ? null : JSON.stringify(start.snapshot),
  entries: [entryText(start.audit)],
});

/** The two look-ups that tell why a start did not begin. */
export type StartLookUps = {
  readonly byKey: (key: string) => Promise<LedgerRow | undefined>;
  readonly bySemantic: (tenant: string | undefined, semanticKey: string) => Promise<LedgerRow | undefined>;
};

const whyNot = async (
  start: LedgerStart,
  row: Row | undefined,
  lookUps: StartLookUps,
): Promise<LedgerStarted | undefined> => {
  const known = await lookUps.byKey(start.key);
  if (known !== undefined) return { kind: 'exists', row: known };
  const newest = Number(row?.['newest'] ?? 0);
  if (start.policyEpoch !== undefined && newest > start.policyEpoch) return { kind: 'policy_behind', epoch: newest };
  if (start.semanticKey === undefined) return undefined;
  const holder = await lookUps.bySemantic(start.principal.tenant, start.semanticKey);
  return holder === undefined ? undefined : { kind: 'taken', row: holder };
};

/** What stood in the way may be gone by the time it is looked up; then the start is tried again. */
const ATTEMPTS = 5;

/** Begins an attempt of a new effect. */
export const startEffect = async (
  connection: Connection,
  scope: Scope,
  { start, lookUps }: { readonly start: LedgerStart; readonly lookUps: StartLookUps },
): Promise<LedgerStarted> => {
  const values = toValues(start, scope);
  const life = { connection, namespace: scope.namespace };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const found = await withLife(life, start.task, () => connection.tryRun(START, values));
    if ('violated' in found) return { kind: 'approval_used' };
    const [row] = found.rows;
    if (typeof row?.['token'] === 'string') return { kind: 'started', token: row['token'], attempts: 1 };
    const reason = await whyNot(start, row, lookUps);
    if (reason !== undefined) return reason;
  }
  throw ApplicationFailure.create({
    type: 'Store.Unavailable',
    message: 'the ledger changed under a start again and again',
  });
};
