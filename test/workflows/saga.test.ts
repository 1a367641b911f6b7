import { Context } from '@temporalio/activity';
import { describe, expect, it } from 'vitest';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { effect, type FakeOptions, type FakeStep, startFakes } from './fakes.ts';

/** Two effects, one after the other, and then this. */
const twoThen =
  (last: FakeStep) =>
  (step: number): FakeStep =>
    step <= 2 ? { calls: [effect(`write${step}`)] } : last;

const failing = twoThen({ fail: 'no more' });
const undone = (log: readonly string[]) => log.filter((what) => what.startsWith('compensate'));

/** Something that a test lets happen. */
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
};

describe.each(MODES)('undoing what a task did ($name)', ({ maxCachedWorkflows }) => {
  const start = (options: FakeOptions) => startFakes({ maxCachedWorkflows, ...options });

  describe('INVARIANT E7: compensation', () => {
    it('undoes in reverse order when the task fails, each effect under its own key, and records it', async () => {
      const { platform, run } = await start({ steps: failing });

      const task = await run();
      const outcome = await task.result();
      const trace = await task.trace();

      expect(outcome).toMatchObject({
        status: 'failed',
        effects: [
          { callId: 's1.c1', status: 'compensated' },
          { callId: 's2.c1', status: 'compensated' },
        ],
      });
      expect(undone(platform.log)).toEqual(['compensate s2.c1', 'compensate s1.c1']);
      expect(platform.inputs.compensate.map(({ key }) => key)).toEqual(
        outcome.effects.map(({ key }) => key).toReversed(),
      );
      expect(trace.steps[0]?.calls[0]).toMatchObject({ compensation: { status: 'compensated' } });
      expect(trace.events.filter(({ type }) => type === 'compensation')).toHaveLength(2);
    });

    it('undoes at a limit', async () => {
      const { platform, run } = await start({ steps: failing, limits: { steps: 2 } });

      const outcome = await (await run()).result();

      expect(outcome).toMatchObject({
        status: 'limit',
        effects: [{ status: 'compensated' }, { status: 'compensated' }],
      });
      expect(undone(platform.log)).toEqual(['compensate s2.c1', 'compensate s1.c1']);
    });

    it('undoes nothing of a task that completes, keeps all where the task says so, and leaves what has no undo', async () => {
      const completed = await start({ steps: twoThen({ text: 'done' }) });
      const kept = await start({ steps: failing, admission: { onFailure: 'keep' } });
      const plain = await start({
        steps: (step) =>
          step === 1 ? { calls: [effect('a', { isCompensable: false }), effect('b')] } : { fail: 'no more' },
      });

      expect((await (await completed.run()).result()).effects).toMatchObject([
        { status: 'succeeded' },
        { status: 'succeeded' },
      ]);
      expect((await (await kept.run()).result()).effects).toMatchObject([
        { status: 'succeeded' },
        { status: 'succeeded' },
      ]);
      expect((await (await plain.run()).result()).effects).toMatchObject([
        { status: 'succeeded' },
        { status: 'compensated' },
      ]);
      expect([...undone(completed.platform.log), ...undone(kept.platform.log)]).toEqual([]);
      expect(undone(plain.platform.log)).toEqual(['compensate s1.c2']);
    });

    it('registers the undo before the effect: one that was cut off by a cancellation is undone, too', async () => {
      const { opened, open } = gate();
      const { platform, run } = await start({
        steps: twoThen({ text: 'done' }),
        execute: async ({ call }) => {
          if (call.id === 's2.c1') await opened;
          return call.id === 's2.c1' ? { status: 'unknown', output: 'cut off' } : {};
        },
        compensate: ({ call }) => ({ status: call.id === 's2.c1' ? 'nothing' : 'compensated' }),
      });
      const task = await run();
      await until(() => platform.log.includes('execute s2.c1') || undefined, 'the effect runs');

      await task.cancel();
      open();

      expect(await task.result()).toMatchObject({
        status: 'cancelled',
        effects: [
          { callId: 's1.c1', status: 'compensated' },
          { callId: 's2.c1', status: 'failed' },
        ],
      });
      expect(undone(platform.log)).toEqual(['compensate s2.c1', 'compensate s1.c1']);
    });

    it('is not interrupted by a cancellation, and shows that it is under way', async () => {
      const { opened, open } = gate();
      const { platform, run } = await start({
        steps: failing,
        compensate: async ({ call }) => {
          if (call.id === 's2.c1') await opened;
          return { status: 'compensated' };
        },
      });
      const task = await run();
      await until(() => platform.log.includes('compensate s2.c1') || undefined, 'undoing began');
      await until(async () => (await task.status()).status === 'compensating' || undefined, 'the status is found');

      await task.cancel();
      await expect(task.pause()).rejects.toThrow('being undone');
      open();

      expect(await task.result()).toMatchObject({
        status: 'failed',
        effects: [{ status: 'compensated' }, { status: 'compensated' }],
      });
    });

    it('is tried again while it fails, and goes on with the next worker where one went away', async () => {
      const { platform, run, startWorker, stopWorker } = await start({
        steps: failing,
        compensate: async ({ call }, times) => {
          if (call.id === 's2.c1' && times === 1) throw new Error('the store is away');
          if (call.id === 's1.c1' && times === 1) await Context.current().cancelled;
          return { status: 'compensated' };
        },
      });
      const task = await run();
      await until(() => platform.log.includes('compensate s1.c1') || undefined, 'the second one is undone');

      await stopWorker();
      await startWorker();

      expect(await task.result()).toMatchObject({ effects: [{ status: 'compensated' }, { status: 'compensated' }] });
      expect(undone(platform.log)).toEqual([
        'compensate s2.c1',
        'compensate s2.c1',
        'compensate s1.c1',
        'compensate s1.c1',
      ]);
    });
  });

  describe('a person decides', () => {
    it('whether to undo at all where the task says "ask"', async () => {
      const yes = await start({ steps: failing, admission: { onFailure: 'ask' } });
      const no = await start({ steps: failing, admission: { onFailure: 'ask' } });
      const [undo, keep] = [await yes.run(), await no.run()];

      const [pending] = await untilPending(undo);
      expect(pending).toMatchObject({
        kind: 'compensation',
        callId: 'task',
        args: { effects: ['s2.c1 write2 {}', 's1.c1 write1 {}'] },
        reasons: [{ code: 'undo_task', message: expect.stringContaining('failed') }],
        may: ['approve', 'deny'],
      });
      await undo.approve();
      await untilPending(keep);
      await keep.deny();

      expect((await undo.result()).effects).toMatchObject([{ status: 'compensated' }, { status: 'compensated' }]);
      expect(await keep.result()).toMatchObject({
        status: 'failed',
        effects: [{ status: 'succeeded' }, { status: 'succeeded' }],
      });
      expect(undone(no.platform.log)).toEqual([]);
    });

    it('what became of an undo that failed for good: done by hand, or left', async () => {
      const { run } = await start({
        steps: failing,
        compensate: () => ({ status: 'failed', message: 'no such order' }),
      });
      const task = await run();

      const [first] = await untilPending(task);
      expect(first).toMatchObject({
        kind: 'compensation',
        callId: 's2.c1',
        reasons: [{ code: 'undo_failed', message: 'no such order' }],
      });
      await task.approve({ note: 'cancelled by phone' });
      await untilPending(task);
      await task.deny({ reason: 'too late' });
      const outcome = await task.result();
      const trace = await task.trace();

      expect(outcome.effects).toMatchObject([{ status: 'compensation_failed' }, { status: 'compensated' }]);
      expect(trace.steps[1]?.calls[0]?.compensation).toMatchObject({
        status: 'compensated',
        message: expect.stringContaining('by hand'),
      });
      expect(trace.steps[0]?.calls[0]?.compensation).toEqual({
        status: 'compensation_failed',
        message: 'no such order',
      });
    });

    it('INVARIANT E6: whether what others rely on is undone all the same', async () => {
      const { platform, run } = await start({
        steps: failing,
        compensate: ({ isForced }) =>
          isForced === true ? { status: 'compensated' } : { status: 'shared', message: 't2 relies on it' },
      });
      const task = await run();

      const [pending] = await untilPending(task);
      expect(pending).toMatchObject({
        kind: 'compensation',
        reasons: [{ code: 'undo_shared', message: 't2 relies on it' }],
      });
      await task.approve();
      await untilPending(task);
      await task.deny();

      expect((await task.result()).effects).toMatchObject([{ status: 'succeeded' }, { status: 'compensated' }]);
      expect(platform.inputs.compensate.map(({ isForced }) => isForced ?? false)).toEqual([false, true, false]);
    });

    it('INVARIANT E7: whether an unknown effect happened, with its output, before it is undone', async () => {
      const { platform, run } = await start({
        steps: failing,
        compensate: ({ call }, times) =>
          call.id === 's2.c1' && times === 1
            ? { status: 'unknown', message: 'socket hang up' }
            : { status: 'compensated' },
      });
      const task = await run();

      const [pending] = await untilPending(task);
      expect(pending).toMatchObject({ kind: 'effect', callId: 's2.c1', may: ['approve', 'deny'] });
      await task.approve({ args: { refundId: 'r1' }, by: 'ben' });
      await task.result();

      expect(platform.inputs.resolve).toMatchObject([
        {
          happened: true,
          output: { refundId: 'r1' },
          human: { decision: 'approved', by: 'ben' },
          call: { id: 's2.c1' },
        },
      ]);
      expect(platform.log.slice(-4)).toEqual([
        'compensate s2.c1',
        'resolve s2.c1',
        'compensate s2.c1',
        'compensate s1.c1',
      ]);
    });

    it('takes questions of the ended task off the desk before anything is undone', async () => {
      const { platform, run } = await start({
        steps: (step) => (step === 1 ? { calls: [effect('write1')] } : { calls: [effect('write2', { asks: true })] }),
        compensate: (_, times) => (times === 1 ? { status: 'failed', message: 'broken' } : { status: 'compensated' }),
      });
      const task = await run();
      await untilPending(task);

      await task.cancel();
      await until(async () => (await task.status()).pending[0]?.kind === 'compensation' || undefined, 'undoing asks');

      expect((await task.status()).pending).toHaveLength(1);
      await task.approve();
      expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'compensated' }] });
      expect(undone(platform.log)).toEqual(['compensate s1.c1']);
    });
  });
});
