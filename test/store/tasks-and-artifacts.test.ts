import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TaskRegistration } from '../../src/gateway/ports.ts';
import { digest, makeTask, testStore } from './support.ts';

const makeRegistration = (over: Partial<TaskRegistration> = {}): TaskRegistration => ({
  taskId: `t-${randomUUID()}`,
  firstRunId: 'r1',
  agent: 'clerk',
  principalId: 'ann',
  specDigest: digest('spec'),
  ...over,
});

describe('the register of tasks', () => {
  it('INVARIANT E5: gives a new run under an old id the next epoch, and a run the one it has', async () => {
    const { tasks } = await testStore();
    const task = makeRegistration();

    expect(await tasks.register(task)).toEqual({ epoch: 'e1' });
    expect(await tasks.register(task)).toEqual({ epoch: 'e1' });
    expect(await tasks.register({ ...task, firstRunId: 'r2' })).toEqual({ epoch: 'e2' });
    expect(await tasks.register(task)).toEqual({ epoch: 'e1' });
    expect(await tasks.register({ ...task, firstRunId: 'r3' })).toEqual({ epoch: 'e3' });
  });

  it('INVARIANT E5: gives one epoch a run when many register at the same moment', async () => {
    const { tasks } = await testStore();
    const task = makeRegistration();

    const given = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const firstRunId = `r${i % 6}`;
        return { firstRunId, ...(await tasks.register({ ...task, firstRunId })) };
      }),
    );

    const pairs = new Set(given.map(({ firstRunId, epoch }) => `${firstRunId} ${epoch}`));
    expect(pairs.size).toBe(6);
    expect(new Set(given.map(({ epoch }) => epoch))).toEqual(new Set(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']));
  });

  it.each([
    { name: 'specification', over: { specDigest: digest('other') } },
    { name: 'principal', over: { principalId: 'bob' } },
    { name: 'tenant of the principal', over: { tenant: 'acme' } },
  ])('INVARIANT H4: refuses an id that is known with another $name', async ({ over }) => {
    const { tasks } = await testStore();
    const task = makeRegistration();
    await tasks.register(task);

    const refused = expect.objectContaining({ type: 'Task.Conflict', nonRetryable: true }) as unknown;
    await expect(tasks.register({ ...task, ...over })).rejects.toEqual(refused);
    await expect(tasks.register({ ...task, ...over, firstRunId: 'r2' })).rejects.toEqual(refused);
    expect(await tasks.register({ ...task, firstRunId: 'r2' })).toEqual({ epoch: 'e2' });
  });

  it('registers a task of which the ledger heard before', async () => {
    const store = await testStore();
    const task = makeRegistration();
    await store.artifacts.put({ taskId: task.taskId, epoch: 'e1' }, { bytes: new Uint8Array(1), mediaType: 'a/b' });

    expect(await store.tasks.register(task)).toEqual({ epoch: 'e1' });
  });
});

describe('artifacts', () => {
  it('gives back the bytes that were put, by an id made of their digest', async () => {
    const { artifacts } = await testStore();
    const task = makeTask();
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);

    const artifact = await artifacts.put(task, {
      bytes: new Uint8Array(bytes.buffer, 0, 100_000),
      mediaType: 'image/png',
    });

    expect(artifact).toMatchObject({
      id: expect.stringMatching(/^a-[0-9a-f]{24}$/),
      bytes: 100_000,
      mediaType: 'image/png',
    });
    expect(await artifacts.put(task, { bytes, mediaType: 'image/png' })).toEqual(artifact);
    const got = await artifacts.get(task, artifact.id);
    expect(got?.artifact).toEqual(artifact);
    expect(Buffer.from(got?.bytes ?? []).equals(Buffer.from(bytes))).toBe(true);
  });

  it('INVARIANT H1: are read by their own task only, in its own life', async () => {
    const { artifacts } = await testStore();
    const task = makeTask();
    const { id } = await artifacts.put(task, { bytes: new Uint8Array([1]), mediaType: 'a/b' });

    expect(await artifacts.get(makeTask(), id)).toBeUndefined();
    expect(await artifacts.get({ ...task, epoch: 'e2' }, id)).toBeUndefined();
    expect(await (await testStore()).artifacts.get(task, id)).toBeUndefined();
    expect(await artifacts.get(task, 'a-0')).toBeUndefined();
  });

  it('are kept up to 32 MB', async () => {
    const { artifacts } = await testStore();
    const task = makeTask();
    const most = 32 * 1024 * 1024;

    const { id } = await artifacts.put(task, { bytes: new Uint8Array(most), mediaType: 'a/b' });

    expect((await artifacts.get(task, id))?.bytes.byteLength).toBe(most);
    await expect(artifacts.put(task, { bytes: new Uint8Array(most + 1), mediaType: 'a/b' })).rejects.toMatchObject({
      type: 'Artifact.TooLarge',
      nonRetryable: true,
    });
  });
});
