import type { ConnectionOptions } from '@temporalio/client';
import type { SearchAttributeName } from '../domain/task.ts';
import type { OnProgress } from './progress.ts';
import { ensureSearchAttributes, missingSearchAttributes } from './search-attributes.ts';
import { reasonOf, StackError } from './stack-error.ts';
import { withConnection } from './temporal-connection.ts';

/** A Temporal that runs already; `connection` holds what the connection needs beside the address (TLS, API key). */
export type ExternalTemporal = {
  readonly address: string;
  readonly connection: Omit<ConnectionOptions, 'address'>;
  readonly namespace: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
};

const LOOPBACK_ADDRESS = /^(localhost|127(\.\d+){3}|\[::1\]):\d+$/;

const checkSearchAttributes = async (external: ExternalTemporal): Promise<readonly SearchAttributeName[]> => {
  const { address, connection: options, namespace, onProgress, signal } = external;
  const isLocal = LOOPBACK_ADDRESS.test(address);
  return await withConnection({ ...options, address }, signal, async (connection) => {
    if (!isLocal) return await missingSearchAttributes(connection, namespace);
    const added = await ensureSearchAttributes(connection, namespace);
    if (added.length > 0) onProgress(`added search attributes to ${address}: ${added.join(', ')}`);
    return [];
  });
};

/**
 * Checks that a configured Temporal answers and has the namespace. Missing search attributes are added to a server on
 * this machine and only reported for any other: that one may be shared.
 * @returns the search attributes that are missing
 * @throws StackError when it does not answer; the signal's reason when aborted
 */
export const checkExternalTemporal = async (external: ExternalTemporal): Promise<readonly SearchAttributeName[]> => {
  const { address, connection: options, namespace, onProgress, signal } = external;
  try {
    await withConnection({ ...options, address }, signal, async ({ workflowService }) => {
      await workflowService.describeNamespace({ namespace });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new StackError(
      `The configured Temporal at ${address}, namespace ${namespace}, does not answer: ${reasonOf(error)}. ` +
        'Start it, correct the address, or remove it (--address, TEMPORAL_ADDRESS) to run one here.',
      { cause: error },
    );
  }
  try {
    const missing = await checkSearchAttributes(external);
    if (missing.length > 0) onProgress(`${address} lacks search attributes: ${missing.join(', ')}`);
    return missing;
  } catch (error) {
    signal.throwIfAborted();
    onProgress(`the search attributes of ${address} cannot be checked: ${reasonOf(error)}`);
    return [];
  }
};
