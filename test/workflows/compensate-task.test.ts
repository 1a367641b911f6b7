import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { TaskListSchema } from '../../src/domain/schemas/list.ts';
import { CompensationSchema } from '../../src/domain/schemas/outcome.ts';
import { compensationId } from '../../src/domain/task.ts';
import { cli } from '../cli/support.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { effect, type FakeHarness, type FakeOptions, startFakes } from './fakes.ts';

const undone = ({ platform }: FakeHarness) => platform.log.filter((what) => what.startsWith('compensate'));
const hf = (...args: string[]) => cli([...args, '--address', inject('temporal').address]);

/** Two effects, and then a question that nobody answers. */
const waiting: FakeOptions['steps'] = (step) =>
  step <= 2 ? { calls: [effect(`write${step}`)] } : { calls: [effect('pay', { asks: true })] };

describe.each(MODES)('an ended task that could not undo what it did ($name)', ({ maxCachedWorkflows }) => {
  const startTerminated = async (options: Partial<FakeOptions> = {}) => {
    const harness = await startFakes({ maxCachedWorkflows, steps: waiting, ...options });
    const task = await harness.run();
    await untilPending(task);
    await harness.client.temporal.workflow.getHandle(task.taskId).terminate('by mistake');
    return { ...harness, task };
  };

  it('terminated: it is undone from its history, in reverse order, and once more harmlessly', async () => {
    const harness = await startTerminated();
    const { task } = harness;

    const first = await hf('compensate', task.taskId, '--yes', '--json');
    const second = await hf('compensate', task.taskId, '--yes', '--json');

    expect(first).toMatchObject({ code: 0 });
    expect(CompensationSchema.parse(JSON.parse(first.stdout))).toMatchObject({
      taskId: task.taskId,
      status: 'completed',
      effects: [
        { callId: 's1.c1', status: 'compensated' },
        { callId: 's2.c1', status: 'compensated' },
      ],
    });
    expect(second).toMatchObject({ code: 0 });
    expect(undone(harness).slice(0, 2)).toEqual(['compensate s2.c1', 'compensate s1.c1']);
    const [last] = harness.platform.inputs.compensate;
    expect(last).toMatchObject({ context: { taskId: task.taskId }, key: expect.stringContaining(`${task.taskId}/`) });
    expect((await task.result()).effects).toMatchObject([{ callId: 's1.c1' }, { callId: 's2.c1' }]);
  });

  it('is listed under a status that no workflow could write any more', async () => {
    const { task } = await startTerminated();

    const listed = await until(async () => {
      const { stdout } = await hf('list', '--status', 'terminated', '--all', '--json');
      return TaskListSchema.parse(JSON.parse(stdout)).tasks.find(({ taskId }) => taskId === task.taskId);
    }, 'it is listed as terminated');

    expect(listed).toMatchObject({ status: 'terminated', pending: [] });
  });

  it('asks people through the inbox, under an id of its own', async () => {
    const harness = await startTerminated({
      compensate: ({ call }) =>
        call.id === 's2.c1' ? { status: 'failed', message: 'no such order' } : { status: 'compensated' },
    });
    const { task, client } = harness;
    const undoing = client.handle(compensationId(task.taskId));

    const run = hf('compensate', task.taskId, '--yes', '--json');
    const pending = await until(async () => {
      const all = await client.inbox({ waitingFor: 'compensation' });
      return all.find(({ taskId }) => taskId === undoing.taskId);
    }, 'it is in the inbox');
    expect(pending).toMatchObject({ kind: 'compensation', taskId: undoing.taskId, callId: 's2.c1' });
    await undoing.deny({ reason: 'leave it' });

    const { code, stdout } = await run;
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'failed',
      effects: [{ status: 'compensated' }, { status: 'compensation_failed' }],
    });
    expect((await undoing.trace()).events.some(({ type }) => type === 'compensation')).toBe(true);
  });

  it('completed and regretted: it is undone, too; a running one is refused, and nothing is done without a word', async () => {
    const completed = await startFakes({
      maxCachedWorkflows,
      steps: (step) => (step === 1 ? { calls: [effect('write1')] } : { text: 'done' }),
    });
    const running = await startFakes({ maxCachedWorkflows, steps: waiting });
    const [done, task] = [await completed.run(), await running.run()];
    await done.result();
    await untilPending(task);

    const refused = await hf('compensate', task.taskId, '--yes', '--json');
    const unasked = await hf('compensate', done.taskId);
    const undo = await hf('compensate', done.taskId, '--yes');

    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { type: 'Task.Running', help: expect.stringContaining('cancel') },
    });
    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') });
    expect(undo).toMatchObject({ code: 0, stdout: expect.stringContaining('compensated') });
    expect(undone(completed)).toEqual(['compensate s1.c1']);
    await task.cancel();
    expect((await task.result()).effects).toMatchObject([{ status: 'compensated' }, { status: 'compensated' }]);
  });
});

describe('a saga over several runs', () => {
  // Continue-as-new is suggested by the server; this one does so early.
  let server: Awaited<ReturnType<typeof startSpecialServer>>;
  beforeAll(async () => {
    server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '40' });
  });
  afterAll(() => server.stop());

  it.each(MODES)('is carried over, also in the middle of the undoing ($name)', async ({ maxCachedWorkflows }) => {
    const effects = 12;
    const harness = await startFakes({
      maxCachedWorkflows,
      address: server.address,
      admission: { onFailure: 'ask' },
      steps: (step) =>
        step === 1
          ? { calls: [effect('pay', { asks: true })] }
          : step <= effects + 1
            ? { calls: [effect('write', { args: { step } })] }
            : { fail: 'no more' },
    });
    const task = await harness.run();
    await untilPending(task);
    await task.deny({ reason: 'no' });
    await until(async () => (await task.status()).pending[0]?.kind === 'compensation' || undefined, 'it asks');
    const { runId } = await task.status();

    await task.approve();
    const outcome = await task.result();
    const trace = await task.trace();

    expect(outcome).toMatchObject({ status: 'failed', denied: [{ callId: 's1.c1' }] });
    expect(outcome.runId).not.toBe(runId);
    expect(outcome.effects.map(({ status }) => status)).toEqual(Array.from({ length: effects }, () => 'compensated'));
    expect(undone(harness)).toEqual(
      Array.from({ length: effects }, (_, index) => `compensate s${effects + 1 - index}.c1`),
    );
    expect(
      trace.steps.flatMap(({ calls }) => calls).filter(({ compensation }) => compensation?.status === 'compensated'),
    ).toHaveLength(effects);
  });
});
