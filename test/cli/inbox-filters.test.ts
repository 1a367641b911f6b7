import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AgentClient, InboxFilter } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { InboxSchema } from '../../src/domain/schemas/pending.ts';
import { until, untilPending } from '../support/waiting.ts';
import { makeRule } from '../workflows/desk-support.ts';
import { type FakeCall, startFakes } from '../workflows/fakes.ts';

const asks = (tool: string, fields: Partial<FakeCall>): FakeCall => ({ tool, args: {}, asks: true, ...fields });

const anybody = makeRule({ name: 'anybody', roles: [] });
const managers = makeRule({ name: 'managers', roles: ['managers'] });
const both = makeRule({ name: 'both', roles: ['managers', "the director's"] });

/** A worker whose tasks put these calls before people; what it asks is found by its agent, which nobody else has. */
const startAsking = async (calls: readonly FakeCall[], agent = `clerk-${randomUUID()}`) => {
  const harness = await startFakes({
    steps: (step) => (step === 1 ? { calls } : { text: 'done' }),
    admission: { approvalRules: [anybody] },
  });
  const ask = async () => {
    const task = await harness.run({ agent });
    await untilPending(task, calls.length);
    return task;
  };
  const listed = (count: number): Promise<readonly PendingDecision[]> =>
    until(async () => {
      const pending = await harness.client.inbox({ agent }, { limit: 1_000 });
      return pending.length === count ? pending : undefined;
    }, `${count} are in the inbox`);
  const tools = async (filter: InboxFilter) =>
    (await harness.client.inbox({ agent, ...filter })).map(({ tool }) => tool).toSorted();
  return { ...harness, agent, ask, listed, tools };
};

const pagesOf = async (client: AgentClient, filter: InboxFilter, limit: number) => {
  const pages: (readonly PendingDecision[])[] = [];
  let next: string | undefined;
  do {
    const page = await client.inbox(filter, { limit, next });
    pages.push(page);
    next = page.next ?? undefined;
  } while (next !== undefined);
  return pages.filter((page) => page.length > 0);
};

describe('the inbox', { timeout: 90_000 }, () => {
  it('is narrowed to roles, risk, kind and age, in any mixture', async () => {
    const { ask, listed, tools, client, agent } = await startAsking([
      asks('look', { risk: 'low', rule: anybody }),
      asks('pay', { risk: 'high', rule: managers }),
      asks('move', { risk: 'medium', rule: both }),
    ]);
    await ask();
    const pending = await listed(3);

    expect(InboxSchema.safeParse(pending)).toMatchObject({ success: true });
    expect(await tools({ role: 'managers' })).toEqual(['move', 'pay']);
    expect(await tools({ role: "the director's" })).toEqual(['move']);
    expect(await tools({ role: ['managers', 'nobody'] })).toEqual(['move', 'pay']);
    expect(await tools({ role: 'nobody' })).toEqual([]);
    expect(await tools({ role: null })).toEqual(['look']);
    expect(await tools({ risk: 'high' })).toEqual(['pay']);
    expect(await tools({ risk: 'high', role: "the director's" })).toEqual([]);
    expect(await tools({ waitingFor: 'approval', risk: 'low' })).toEqual(['look']);
    expect(await tools({ waitingFor: 'effect' })).toEqual([]);
    expect(await tools({ olderThan: '1h' })).toEqual([]);
    expect(await tools({ olderThan: 0 })).toHaveLength(3);
    await expect(client.inbox({ agent, olderThan: 'long ago' })).rejects.toThrow('not a duration');
  });

  it('pages through many tasks without a worker: each of them once, what was asked first on top', async () => {
    const { ask, listed, client, agent, stopWorker } = await startAsking([
      asks('pay', { risk: 'high', rule: managers }),
    ]);
    const tasks = await Promise.all(Array.from({ length: 23 }, ask));
    await listed(23);
    await stopWorker();

    const pages = await pagesOf(client, { agent, role: 'managers', risk: 'high' }, 10);

    expect(pages.map(({ length }) => length)).toEqual([10, 10, 3]);
    expect(
      pages
        .flat()
        .map(({ taskId }) => taskId)
        .toSorted(),
    ).toEqual(tasks.map(({ taskId }) => taskId).toSorted());
    for (const page of pages) {
      const times = page.map(({ since }) => since);
      expect(times).toEqual(times.toSorted());
    }
  });

  it('fills a page where the server cannot filter', async () => {
    const risky = await startAsking([asks('pay', { risk: 'high', rule: managers })]);
    const dull = await startAsking([asks('look', { risk: 'low', rule: managers })], risky.agent);
    for (let round = 0; round < 4; round++) {
      await risky.ask();
      await Promise.all([dull.ask(), dull.ask(), dull.ask()]);
    }
    await risky.listed(16);

    const pages = await pagesOf(risky.client, { agent: risky.agent, risk: 'high' }, 2);

    expect(pages.map((page) => page.map(({ tool }) => tool))).toEqual([
      ['pay', 'pay'],
      ['pay', 'pay'],
    ]);
  });

  it('has what waits in a task that is paused', async () => {
    const { ask, listed, tools } = await startAsking([asks('pay', { rule: anybody }), asks('move', { rule: anybody })]);
    const task = await ask();
    const [first] = await listed(2);
    await task.pause('lunch');
    await task.approve({ callId: first?.id ?? '' });
    await until(async () => ((await task.status()).status === 'paused' ? true : undefined), 'it is paused');
    await until(async () => ((await tools({})).length === 1 ? true : undefined), 'one is left');
    expect(await tools({ waitingFor: 'approval' })).toHaveLength(1);
  });
});

describe('a question that waits', { timeout: 60_000 }, () => {
  it('is given by its id or its call, whole where a worker answers, and with what a signature is about where none does', async () => {
    const { ask, client, stopWorker } = await startAsking([
      asks('pay', { args: { text: 'x'.repeat(60_000) }, rule: managers }),
      asks('move', { rule: managers }),
    ]);
    const task = await ask();
    const pending = await task.pendingDecision('s1.c1');
    const whole = await task.pendingDecision(pending.id.replace('-', ' '), { whole: true });

    expect(whole.args).toEqual({ text: 'x'.repeat(60_000) });
    await expect(task.pendingDecision()).rejects.toThrow(/several decisions are pending, name one: s1\.c1-.*s1\.c2-/);
    await expect(task.pendingDecision('s9.c9')).rejects.toThrow(/"s9\.c9" is not pending; pending: s1\.c1-/);
    await stopWorker();
    const { args, ...cut } = await task.pendingDecision(pending.id);
    expect(args).not.toEqual(whole.args);
    expect(cut).toMatchObject({ epoch: whole.epoch, digest: whole.digest, id: whole.id, who: whole.who });
    expect(cut.epoch).toBeTypeOf('string');
    await expect(task.pendingDecision(pending.id, { whole: true })).rejects.toMatchObject({ type: 'Worker.NotReady' });
    expect(client.namespace).toBe('default');
  });
});
