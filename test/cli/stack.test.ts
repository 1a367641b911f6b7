import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { inspectStore } from '../../src/dev/inspect-store.ts';
import { freshStore } from '../support/store.ts';
import { cli, makeFolder, startCli } from './support.ts';

const CONFIG = JSON.stringify({
  models: { default: { model: 'm', baseURL: 'http://127.0.0.1:9/v1' } },
  agents: { clerk: { instructions: 'Be brief.' } },
});

const makeProject = async (): Promise<string> => {
  const cwd = await makeFolder();
  await writeFile(join(cwd, 'holdfast.config.json'), CONFIG);
  return cwd;
};

const Ready = z.strictObject({
  ready: z.literal(true),
  temporal: z.string(),
  namespace: z.literal('default'),
  ui: z.url(),
  store: z.string().startsWith('postgres://holdfast:'),
});

describe('worker', { timeout: 60_000 }, () => {
  it('says when it polls, serves its health and stops at SIGTERM', async () => {
    const { address } = inject('temporal');
    const cwd = await makeProject();
    const env = {
      HOLDFAST_TASK_QUEUE: `cli-${Date.now()}`,
      HOLDFAST_HEALTH: '127.0.0.1:47391',
      HOLDFAST_LOG: 'json',
      HOLDFAST_STORE_URL: await freshStore(),
    };
    const worker = startCli(['worker', '--address', address], { cwd, env });

    expect(await worker.line(/^worker ready/)).toBe(`worker ready: polling ${env.HOLDFAST_TASK_QUEUE} at ${address}`);
    const health = await fetch('http://127.0.0.1:47391/health');
    expect([health.status, await health.json()]).toEqual([200, { status: 'RUNNING' }]);
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;

    expect(code).toBe(0);
    for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
  });

  it('names the variable of a key that is not set', async () => {
    const cwd = await makeFolder();
    const config = JSON.parse(CONFIG);
    config.models.default.apiKey = { env: 'NO_SUCH_KEY' };
    await writeFile(join(cwd, 'holdfast.config.json'), JSON.stringify(config));

    const env = { HOLDFAST_STORE_URL: await freshStore() };
    const { code, stderr } = await cli(['worker', '--address', inject('temporal').address], { cwd, env });

    expect(code).toBe(1);
    expect(stderr).toContain('the environment variable NO_SUCH_KEY is not set');
  });

  it('says what to do where there is no control store', async () => {
    const { code, stderr } = await cli(['worker', '--address', inject('temporal').address], {
      cwd: await makeProject(),
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/there is no control store.*`holdfast dev`.*HOLDFAST_STORE_URL.*store\.url/);
  });

  it('names the control store that does not answer, and where its URL comes from, without its password', async () => {
    const env = { HOLDFAST_STORE_URL: 'postgres://ana:secret@127.0.0.1:9/tasks' };

    const { code, stderr } = await cli(['worker', '--address', inject('temporal').address], {
      cwd: await makeProject(),
      env,
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/the control store \(from: environment\) cannot be used/);
    expect(stderr).not.toContain('secret');
  });

  it('says what to do where there is no configuration', async () => {
    const { code, stderr } = await cli(['worker'], { cwd: await makeFolder() });

    expect(code).toBe(1);
    expect(stderr).toContain('holdfast init');
  });
});

describe('dev', { timeout: 120_000 }, () => {
  it.each([
    { name: 'with a worker', args: [] },
    { name: 'without one', args: ['--no-worker'] },
  ])('prints one line of JSON when it is ready, and stops all of it at SIGINT: $name', async ({ args }) => {
    const cwd = await makeProject();
    // The cache of this machine, so that no test downloads a server.
    const env = { HOME: process.env['HOME'] ?? '' };
    const dev = startCli(
      ['dev', '--ephemeral', '--port', '0', '--ui-port', '0', '--store-port', '0', '--json', ...args],
      { cwd, env },
    );
    const ready = Ready.parse(JSON.parse(await dev.line(/^\{"ready"/)));

    const found = await cli(['list', '--json'], { cwd });
    const health = await cli(['doctor', '--json'], { cwd });
    dev.child.kill('SIGINT');
    const { code, stdout, stderr } = await dev.ended;

    expect(JSON.parse(found.stdout)).toEqual({ tasks: [], next: null });
    expect(JSON.parse(health.stdout).checks).toContainEqual(
      expect.objectContaining({ name: 'control store', status: 'ok', message: expect.stringContaining('from: dev') }),
    );
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 1]);
    const { host, password } = new URL(ready.store);
    expect(stderr).toContain(`store    postgres://holdfast@${host}/holdfast`);
    expect(stderr).not.toContain(password);
    await expect(inspectStore(ready.store)).rejects.toThrow('ECONNREFUSED');
    expect((await cli(['list', '--address', ready.temporal])).code).toBe(1);
  });
});
