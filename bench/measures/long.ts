import type { Bench } from '../support/bench.ts';
import type { Row } from '../support/report.ts';

const STEPS = 500;
const RESULT_BYTES = 4_096;
const LOSE_AT = 250;
const UNCACHED_FROM = 485;

/** How a long task's worker is treated. */
type Mode = { readonly name: string; readonly loseAt?: number; readonly maxCachedAfter?: number };

const MODES: readonly Mode[] = [
  { name: 'as they come' },
  { name: `worker killed at step ${LOSE_AT}`, loseAt: LOSE_AT },
  // Every step replays the whole task: 500 such steps would take the time of the whole bench.
  { name: `nothing cached from step ${UNCACHED_FROM} on`, loseAt: UNCACHED_FROM, maxCachedAfter: 0 },
];

/** Runs one long task; at `loseAt` its worker is killed and another one started. */
const runLong = async (
  bench: Bench,
  id: string,
  { loseAt, maxCachedAfter }: Mode,
): Promise<{ seconds: number; repeated: number }> => {
  const extra = { heartbeatTimeout: '2s', stickyTimeout: '1s' } as const;
  const worker = await bench.startWorker('holdfast', id, extra);
  const startedAt = performance.now();
  const task = await bench.startTask('holdfast', id, { id, tool: 'read', steps: STEPS, bytes: RESULT_BYTES });
  if (loseAt !== undefined) {
    await bench.untilRequest(id, loseAt);
    await worker.kill();
    await bench.startWorker('holdfast', id, {
      ...extra,
      ...(maxCachedAfter === undefined ? {} : { maxCachedWorkflows: maxCachedAfter }),
    });
  }
  await task.done();
  const seconds = (performance.now() - startedAt) / 1_000;
  const requests = bench.requests(id);
  if (new Set(requests.map(({ step }) => step)).size !== STEPS + 1) throw new Error(`${id}: steps are missing`);
  return { seconds, repeated: requests.length - STEPS - 1 };
};

/** 500 steps with results of 4 KB, also when all that workers had in memory is lost. The target is that they complete. */
export const measureLong = (bench: Bench): Promise<Row[]> =>
  Promise.all(
    MODES.map(async (mode, at): Promise<Row> => {
      const { seconds, repeated } = await runLong(bench, `long-${at}`, mode);
      return {
        name: `6 500 steps × 4 KB, ${mode.name}`,
        unit: 's',
        holdfast: seconds,
        target: 'completes',
        note: `${repeated} model calls repeated; all three at the same time`,
      };
    }),
  );
