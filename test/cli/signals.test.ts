import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import type { TaskHandle } from '../../src/client.ts';
import { ShowSchema } from '../../src/domain/schemas/list.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';
import { cli } from './support.ts';

const pay = withApproval(
  defineTool({
    name: 'pay',
    description: 'Pays',
    effect: 'write',
    input: z.object({ amount: z.number().max(100) }),
    execute: () => 'paid',
  }),
  { requireConfirmation: true },
);

const ESCAPE = '\u001B[2J';

/** A task with one call that asks, and whatever is sent to it as signals. */
const start = async () => {
  const harness = await startHarness({
    agents: [defineAgent({ name: 'clerk', instructions: 'Pay.', tools: [pay] })],
    script: [{ calls: [{ tool: 'pay', args: { amount: 1 } }] }, { text: 'done' }],
    config: { approvals: { rules: [{ name: 'all', scopes: ['once', 'values', 'tool'] }] } },
  });
  const task = await harness.client.start(
    { agent: 'clerk', goal: 'pay', principal: ana },
    { taskId: harness.newTaskId() },
  );
  const [pending] = await untilPending(task);
  if (pending === undefined) throw new Error('nothing is pending');
  const workflow = harness.client.temporal.workflow.getHandle(task.taskId);
  const at = ['--address', inject('temporal').address];
  return {
    ...harness,
    task,
    pending,
    signal: async (name: string, ...args: unknown[]) => await workflow.signal(name, ...args),
    /** What the task itself says it ignored; needs its worker. */
    ofTask: async () => {
      const { events } = await workflow.query<{ events: { type: string; detail: unknown }[] }>('trace');
      return events.flatMap(({ type, detail }) => (type === 'ignored' ? [detail] : []));
    },
    hf: async (...args: string[]) => await cli([...args, ...at]),
  };
};

const ofHistory = async (task: TaskHandle): Promise<readonly unknown[]> =>
  (await task.trace()).events.flatMap(({ type, detail }) => (type === 'ignored' ? [detail] : []));

/** Of signals that are heard at once, those that are judged in a moment come first. */
const sorted = (told: readonly unknown[]): readonly string[] => told.map((each) => JSON.stringify(each)).toSorted();

describe('signals that changed nothing', { timeout: 90_000 }, () => {
  it('are told from history alone, each in the words of the task', async () => {
    const { task, pending, signal, ofTask } = await start();
    const wire = `approve ${pending.id.replace('-', ' ')}`;

    await signal('approve', 'yes');
    await signal('approve', { callId: 's9.c9' });
    await signal('approve', { verdict: `no${ESCAPE}` });
    await signal('approve s9.c9 aaaa');
    await signal('answer', { text: 'what?' });
    await signal(wire, { scope: 'everything' });
    await signal(wire, { scope: 'values', same: ['/nothing'] });
    await signal('deny', { args: { amount: 2 } });
    await signal('resume');
    await signal('pause', 7);
    await signal('pause', { reason: 'lunch' });
    await signal('pause');
    await signal('revoke', { id: 's1.c1-ffff' });
    await signal('resume', { guidance: 'go on' });
    await signal(`hello${'!'.repeat(300)}`);
    await until(async () => (await ofTask()).length === 13 || undefined, 'all were heard');
    await signal(wire, { args: { amount: 1_000 } });
    await until(async () => (await ofTask()).length === 14 || undefined, 'the edit was checked');

    expect(sorted(await ofHistory(task))).toEqual(sorted(await ofTask()));

    // Of two that come together one counts, and the other one is late.
    await Promise.all([signal('approve', { by: 'ben' }), signal(wire, { by: 'eva' })]);
    await task.result();
    expect(sorted(await ofHistory(task))).toEqual(sorted(await ofTask()));
    expect(await ofHistory(task)).toHaveLength(15);
  });

  it('stand in trace and show, and no control character of them reaches a terminal', async () => {
    const { task, signal, ofTask, stopWorker, hf } = await start();
    await signal('approve', { [`x${ESCAPE}`]: 1 });
    await until(async () => (await ofTask()).length === 1 || undefined, 'it was heard');
    await stopWorker();

    const [trace, show, json] = [
      await hf('trace', task.taskId),
      await hf('show', task.taskId),
      await hf('show', task.taskId, '--json'),
    ];

    for (const { stdout } of [trace, show]) {
      expect(stdout).toMatch(/ignored +approve changed nothing: unknown field "x.*allowed: callId, id/);
      expect(stdout).not.toContain('\u001B');
    }
    expect(ShowSchema.parse(JSON.parse(json.stdout)).events).toMatchObject([
      { type: 'ignored', detail: { message: 'approve' } },
    ]);
  });
});
