import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkStore } from '../../src/cli/doctor-store.ts';
import { defineConfig } from '../../src/config.ts';
import { withStoreConnection } from '../../src/dev/inspect-store.ts';
import { freshStore, migratedStore } from '../support/store.ts';
import { cli, makeFolder } from './support.ts';

const NONE = { kind: 'none' } as const;

describe('doctor on the control store', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('tells version, latency and where the URL comes from, without the password', async () => {
    const url = await migratedStore();
    const config = defineConfig({ models: { default: { model: 'm' } }, agents: [], store: { url } });

    const checks = await checkStore({ kind: 'data', file: 'holdfast.config.json', config });

    expect(checks).toMatchObject([
      { name: 'control store', status: 'ok' },
      { name: 'store schema', status: 'ok' },
      { name: 'notifications', status: 'ok', message: 'none waits' },
    ]);
    expect(checks[0]?.message).toMatch(/^PostgreSQL \d+\S* .*answers in \d+\.\d ms \(URL from: config\)$/);
    expect(JSON.stringify(checks)).not.toContain(new URL(url).password);
  });

  it('warns where nothing was migrated, and changes nothing', async () => {
    const url = await freshStore();
    vi.stubEnv('HOLDFAST_STORE_URL', url);

    const checks = await checkStore(NONE);
    const schemas = await withStoreConnection(
      url,
      async (client) => (await client.query("SELECT 1 FROM pg_namespace WHERE nspname = 'holdfast'")).rowCount,
    );

    expect(checks[1]).toMatchObject({ name: 'store schema', status: 'warn', fix: [expect.stringContaining('worker')] });
    expect(schemas).toBe(0);
  });

  it('fails where none is named, and only warns where a configuration of code may name one', async () => {
    vi.stubEnv('HOLDFAST_STORE_URL', undefined);

    expect(await checkStore(NONE)).toMatchObject([{ status: 'fail', fix: [expect.stringContaining('holdfast dev')] }]);
    expect(await checkStore({ kind: 'code', file: 'holdfast.config.ts' })).toMatchObject([{ status: 'warn' }]);
  });

  it('names one that does not answer, and ends with 1', { timeout: 30_000 }, async () => {
    const env = { HOLDFAST_STORE_URL: 'postgres://ana:secret@127.0.0.1:9/tasks' };

    const { code, stdout } = await cli(['doctor', '--json', '--address', '127.0.0.1:9'], {
      cwd: await makeFolder(),
      env,
    });

    expect(code).toBe(1);
    expect(JSON.parse(stdout).checks).toContainEqual(
      expect.objectContaining({
        name: 'control store',
        status: 'fail',
        message: expect.stringContaining('ECONNREFUSED'),
      }),
    );
    expect(stdout).not.toContain('secret');
  });
});
