import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/waiting.ts';
import { call, FAILURE, isAdmitted, migrateStore, subject, twoWorkers } from './support.ts';

beforeAll(migrateStore);

describe('while no breaker is open', () => {
  it('one worker’s failures hold for itself at once, and for the others a moment later', async () => {
    const { one, two } = twoWorkers({ quietMs: 250 });
    expect(await isAdmitted(two, subject())).toBe(true);
    for (let n = 0; n < 3; n++) await call(one, subject(), FAILURE);

    expect(await isAdmitted(one, subject())).toBe(false);
    await until(async () => !(await isAdmitted(two, subject())) || undefined, 'the other worker has heard of it');
  });
});
