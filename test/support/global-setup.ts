import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundleWorkflows } from '../../src/bundle.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';
import { startTemporalServer } from '../../src/dev/temporal-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    temporal: { address: string; ui: string };
    bundle: string;
  }
}

const writeBundle = async (folder: string): Promise<string> => {
  const { code } = await bundleWorkflows();
  const path = join(folder, 'workflow-bundle.js');
  await writeFile(path, code);
  return path;
};

/** One server and one bundle for all tests; `HOLDFAST_TEST_ADDRESS` names another server, such as one on PostgreSQL. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  project.provide('bundle', await writeBundle(folder));
  const given = process.env['HOLDFAST_TEST_ADDRESS'];
  if (given !== undefined) {
    project.provide('temporal', { address: given, ui: '' });
    return () => rm(folder, { recursive: true });
  }
  const binary = await findTemporalBinary({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  const server = await startTemporalServer({
    binary: binary.path,
    dataDir: null,
    namespace: 'default',
    port: 0,
    uiPort: 0,
    log: () => undefined,
  });
  project.provide('temporal', { address: server.address, ui: server.ui });
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
};
