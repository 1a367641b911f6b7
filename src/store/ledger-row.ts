import { type SQL, sql } from 'drizzle-orm';
import type { Digest } from '../domain/digest.ts';
import type { Json } from '../domain/json.ts';
import type { LedgerRow } from '../gateway/ports.ts';
import type { ToolPrincipal } from '../tools/tool.ts';
import type { Row } from './connection.ts';
import { effects } from './tables/effects.ts';
import { lives } from './tables/tasks.ts';

/** Selects rows of the ledger; a `where` follows. The lease is judged by the database's clock (INVARIANT E4). */
export const selectRows: SQL = sql`
  select e.kind, e.key, l.task_id, l.epoch, e.call_id, e.tool, e.principal, e.args_digest, e.semantic_key, e.state,
    e.attempts, e.token, e.snapshot, e.output, e.error, e.undo,
    case when e.state = 'started'
      then greatest(0, ceil(extract(epoch from e.lease_until - clock_timestamp()) * 1000)) else 0 end::float8 as lease_left
  from ${effects} e join ${lives} l on l.id = e.life_id`;

/** What holds a semantic key; the words of the partial index, so that the planner may use it. */
export const holdsSemantic: SQL = sql`semantic_digest is not null and state <> 'failed' and undo is distinct from 'done'`;

const optionalText = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const optionalJson = (value: unknown): Json | null => (typeof value === 'string' ? (JSON.parse(value) as Json) : null);

/** A row of the ledger, from what `selectRows` gives. */
export const toLedgerRow = (row: Row): LedgerRow => ({
  kind: row['kind'] as LedgerRow['kind'],
  key: String(row['key']),
  task: { taskId: String(row['task_id']), epoch: String(row['epoch']) },
  callId: String(row['call_id']),
  tool: String(row['tool']),
  principal: JSON.parse(String(row['principal'])) as ToolPrincipal,
  argsDigest: row['args_digest'] as Digest,
  semanticKey: optionalText(row['semantic_key']),
  state: row['state'] as LedgerRow['state'],
  attempts: Number(row['attempts']),
  token: String(row['token']),
  leaseLeftMs: Number(row['lease_left']),
  snapshot: optionalJson(row['snapshot']),
  output: optionalJson(row['output']),
  error: optionalText(row['error']),
  isUndone: row['undo'] === 'done',
});
