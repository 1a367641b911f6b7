import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/domain/digest.ts';
import type { PolicyEpochs } from '../../src/gateway/ports.ts';
import { createPolicyEngine } from '../../src/policy/engine.ts';
import { createEpochGuard } from '../../src/policy/epoch.ts';
import { makeFolder, recordingLog } from './support.ts';

/** The store's order of sets, in memory; counts how often it is asked. */
const memoryEpochs = () => {
  const digests: Digest[] = [];
  const asked = { count: 0, isDown: false };
  const ask = <T>(value: () => T): Promise<T> => {
    asked.count += 1;
    return asked.isDown ? Promise.reject(new Error('down')) : Promise.resolve(value());
  };
  const epochs: PolicyEpochs = {
    register: (digest) =>
      ask(() => {
        if (!digests.includes(digest)) digests.push(digest);
        return { epoch: digests.indexOf(digest) + 1, newest: digests.length };
      }),
    newest: () => ask(() => digests.length),
  };
  return { epochs, asked };
};

describe('INVARIANT A1: a worker goes by the newest set', () => {
  it('a set that is not the newest fails retryably', async () => {
    const { epochs } = memoryEpochs();
    let ms = 0;
    const old = createEpochGuard(epochs, () => ms);
    const young = createEpochGuard(epochs, () => ms);

    expect(await old.epoch('sha256:a')).toBe(1);
    expect(await young.epoch('sha256:b')).toBe(2);
    ms += 1_001;

    await expect(old.epoch('sha256:a')).rejects.toMatchObject({ type: 'Policy.Behind', nonRetryable: false });
    expect(await young.epoch('sha256:b')).toBe(2);
  });

  it('asks the store at most once a second', async () => {
    const { epochs, asked } = memoryEpochs();
    let ms = 0;
    const guard = createEpochGuard(epochs, () => ms);

    for (let call = 0; call < 100; call++) await guard.epoch('sha256:a');
    const first = asked.count;
    ms += 1_001;
    await guard.epoch('sha256:a');

    expect([first, asked.count]).toEqual([1, 2]);
  });

  it('a store that is away makes calls wait, and is asked again', async () => {
    const { epochs, asked } = memoryEpochs();
    let ms = 0;
    const guard = createEpochGuard(epochs, () => ms);
    await guard.register('sha256:a');

    asked.isDown = true;
    ms += 1_001;
    await expect(guard.epoch('sha256:a')).rejects.toThrow('down');
    await expect(guard.epoch('sha256:a')).rejects.toThrow('down');
    asked.isDown = false;

    expect(await guard.epoch('sha256:a')).toBe(1);
  });

  it('an edit makes this worker the newest, and the other one wait', async () => {
    const { epochs } = memoryEpochs();
    const baseDir = await makeFolder({ 'a.cedar': '// one' });
    const { log } = recordingLog();
    const make = () =>
      createPolicyEngine({ tools: () => [], files: { patterns: ['*.cedar'], baseDir }, epochs, log, watchMs: 0 });
    const [one, other] = [await make(), await make()];
    expect([await one.epoch(), await other.epoch()]).toEqual([1, 1]);

    await writeFile(join(baseDir, 'a.cedar'), '// two');
    await one.reload();
    const behind = { digest: other.digest(), epoch: await one.epoch() };
    await other.reload();

    expect(behind.epoch).toBe(2);
    expect(other.digest()).not.toBe(behind.digest);
    expect(await other.epoch()).toBe(2);
  });

  it('a set that goes back to an older text is behind, and says so', async () => {
    const { epochs } = memoryEpochs();
    const baseDir = await makeFolder({ 'a.cedar': '// one' });
    const { log, lines } = recordingLog();
    const engine = await createPolicyEngine({
      tools: () => [],
      files: { patterns: ['*.cedar'], baseDir },
      epochs,
      log,
      watchMs: 0,
    });

    for (const text of ['// two', '// one']) {
      await writeFile(join(baseDir, 'a.cedar'), text);
      await engine.reload();
    }

    expect(lines.at(-1)).toMatchObject({ level: 'error', message: 'policy set 1 is behind set 2' });
    await expect(engine.epoch()).rejects.toMatchObject({ type: 'Policy.Behind' });
  });

  it('without a store every set is number 0', async () => {
    expect(await createEpochGuard(undefined).epoch('sha256:a')).toBe(0);
  });
});
