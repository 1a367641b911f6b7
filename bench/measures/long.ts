import type { Bench } from '../support/bench.ts';
import type { Row } from '../support/report.ts';

const STEPS = 500;
const RESULT_BYTES = 4_096;
const LOSE_AT = 250;

/** Runs one long task; at `loseAt` its worker is killed and started again. @returns seconds it took */
const runLong = async (bench: Bench, mode: string, options: { readonly maxCachedWorkflows?: number; readonly loseAt?: number }): Promise<{ seconds: number; repeated: number }> => {
  const { loseAt, ...settings } = options;
  const taskQueue = `long-${mode}`;
  const id = `long-${mode}`;
  const extra = { heartbeatTimeout: '2s', stickyTimeout: '1s', ...settings } as const;
  let worker = await bench.startWorker('holdfast', taskQueue, extra);
  const startedAt = performance.now();
  const task = await bench.startTask('holdfast', taskQueue, { id, tool: 'read', steps: STEPS, bytes: RESULT_BYTES });
  if (loseAt !== undefined) {
    await bench.untilRequest(id, loseAt);
    await worker.kill();
    worker = await bench.startWorker('holdfast', taskQueue, extra);
  }
  await task.done();
  await worker.kill();
  const requests = bench.requests(id);
  if (new Set(requests.map(({ step }) => step)).size !== STEPS + 1) throw new Error(`${id}: steps are missing`);
  return { seconds: (performance.now() - startedAt) / 1_000, repeated: requests.length - STEPS - 1 };
};

/** 500 steps with results of 4 KB, as they come; with all caches lost in the middle; and without a cache of workflows at all. */
export const measureLong = async (bench: Bench): Promise<Row[]> => {
  const modes = [
    { name: 'kept', options: {} },
    { name: 'worker killed at step 250', options: { loseAt: LOSE_AT } },
    { name: 'no workflow cached', options: { maxCachedWorkflows: 0 } },
  ];
  return Promise.all(
    modes.map(async ({ name, options }, at): Promise<Row> => {
      const row = { name: `6 500 steps × 4 KB, ${name}`, unit: 's', target: { of: 'holdfast', atMost: Number.MAX_SAFE_INTEGER } } as const;
      const { seconds, repeated } = await runLong(bench, String(at), options);
      return { ...row, holdfast: seconds, note: `${repeated} model calls repeated; the three modes run at the same time` };
    }),
  );
};
