import { beforeAll, describe, expect, it } from 'vitest';
import { call, countRows, FAILURE, isAdmitted, letIn, migrateStore, passTime, subject, twoWorkers } from './support.ts';

beforeAll(migrateStore);

const [ana, ben, cai] = [subject('ana'), subject('ben'), subject('cai')];

const task = (taskId: string) => ({ taskId, epoch: 'e1' });

describe('a breaker that two workers share', () => {
  it('opens by the failures of both, and stops both', async () => {
    const { one, two } = twoWorkers();

    await call(one, ana, FAILURE);
    await call(two, ana, { kind: 'junk', error: 'empty' });
    await call(one, ana, FAILURE);

    const refused = await two.admit(ana, { holder: 'h', ttlMs: 1_000 });
    expect(refused).toMatchObject({ ok: false, reason: 'breaker_open' });
    expect(refused.ok ? 0 : refused.retryAfterMs).toBeGreaterThan(28_000);
    expect(await isAdmitted(one, ana)).toBe(false);
  });

  it('loses no failure that comes at the same time as others', async () => {
    const { one, two, either } = twoWorkers();
    const tickets = await Promise.all([letIn(one, ana), letIn(two, ana), letIn(one, ana)]);

    await Promise.all(tickets.map((ticket, n) => either(n).report(ana, ticket, FAILURE)));

    expect(await isAdmitted(two, ana)).toBe(false);
  });

  it('forgets failures after a success, and leaves no row', async () => {
    const fleet = twoWorkers();
    const { one, two } = fleet;

    await call(one, ana, FAILURE);
    await call(one, ana, FAILURE);
    await call(two, ana, { kind: 'success' });
    expect(await countRows(fleet, 'tool_breakers')).toBe(0);
    await call(one, ana, FAILURE);

    expect(await isAdmitted(two, ana)).toBe(true);
  });

  it('INVARIANT L2: one principal’s failures stop that principal alone', async () => {
    const fleet = twoWorkers();
    const { one, two } = fleet;
    for (let n = 0; n < 3; n++) await call(one, ana, FAILURE);
    for (let n = 0; n < 3; n++) {
      await passTime(fleet, 300_000);
      await call(two, ana, FAILURE);
    }

    expect(await isAdmitted(one, ana)).toBe(false);
    expect(await isAdmitted(two, ben)).toBe(true);
    expect(await isAdmitted(two, subject('ana', 'refund', 'acme'))).toBe(true);
    expect(await isAdmitted(one, subject('ana', 'find'))).toBe(true);
  });

  it('INVARIANT L2: failures of two principals stop everybody', async () => {
    const { one, two } = twoWorkers();
    const tickets = await Promise.all([letIn(one, ana), letIn(two, ben), letIn(one, ana)]);

    await Promise.all([
      one.report(ana, tickets[0], FAILURE),
      two.report(ben, tickets[1], FAILURE),
      one.report(ana, tickets[2], FAILURE),
    ]);

    expect(await isAdmitted(two, cai)).toBe(false);
  });

  it('INVARIANT L2: refusals never stop everybody, and stop a principal only in the same words for different inputs', async () => {
    const { one, two } = twoWorkers();
    for (const who of [ana, ben]) {
      for (const digest of ['sha256:a', 'sha256:b', 'sha256:c'] as const) {
        await call(one, who, { kind: 'refused', error: 'no access', argsDigest: digest });
      }
    }
    for (const n of [1, 2, 3]) await call(one, cai, { kind: 'refused', error: `no ${n}`, argsDigest: `sha256:${n}` });

    expect([await isAdmitted(two, ana), await isAdmitted(two, ben)]).toEqual([false, false]);
    expect([await isAdmitted(two, cai), await isAdmitted(two, subject('dan'))]).toEqual([true, true]);
  });
});

describe('at cool-down', () => {
  const openFor = async () => {
    const fleet = twoWorkers();
    for (let n = 0; n < 3; n++) await call(fleet.one, ana, FAILURE);
    return fleet;
  };

  it('INVARIANT L2: lets exactly one of many calls through, and another one once its slot has expired', async () => {
    const fleet = await openFor();
    await passTime(fleet, 30_000);
    const ask = (n: number, round: number) => fleet.either(n).admit(ana, { holder: `h${n}/${round}`, ttlMs: 5_000 });

    for (let round = 0; round < 10; round++) {
      const admitted = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n, round)));
      expect(admitted.filter((each) => each.ok)).toHaveLength(1);
      expect(await isAdmitted(fleet.two, ana)).toBe(false);
      await passTime(fleet, 5_000);
    }
  });

  it('closes by the probe’s success for both workers', async () => {
    const fleet = await openFor();
    await passTime(fleet, 30_000);
    await call(fleet.one, ana, { kind: 'success' });

    expect([await isAdmitted(fleet.two, ana), await isAdmitted(fleet.one, ana)]).toEqual([true, true]);
    expect(await countRows(fleet, 'tool_breakers')).toBe(0);
  });

  it('opens again by the probe’s failure, for twice as long', async () => {
    const fleet = await openFor();
    await passTime(fleet, 30_000);
    await call(fleet.two, ana, FAILURE);
    await passTime(fleet, 59_000);
    expect(await isAdmitted(fleet.one, ana)).toBe(false);
    await passTime(fleet, 1_000);

    expect(await isAdmitted(fleet.one, ana)).toBe(true);
  });

  it('hides the tool from every task while open, and offers it to one of many at cool-down', async () => {
    const fleet = await openFor();
    const ask = (n: number) => fleet.either(n).open(['find', 'refund'], ana.principal, task(`t${n}`));
    expect(await ask(1)).toMatchObject([{ tool: 'refund', why: expect.stringContaining('its last calls failed') }]);
    await passTime(fleet, 30_000);

    const shown = await Promise.all(Array.from({ length: 12 }, (_, n) => ask(n)));
    const offered = shown.findIndex((hidden) => hidden.length === 0);
    expect(shown.filter((hidden) => hidden.length === 0)).toHaveLength(1);
    expect(await ask(offered)).toEqual([]);
    await passTime(fleet, 60_000);

    expect(await ask(offered + 1)).toEqual([]);
    expect(await ask(offered)).toHaveLength(1);
  });

  it('shows the tool to other principals', async () => {
    const { one } = await openFor();

    expect(await one.open(['refund'], ben.principal, task('t'))).toEqual([]);
    expect(await one.open([], ana.principal, task('t'))).toEqual([]);
  });

  it('gives the probe’s slot back when the bulkhead is full', async () => {
    const fleet = await openFor();
    await passTime(fleet, 30_000);
    await fleet.one.admit(ben, { holder: 'b', ttlMs: 60_000, maxConcurrent: 1 });

    const busy = await fleet.two.admit(ana, { holder: 'a', ttlMs: 60_000, maxConcurrent: 1 });

    expect(busy).toMatchObject({ ok: false, reason: 'busy' });
    expect(await isAdmitted(fleet.one, ana)).toBe(true);
  });
});
