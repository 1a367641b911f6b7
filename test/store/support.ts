import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { Digest } from '../../src/domain/digest.ts';
import type {
  AuditEntry,
  ControlStore,
  LedgerRow,
  LedgerSettlement,
  LedgerStart,
  TaskRef,
} from '../../src/gateway/ports.ts';
import { openStore, type StoreOptions } from '../../src/store/index.ts';

/** A store of a namespace of its own, closed with the test. */
export const testStore = async (options: Partial<StoreOptions> = {}): Promise<ControlStore & { namespace: string }> => {
  const namespace = options.namespace ?? `n-${randomUUID()}`;
  const store = await openStore({ url: inject('store'), taskQueue: 'q', ...options, namespace });
  onTestFinished(store.close);
  return { ...store, namespace };
};

/** A connection past the store, for looking and tampering. */
export const sqlClient = async (url: string = inject('store')): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
};

/** A database of its own with nothing in it, dropped with the test. */
export const emptyDatabase = async (): Promise<string> => {
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: inject('store') });
  await client.connect();
  await client.query(`create database ${name} template template0`);
  onTestFinished(async () => {
    await client.query(`drop database ${name} with (force)`);
    await client.end();
  });
  const url = new URL(inject('store'));
  url.pathname = `/${name}`;
  return url.href;
};

export const digest = (text: string): Digest => `sha256:${text}`;

export const makeEntry = (over: Partial<AuditEntry> = {}): AuditEntry => ({
  type: 'attempt',
  callId: 's1.c1',
  tool: 'orders.refund',
  agent: 'clerk',
  principal: 'ann',
  argsDigest: digest('args'),
  detail: { attempt: 1 },
  ...over,
});

export const makeTask = (): TaskRef => ({ taskId: `t-${randomUUID()}`, epoch: 'e1' });

export const makeStart = (task: TaskRef, over: Partial<LedgerStart> = {}): LedgerStart => ({
  kind: 'effect',
  key: `${task.taskId}/${task.epoch}/s1.c1/abc`,
  task,
  callId: 's1.c1',
  tool: 'orders.refund',
  agent: 'clerk',
  principal: { id: 'ann' },
  argsDigest: digest('args'),
  leaseMs: 60_000,
  audit: makeEntry(),
  ...over,
});

/** Settles an attempt, with an entry in the audit trail. @returns whether it was the last one */
export const settle = async (
  { ledger }: Pick<ControlStore, 'ledger'>,
  { key, task }: Pick<LedgerStart, 'key' | 'task'>,
  token: string,
  settlement: LedgerSettlement,
): Promise<boolean> => {
  const audit = { task, entry: makeEntry({ type: 'outcome', detail: { status: settlement.state } }) };
  return (await ledger.settle({ key, token }, settlement, audit)).isSettled;
};

/** Starts an effect that nothing forbids. @returns its token */
export const begin = async (store: ControlStore, start: LedgerStart): Promise<string> => {
  const started = await store.ledger.start(start);
  if (started.kind !== 'started') throw new Error(`not started: ${started.kind}`);
  return started.token;
};

/** The row of a start, which must be there. */
export const rowOf = async (store: ControlStore, start: LedgerStart): Promise<LedgerRow> => {
  const row = await store.ledger.find(start.key, start.argsDigest);
  if (row === undefined) throw new Error(`no row for ${start.key}`);
  return row;
};

export const kindsOf = (results: readonly { readonly kind: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};
