import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { CompensationSchema } from '../../src/domain/schemas/outcome.ts';
import type { Script } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { cli } from '../cli/support.ts';
import { ana, MODES, startHarness, until, untilPending } from '../support/harness.ts';

type Undo = (seat: string, output: unknown) => void;

/** Seats that are booked and given back, and what happened to them. */
const makeSeats = (undo: Undo) => {
  const log: string[] = [];
  const book = defineTool({
    name: 'book',
    description: 'Book a seat',
    effect: 'write',
    input: z.object({ seat: z.string() }),
    output: z.object({ booking: z.string() }),
    effectKey: ({ seat }) => `seat:${seat}`,
    execute: ({ seat }) => {
      log.push(`book ${seat}`);
      if (seat === 'lost') throw new Error('socket hang up');
      return { booking: `b-${seat}` };
    },
    compensate: ({ seat }, output) => {
      undo(seat, output);
      log.push(`undo ${output?.booking}`);
    },
  });
  return { book, log };
};

describe.each(MODES)('a saga through the gateway ($name)', ({ maxCachedWorkflows }) => {
  const start = async (script: Script, undo: Undo = () => undefined) => {
    const { book, log } = makeSeats(undo);
    const agent = defineAgent({ name: 'clerk', instructions: 'Book.', tools: [book] });
    const harness = await startHarness({ agents: [agent], script, maxCachedWorkflows });
    const run = (spec = {}) =>
      harness.client.start({ agent: 'clerk', goal: 'book', principal: ana, ...spec }, { taskId: harness.newTaskId() });
    return { ...harness, log, run };
  };
  const book = (...seats: string[]) => ({ calls: seats.map((seat) => ({ tool: 'book', args: { seat } })) });
  const broken = { fault: { status: 401 } };

  it('undoes with what the tool returned, last first, and the seat can be booked again', async () => {
    const { log, run } = await start([book('a'), book('b'), broken]);

    expect(await (await run()).result()).toMatchObject({
      status: 'failed',
      effects: [{ status: 'compensated' }, { status: 'compensated' }],
    });
    expect(log).toEqual(['book a', 'book b', 'undo b-b', 'undo b-a']);
    await (await run()).result();
    expect(log.slice(4, 6)).toEqual(['book a', 'book b']);
  });

  it('INVARIANT E7: an unknown effect is settled by a person, with its output, and then undone', async () => {
    const { log, run } = await start([book('a', 'lost'), broken]);
    const task = await run();
    await untilPending(task);

    await task.approve({ args: { booking: 'found' } });

    expect((await task.result()).effects).toMatchObject([{ status: 'compensated' }, { status: 'compensated' }]);
    expect(log).toEqual(['book a', 'book lost', 'undo found', 'undo b-a']);
  });

  it('INVARIANT E6: what another task relies on is undone only after asking', async () => {
    const { log, run } = await start(({ step, goal }) => {
      if (step === 1) return book('a');
      return goal === 'hold the seat'
        ? { calls: [{ tool: 'ask_human', args: { question: 'Which?' } }] }
        : { text: 'done' };
    });
    const first = await run({ goal: 'hold the seat' });
    await untilPending(first);
    const second = await run({ goal: 'use the seat' });
    expect((await second.result()).status).toBe('completed');
    expect((await second.trace()).steps[0]?.calls[0]?.result?.status).toBe('replayed');

    await first.cancel();
    const pending = await until(async () => {
      const [only] = (await first.status()).pending;
      return only?.kind === 'compensation' ? only : undefined;
    }, 'undoing asks');

    expect(pending).toMatchObject({
      reasons: [{ code: 'undo_shared', message: expect.stringContaining(second.taskId) }],
    });
    await first.approve();
    expect(await first.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'compensated' }] });
    expect(log).toEqual(['book a', 'undo b-a']);
  });

  it('an undo that fails for good waits for a person', async () => {
    const { run } = await start([book('a'), broken], () => {
      throw new Error('no such booking');
    });
    const task = await run();

    const [pending] = await untilPending(task);
    expect(pending).toMatchObject({ kind: 'compensation', reasons: [{ code: 'undo_failed' }], args: { seat: 'a' } });
    await task.approve({ note: 'by phone' });

    expect((await task.result()).effects).toMatchObject([{ status: 'compensated' }]);
  });

  it('a terminated task is undone by the command line', async () => {
    const { log, run, client, model } = await start([book('a'), book('b'), { fault: 'hang' }]);
    const task = await run();
    await until(() => (model.requests.length === 3 && log.length === 2) || undefined, 'both seats are booked');
    await client.temporal.workflow.getHandle(task.taskId).terminate('by mistake');

    const { code, stdout } = await cli([
      'compensate',
      task.taskId,
      '--yes',
      '--json',
      '--address',
      inject('temporal').address,
    ]);

    expect(code).toBe(0);
    expect(CompensationSchema.parse(JSON.parse(stdout)).effects).toMatchObject([
      { callId: 's1.c1', status: 'compensated' },
      { callId: 's2.c1', status: 'compensated' },
    ]);
    expect(log).toEqual(['book a', 'book b', 'undo b-b', 'undo b-a']);
  });
});
