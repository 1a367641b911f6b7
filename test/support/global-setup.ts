import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundleWorkflows } from '../../src/bundle.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';
import { startTemporalServer } from '../../src/dev/temporal-server.ts';
import { startStoreServer } from './store-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    temporal: { address: string; ui: string };
    bundle: string;
    /** A PostgreSQL server: the URL of a database on it, whose user may create others. */
    store: string;
  }
}

const writeBundle = async (folder: string): Promise<string> => {
  const { code } = await bundleWorkflows();
  const path = join(folder, 'workflow-bundle.js');
  await writeFile(path, code);
  return path;
};

const startTemporal = async (
  given: string | undefined,
): Promise<{ address: string; ui: string; stop: () => Promise<void> }> => {
  if (given !== undefined) return { address: given, ui: '', stop: async () => undefined };
  const binary = await findTemporalBinary({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  return await startTemporalServer({
    binary: binary.path,
    dataDir: null,
    namespace: 'default',
    port: 0,
    uiPort: 0,
    log: () => undefined,
  });
};

/**
 * One Temporal, one PostgreSQL and one bundle for all tests. `HOLDFAST_TEST_ADDRESS` names another Temporal,
 * `HOLDFAST_TEST_STORE` another PostgreSQL, on which the tests make databases and drop them.
 */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  const [bundle, temporal, store] = await Promise.all([
    writeBundle(folder),
    startTemporal(process.env['HOLDFAST_TEST_ADDRESS']),
    startStoreServer(process.env['HOLDFAST_TEST_STORE']),
  ]);
  project.provide('bundle', bundle);
  project.provide('temporal', { address: temporal.address, ui: temporal.ui });
  project.provide('store', store.url);
  return async () => {
    await Promise.all([temporal.stop(), store.stop()]);
    await rm(folder, { recursive: true });
  };
};
