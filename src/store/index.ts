import type { ControlStore } from '../gateway/ports.ts';
import { createArtifacts } from './artifacts.ts';
import { createAuditLog } from './audit-log.ts';
import { type Connection, connect } from './connection.ts';
import { createDeskLog } from './desk-log.ts';
import { createLedger } from './ledger.ts';
import { createToolLimits } from './limits/index.ts';
import { migrate } from './migrate.ts';
import { createOutbox } from './outbox.ts';
import { createSurfacePins } from './pins.ts';
import { createPolicyEpochs } from './policy-epochs.ts';
import { purge, type Retention } from './retention.ts';
import { createTaskRegister } from './task-register.ts';

/** How a worker comes to its store. */
export type StoreOptions = {
  readonly url: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Migrate at the start; true by default. False where the role may not create tables. */
  readonly migrate?: boolean | undefined;
  /** Connections at most, 10 by default. */
  readonly maxConnections?: number | undefined;
  /** Days after a task's last activity until its rows are deleted, 90 by default. */
  readonly retentionDays?: number | undefined;
  readonly log?: ((message: string) => void) | undefined;
};

const HOUR_MS = 3_600_000;

/** Deletes old rows once an hour. @returns stops it, and waits for a purge that runs */
const purgeHourly = (
  connection: Connection,
  retention: Retention,
  log: (message: string) => void,
): (() => Promise<void>) => {
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = purge(connection, retention).then(
      (count) => (count === 0 ? undefined : log(`control store: ${count} old tasks deleted`)),
      (error: unknown) => log(`control store: old tasks were not deleted: ${String(error)}`),
    );
  }, HOUR_MS).unref();
  return () => {
    clearInterval(timer);
    return running;
  };
};

/**
 * Opens the control store that all workers of a namespace share, and migrates it.
 * @throws ApplicationFailure `Store.Unavailable` when it cannot be reached now, `Store.Refused` when it does not fit
 */
export const openStore = async (options: StoreOptions): Promise<ControlStore> => {
  const { url, namespace, taskQueue, retentionDays = 90, log = () => undefined } = options;
  await migrate({ url, apply: options.migrate ?? true, log });
  const connection = connect(url, { maxConnections: options.maxConnections });
  const scope = { namespace, taskQueue };
  const stopPurging = purgeHourly(connection, { namespace, olderThanDays: retentionDays }, log);
  return {
    tasks: createTaskRegister(connection, namespace),
    ledger: createLedger(connection, scope),
    audit: createAuditLog(connection, namespace),
    artifacts: createArtifacts(connection, namespace),
    limits: createToolLimits(connection, scope),
    policyEpochs: createPolicyEpochs(connection, scope),
    pins: createSurfacePins(connection, scope),
    deskLog: createDeskLog(connection, scope),
    outbox: createOutbox(connection, scope),
    close: async () => {
      await stopPurging();
      await connection.close();
    },
  };
};
