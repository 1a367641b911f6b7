import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digest, testStore } from './support.ts';

describe('policy epochs', () => {
  it('INVARIANT A1: rise with each new set; a known one keeps its own', async () => {
    const { policyEpochs } = await testStore();

    expect(await policyEpochs.newest()).toBe(0);
    expect(await policyEpochs.register(digest('a'))).toEqual({ epoch: 1, newest: 1 });
    expect(await policyEpochs.register(digest('b'))).toEqual({ epoch: 2, newest: 2 });
    expect(await policyEpochs.register(digest('a'))).toEqual({ epoch: 1, newest: 2 });
    expect(await policyEpochs.newest()).toBe(2);
  });

  it('are given once each when many workers come up at the same moment', async () => {
    const { policyEpochs } = await testStore();

    const given = await Promise.all(Array.from({ length: 20 }, (_, i) => policyEpochs.register(digest(`p${i % 5}`))));

    expect(new Set(given.map(({ epoch }) => epoch))).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  it('are counted for each task queue', async () => {
    const namespace = randomUUID();
    const one = await testStore({ namespace });
    const other = await testStore({ namespace, taskQueue: 'other' });
    await one.policyEpochs.register(digest('a'));

    expect(await other.policyEpochs.newest()).toBe(0);
  });
});

describe('surface pins', () => {
  it('are what a server showed first, until its surfaces are accepted anew', async () => {
    const { pins } = await testStore();
    const first = { read: digest('1'), '__proto__\0': digest('2') };

    expect(await pins.pin('files', {})).toEqual({});
    expect(await pins.pin('files', first)).toEqual(first);
    expect(await pins.pin('files', { read: digest('9') })).toEqual(first);
    await pins.repin('files', { read: digest('9') });
    expect(await pins.pin('files', first)).toEqual({ read: digest('9') });
    expect(await pins.pin('other', first)).toEqual(first);
  });

  it('are the same for all workers that come up at the same moment', async () => {
    const { pins } = await testStore();

    const seen = await Promise.all(Array.from({ length: 10 }, (_, i) => pins.pin('s', { t: digest(`${i}`) })));

    expect(new Set(seen.map((pinned) => pinned['t'])).size).toBe(1);
  });
});
