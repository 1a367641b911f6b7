import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type ConnectionOptions } from '@temporalio/client';
import type { SearchAttributeName } from '../domain/task.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

/** A namespace of a server. */
export type NamespaceAt = { readonly address: string; readonly namespace: string; readonly signal: AbortSignal };

const RETRY_MS = 30;
const CALL_MS = 2_000;

/** Connects, runs and closes; every call inside has 2 s and ends with the signal. */
export const withConnection = async <T>(
  options: ConnectionOptions,
  signal: AbortSignal,
  use: (connection: Connection) => Promise<T>,
): Promise<T> => {
  const connection = Connection.lazy({ connectTimeout: CALL_MS, ...options });
  try {
    return await connection.withAbortSignal(
      signal,
      async () => await connection.withDeadline(Date.now() + CALL_MS, async () => await use(connection)),
    );
  } finally {
    await connection.close();
  }
};

const prepareOnce = async ({ address, namespace, signal }: NamespaceAt): Promise<readonly SearchAttributeName[]> =>
  await withConnection({ address }, signal, async (connection) => {
    await connection.workflowService.describeNamespace({ namespace });
    return await ensureSearchAttributes(connection, namespace);
  });

/**
 * Waits until a namespace answers and has the search attributes; the signal is the only limit.
 * @returns the search attributes that were added
 */
export const prepareNamespace = async (at: NamespaceAt): Promise<readonly SearchAttributeName[]> => {
  for (;;) {
    try {
      return await prepareOnce(at);
    } catch (error) {
      if (at.signal.aborted) throw error;
      await sleep(RETRY_MS);
    }
  }
};
