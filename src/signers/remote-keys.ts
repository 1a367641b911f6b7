import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWSHeaderParameters } from 'jose';
import { ALGORITHMS } from './algorithms.ts';
import { findKeys } from './find-keys.ts';
import type { KeySource } from './key-source.ts';

/** For one fetch, answer included; well below the time that the activity has. */
const FETCH_TIMEOUT_MS = 4_000;

/** How long keys are kept: a key that its service has taken out counts for so long still. */
const CACHE_MS = 10 * 60_000;

/** Unknown keys make us look again, at most so often: whoever sends garbage must not make us flood the service. */
const LOOK_AGAIN_MS = 1_000;

const MAX_BYTES = 512 * 1024;

/** A server that sends without an end must not fill the memory. */
const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (response.status !== 200) throw new Error(`it answered with status ${response.status}`);
  return new Response(Buffer.concat(chunks));
};

const causeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'no answer';
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
};

/** The keys of a service, fetched when they are needed and kept for a while. */
export const remoteKeys = (address: string, warn: (message: string) => void): KeySource => {
  // When to look again is said here, where it is known what a failure means.
  const options = { timeoutDuration: FETCH_TIMEOUT_MS, cacheMaxAge: CACHE_MS, cooldownDuration: Infinity };
  const keys = createRemoteJWKSet(new URL(address), { ...options, [customFetch]: fetchBounded });
  let fetchedMs = -Infinity;

  const load = async (): Promise<void> => {
    try {
      await keys.reload();
      fetchedMs = Date.now();
    } catch (error) {
      const message = `the keys at ${address} cannot be had now: ${causeOf(error)}`;
      warn(message);
      throw ApplicationFailure.create({ type: 'Signer.Unavailable', message, nonRetryable: false });
    }
  };

  const keysFor = async (header: JWSHeaderParameters) => {
    if (!keys.fresh) await load();
    const sinceMs = fetchedMs;
    const known = await findKeys(keys, header);
    if (known.length > 0) return known;
    // The service may have a new key since.
    await sleep(Math.max(0, sinceMs + LOOK_AGAIN_MS - Date.now()));
    if (fetchedMs === sinceMs) await load();
    return await findKeys(keys, header);
  };
  return { algorithms: ALGORITHMS, keysFor };
};
