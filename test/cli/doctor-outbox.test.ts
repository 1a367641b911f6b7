import { describe, expect, it } from 'vitest';
import { checkOutbox } from '../../src/cli/doctor-outbox.ts';
import { defineConfig } from '../../src/config.ts';
import { fill, pass } from '../notify/support.ts';
import { testStore } from '../store/support.ts';
import { migratedStore } from '../support/store.ts';

const NONE = { kind: 'none' } as const;

const configOf = (name: string) => ({
  kind: 'data' as const,
  file: 'holdfast.config.json',
  config: defineConfig({
    models: { default: { model: 'm' } },
    agents: {},
    webhooks: [{ name, url: 'https://ops.example', secret: { env: 'OPS' } }],
  }),
});

describe('doctor on notifications', () => {
  it('finds nothing to say where all were delivered, or are on their way', async () => {
    const url = await migratedStore();
    const store = await testStore({ url, taskQueue: 'holdfast' });
    const target = { url, namespace: store.namespace };

    expect(await checkOutbox(target, NONE)).toMatchObject({ status: 'ok', message: 'none waits' });
    await fill(store, 2);

    expect(await checkOutbox(target, configOf('ops'))).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/^ops: 2 wait, the oldest for \d+ ms$/),
    });
  });

  it('warns of what waits long, was given up, or has nobody to send it', async () => {
    const url = await migratedStore();
    const store = await testStore({ url, taskQueue: 'holdfast' });
    await fill(store, 3);
    const [one] = await store.outbox.claim('ops', { limit: 1, leaseMs: 1 });
    if (one !== undefined) await store.outbox.failed(one, 'answered with 410', null);
    const check = async (name: string) => await checkOutbox({ url, namespace: store.namespace }, configOf(name));

    expect(await check('ops')).toMatchObject({ status: 'warn', message: expect.stringContaining('1 given up') });
    await pass(store.namespace, '2 hours', url);
    expect(await check('ops')).toMatchObject({
      status: 'warn',
      message: 'ops: 2 wait, the oldest for 2 h, 1 given up, last error: answered with 410',
    });
    expect((await check('chat')).fix[0]).toContain('No webhook is named ops here');
  });
});
