import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { AgentClient } from '../../src/client.ts';
import { type Script, startScriptedModel } from '../../src/testing/index.ts';
import { ana } from '../support/harness.ts';
import { migratedStore } from '../support/store.ts';
import { arm, effects, executions, isReached, type Point } from './agent.ts';
import { until, untilAsked } from './cases.ts';

describe('kills', () => {
  const start = async (script: Script, onTestFinished: (end: () => Promise<void>) => void) => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
    const { address } = inject('temporal');
    const taskQueue = `kill-${randomUUID()}`;
    const store = await migratedStore(onTestFinished);
    const model = await startScriptedModel({ script });
    const client = await AgentClient.connect({ address, taskQueue });
    let worker: ChildProcess | undefined;
    let started = 0;
    const startWorker = () => {
      started += 1;
      const main = fileURLToPath(new URL('worker-child.ts', import.meta.url));
      const bundle = inject('bundle');
      // What the first did from its memory, the next one repeats from the history at every step.
      const maxCachedWorkflows = started % 2 === 1 ? 100 : 0;
      worker = spawn(
        process.execPath,
        [main, dir, address, taskQueue, bundle, model.url, store, String(maxCachedWorkflows)],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          // Most of what a start costs is compiling; all of them compile the same.
          env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(bundle), 'compiled') },
        },
      );
    };
    const killWorker = async () => {
      const gone = new Promise((resolve) => worker?.once('exit', resolve));
      worker?.kill('SIGKILL');
      await gone;
    };
    onTestFinished(async () => {
      await killWorker();
      await client.close();
      await model.close();
      rmSync(dir, { recursive: true });
    });
    startWorker();
    const run = () => client.start({ agent: 'clerk', goal: 'work', principal: ana }, { taskId: `t-${randomUUID()}` });
    const killAt = async (point: Point) => {
      await until(() => isReached(dir, point) || undefined, `the worker is at ${point}`);
      await killWorker();
      startWorker();
    };
    return { dir, model, client, run, killAt, killWorker, startWorker };
  };

  const write = { calls: [{ tool: 'write', args: { text: 'x' } }] };
  const done = { text: 'done' };

  describe.concurrent('a worker killed with SIGKILL', { timeout: 300_000 }, () => {
    it('during the model call: the step is asked again, and nothing is lost', async ({ onTestFinished }) => {
      const { dir, model, run, killWorker, startWorker } = await start(
        [{ ...write, fault: 'hang', times: 1 }, done],
        onTestFinished,
      );
      const task = await run();
      await until(() => model.inFlight() === 1 || undefined, 'the model is asked');

      await killWorker();
      startWorker();

      expect(await task.result()).toMatchObject({ status: 'completed', usage: { steps: 2 } });
      expect(executions(dir)).toHaveLength(1);
    });

    it('after the model call: INVARIANT H2, the answer that was paid for is not asked for again', async ({
      onTestFinished,
    }) => {
      const { client, dir, model, run, killAt } = await start([write, done], onTestFinished);
      arm(dir, 'in-review');
      const task = await run();
      // A kill in the very millisecond in which the answer arrives loses it; from the heartbeat on it is safe.
      await until(() => hasHeartbeat(client, task.taskId), 'the heartbeat is stored');

      await killAt('in-review');

      expect((await task.result()).status).toBe('completed');
      expect(model.requests).toHaveLength(2);
      expect(executions(dir)).toHaveLength(1);
    });

    it('in a model call with reads before it: the reads are not repeated', async ({ onTestFinished }) => {
      const { client, dir, model, run, killWorker, startWorker } = await start(
        [{ calls: [{ tool: 'look', args: {} }] }, { ...done, fault: 'hang', times: 1 }],
        onTestFinished,
      );
      const task = await run();
      await until(
        () => (model.requests.length === 2 && model.inFlight() === 1) || undefined,
        'the model is asked again',
      );
      // The heartbeat with the reads' results has left before the model was asked; the server needs a moment to store it.
      await until(() => hasHeartbeat(client, task.taskId), 'the heartbeat is stored');

      await killWorker();
      startWorker();

      expect((await task.result()).status).toBe('completed');
      expect(executions(dir).map(({ tool }) => tool)).toEqual(['look']);
    });

    it.for(['before-effect', 'after-effect'] as const)(
      '%s of an idempotent tool: it is called again with the same key',
      async (point, { onTestFinished }) => {
        const { dir, run, killAt } = await start([write, done], onTestFinished);
        arm(dir, point);
        const task = await run();

        await killAt(point);
        const outcome = await task.result();

        expect(outcome).toMatchObject({ status: 'completed', effects: [{ callId: 's1.c1', status: 'succeeded' }] });
        expect(effects(dir, 'write')).toEqual([outcome.effects[0]?.key]);
      },
    );

    it.for([
      { point: 'before-plain', happened: false, count: 0, status: 'failed' },
      { point: 'after-plain', happened: true, count: 1, status: 'succeeded' },
    ] as const)(
      '$point of a tool that is not idempotent: INVARIANT E3, it is never called again, and a person says',
      async ({ point, happened, count, status }, { onTestFinished }) => {
        const { dir, run, killAt } = await start([{ calls: [{ tool: 'plain', args: {} }] }, done], onTestFinished);
        arm(dir, point);
        const task = await run();

        await killAt(point);
        const [pending] = await untilAsked(task, 1);
        expect(pending).toMatchObject({ kind: 'effect', tool: 'plain', may: ['approve', 'deny'] });
        await (happened ? task.approve({ note: 'seen in the log' }) : task.deny());

        expect(await task.result()).toMatchObject({ status: 'completed', effects: [{ tool: 'plain', status }] });
        expect(effects(dir, 'plain')).toHaveLength(count);
      },
    );

    it.for(['before-undo', 'after-undo'] as const)(
      '%s: INVARIANT E7, the undoing goes on where it was, in reverse order, under one key for each effect',
      async (point, { onTestFinished }) => {
        const book = (seat: string) => ({ calls: [{ tool: 'book', args: { seat } }] });
        const { dir, run, killAt } = await start(
          [book('a'), book('b'), book('c'), { fault: { status: 401 } }],
          onTestFinished,
        );
        arm(dir, point);
        const task = await run();

        await killAt(point);
        const outcome = await task.result();

        expect(outcome).toMatchObject({
          status: 'failed',
          effects: ['s1.c1', 's2.c1', 's3.c1'].map((callId) => ({ callId, status: 'compensated' })),
        });
        const undone = executions(dir).flatMap(({ tool }) => (tool.startsWith('give back') ? [tool.at(-1)] : []));
        expect([...new Set(undone)]).toEqual(['c', 'b', 'a']);
        for (const seat of ['a', 'b', 'c']) expect(effects(dir, `give back ${seat}`)).toHaveLength(1);
      },
    );

    it('while a person is waited for: the decision is taken by the next worker', async ({ onTestFinished }) => {
      const { client, dir, run, killAt, killWorker, startWorker } = await start(
        [{ calls: [{ tool: 'plain', args: {} }] }, done],
        onTestFinished,
      );
      arm(dir, 'after-plain');
      const task = await run();
      await killAt('after-plain');
      await untilAsked(task, 1);
      await killWorker();

      await client.temporal.workflow.getHandle(task.taskId).signal('approve');
      startWorker();

      expect((await task.result()).status).toBe('completed');
      expect(effects(dir, 'plain')).toHaveLength(1);
    });
  });
});

const hasHeartbeat = async ({ temporal }: AgentClient, taskId: string): Promise<true | undefined> => {
  const { raw } = await temporal.workflow.getHandle(taskId).describe();
  return (raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.length ?? 0) > 0 || undefined;
};
