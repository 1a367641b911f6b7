import { describe, expect, it } from 'vitest';
import type { Trace } from '../../src/domain/trace.ts';
import { until, untilPending } from '../support/waiting.ts';
import { ben, cat, makeRule, onlyPending, pay, ranOf, startDesk as startAny, workflowOf } from './desk-support.ts';
import { sign } from './signing.ts';

const anybody = makeRule({ roles: [] });

const raw = (json: string) => ({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(json) });

/** In threads, as in production: what lasts too long is ended there. */
const startDesk = (...[calls, rule, options]: Parameters<typeof startAny>) =>
  startAny(calls, rule, { threads: true, ...options });

type Started = Awaited<ReturnType<typeof startDesk>>;

/** A signal with a payload that no client would write. */
const signalRaw = ({ client }: Started, workflowId: string, signalName: string, json: string) =>
  client.temporal.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    signalName,
    input: { payloads: [raw(json)] },
  });

const inBatches = async (count: number, send: (index: number) => Promise<unknown>) => {
  for (let from = 0; from < count; from += 100) {
    const batch = Array.from({ length: Math.min(100, count - from) }, (_, index) => send(from + index));
    await Promise.all(batch);
  }
};

describe('whoever may only send signals does not wedge a task', () => {
  it('by a share whose duration is no text, also where only signatures count', async () => {
    const rule = makeRule();
    const harness = await startDesk([[pay()]], rule, { limits: { steps: 1 }, admission: { onLimit: 'escalate' } });
    const task = await harness.run();
    const call = await onlyPending(task);
    await task.approve({ callId: call.id, token: sign(ben, call, { name: 'approve' }) });
    const budget = await until(
      async () => (await task.status()).pending.find(({ kind }) => kind === 'review'),
      'the budget is asked about',
    );

    await signalRaw(harness, task.taskId, 'approve', '{"args":{"duration":{"toString":1}}}');
    await task.approve({ callId: budget.id, token: sign(ben, budget, { name: 'approve' }) });

    expect((await task.result()).status).toBe('completed');
  });

  it('by a number that no JSON can hold, in arguments that are to stay the same', async () => {
    const harness = await startDesk([[pay()]], anybody);
    const task = await harness.run();
    const { id } = await onlyPending(task);

    await signalRaw(harness, task.taskId, 'approve', `{"id":"${id}","args":{"amount":1e999},"scope":"values"}`);
    await task.deny({ callId: id });

    expect((await task.result()).status).toBe('completed');
    expect(ranOf(harness)).toEqual([]);
  });

  it('by thousands of changed arguments at once, each of which is to be reviewed', async () => {
    const harness = await startDesk([[pay()]], anybody);
    const task = await harness.run();
    const { id } = await onlyPending(task);
    await harness.stopWorker();
    const workflow = workflowOf(harness, task);

    await inBatches(2_200, () => workflow.signal('approve', { id, args: { to: 'eve', amount: 1 } }));
    await harness.startWorker();
    await until(() => ranOf(harness).length > 0 || undefined, 'one of them counts');

    expect(harness.platform.inputs.review.length).toBeLessThan(50);
    expect((await task.result()).status).toBe('completed');
    expect(ranOf(harness)).toHaveLength(1);
  });

  it('by thousands of messages in one workflow task, with a full desk', async () => {
    const text = 'x'.repeat(3_000);
    const calls = Array.from({ length: 10 }, (_, index) => pay({ to: `ben ${index}`, text }));
    const harness = await startDesk([calls], anybody);
    const task = await harness.run();
    const pending = await untilPending(task, 10);
    await harness.stopWorker();
    const workflow = workflowOf(harness, task);

    await inBatches(1_200, (index) => workflow.signal(index % 2 === 0 ? 'revoke' : 'approve', { id: `s9.c${index}` }));
    await harness.startWorker();
    for (const { id } of pending) await task.deny({ callId: id });

    expect((await task.result()).status).toBe('completed');
  }, 60_000);

  it('by words for the agent that nobody has heard yet, or by reasons to pause: what is carried stays bounded', async () => {
    const harness = await startDesk([[pay()]], anybody);
    const task = await harness.run();
    const { id } = await onlyPending(task);
    const workflow = workflowOf(harness, task);
    const words = 'w'.repeat(16_000);

    await inBatches(100, () => workflow.signal('resume', { guidance: words }));
    for (let count = 0; count < 30; count++) {
      await workflow.signal('pause', { reason: words });
      await workflow.signal('resume');
    }
    await task.approve({ callId: id });
    await task.result();

    const [second] = harness.platform.inputs.propose.slice(1);
    const said = second?.appended.filter(({ kind }) => kind === 'note') ?? [];
    expect(said.length).toBeGreaterThan(0);
    expect(JSON.stringify(said).length).toBeLessThan(100_000);
    const { events } = await workflow.query<Trace>('trace');
    expect(JSON.stringify(events).length).toBeLessThan(100_000);
  });

  it('by pausing again and again in one workflow task: what waits is not written anew each time', async () => {
    const calls = Array.from({ length: 20 }, (_, index) => pay({ to: `ben ${index}`, text: 'x'.repeat(5_000) }));
    const harness = await startDesk([calls], anybody);
    const task = await harness.run();
    const pending = await untilPending(task, 20);
    await harness.stopWorker();
    const workflow = workflowOf(harness, task);

    for (let count = 0; count < 60; count++) await workflow.signal(count % 2 === 0 ? 'pause' : 'resume');
    await harness.startWorker();
    for (const { id } of pending) await task.deny({ callId: id });

    expect((await task.result()).status).toBe('completed');
  }, 60_000);
});

describe('a model that proposes as much at once as it can', () => {
  const calls = Array.from({ length: 60 }, (_, index) =>
    pay({ to: `ben ${index}`, text: 'x'.repeat(1_800) }, { change: { diff: '+'.repeat(3_000) } }),
  );

  it('does not wedge its task by asking, nor do people by deciding all of it in one workflow task', async () => {
    const harness = await startDesk([calls], anybody);
    const task = await harness.run();
    const pending = await untilPending(task, 60);
    await harness.stopWorker();
    const workflow = workflowOf(harness, task);

    await inBatches(60, (index) => workflow.signal('deny', { id: pending[index]?.id }));
    await harness.startWorker();

    expect((await task.result()).status).toBe('completed');
  }, 60_000);
});

describe('INVARIANT A3: where two say that it happened', () => {
  const start = async () => {
    const rule = makeRule({ quorum: 2, when: { kinds: ['effect'] } });
    const harness = await startDesk([[pay({}, { asks: false, isCompensable: true })]], rule, {
      execute: () => ({ status: 'unknown', output: 'lost' }),
    });
    const task = await harness.run();
    const pending = await onlyPending(task);
    const approve = (who: typeof ben, args?: Record<string, string>) =>
      task.approve({
        callId: pending.id,
        ...(args === undefined ? {} : { args }),
        token: sign(who, pending, { name: 'approve', ...(args === undefined ? {} : { args }) }),
      });
    return { harness, task, approve };
  };

  it('what it returned is what both say, and not what one of them put in', async () => {
    const { harness, task, approve } = await start();

    await approve(ben, { receipt: 'forged' });
    await expect(approve(cat)).rejects.toThrow('forged');
    await expect(approve(cat, { receipt: 'true' })).rejects.toThrow('forged');
    await approve(cat, { receipt: 'forged' });
    await task.result();

    expect(harness.platform.inputs.resolve).toMatchObject([{ happened: true, output: { receipt: 'forged' } }]);
  });

  it('nothing is added to what the first has said', async () => {
    const { harness, task, approve } = await start();

    await approve(ben);
    await expect(approve(cat, { receipt: 'forged' })).rejects.toThrow('no output');
    await approve(cat);
    await task.result();

    expect(harness.platform.inputs.resolve[0]).not.toHaveProperty('output');
  });
});

it('a question that one of two changes hundreds of times is decided all the same', async () => {
  const harness = await startDesk([[pay()]], makeRule({ quorum: 2 }));
  const task = await harness.run();
  let pending = await onlyPending(task);

  // More than the 200 closed questions that a task keeps.
  for (let amount = 1; amount <= 205; amount++) {
    const args = { to: 'ben', amount };
    const token = sign(ben, pending, { name: 'approve', args });
    await workflowOf(harness, task).executeUpdate('approve', { args: [{ id: pending.id, args, token }] });
    pending = await onlyPending(task);
  }
  await task.approve({ callId: pending.id, token: sign(cat, pending, { name: 'approve' }) });

  expect((await task.result()).status).toBe('completed');
  expect(harness.platform.inputs.execute).toMatchObject([{ call: { args: { amount: 205 } } }]);
});
