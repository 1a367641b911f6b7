import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../support/bench.ts';
import { median, type Row } from '../support/report.ts';

const STEPS = 5;
const KILL_AT = 3;
const ROUNDS = 3;
/** Time for the heartbeat with the reads' results to leave. */
const SETTLE_MS = 500;

type Recovery = { readonly seconds: number; readonly runs: number; readonly keys: number };

/** Kills a worker in the middle of a step and starts another one at once. Time counts until the first request of the step after it. */
const recover = async (bench: Bench, where: 'model' | 'tool', round: number): Promise<Recovery> => {
  const id = `kill-${where}-${round}`;
  const runsFile = join(bench.folder, id);
  writeFileSync(runsFile, '');
  const extra = { heartbeatTimeout: '2s', stickyTimeout: '1s', runsFile } as const;
  const worker = await bench.startWorker('holdfast', id, extra);
  const hanging = where === 'tool' ? worker.next('hanging') : bench.untilRequest(id, KILL_AT);
  const task = await bench.startTask('holdfast', id, {
    id,
    tool: where === 'tool' ? 'write' : 'read',
    steps: STEPS,
    bytes: 1_024,
    hang: { step: KILL_AT, where },
  });
  await hanging;
  await sleep(SETTLE_MS);
  const killedAt = performance.timeOrigin + performance.now();
  await worker.kill();
  const next = bench.spawnWorker('holdfast', id, extra);
  const { at } = await bench.untilRequest(id, KILL_AT + 1);
  await task.done();
  await next.kill();
  const keys = readFileSync(runsFile, 'utf8').trim().split('\n');
  return { seconds: (at - killedAt) / 1_000, runs: keys.length, keys: new Set(keys).size };
};

/** SIGKILL in a step, with the settings of `holdfast dev`. */
export const measureKill = async (bench: Bench): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const where of ['model', 'tool'] as const) {
    const recoveries: Recovery[] = [];
    for (let round = 0; round < ROUNDS; round++) recoveries.push(await recover(bench, where, round));
    const seconds = recoveries.map((each) => each.seconds);
    const what = where === 'model' ? 'the model call' : 'an idempotent tool';
    rows.push(
      {
        name: `7 SIGKILL in ${what}, to the next step`,
        unit: 's',
        holdfast: median(seconds),
        target: { of: 'holdfast', atMost: 6 },
        note: `slowest ${Math.max(...seconds).toFixed(1)} s`,
      },
      {
        name: `7   keys of ${STEPS} ${where === 'model' ? 'reads' : 'effects'} that are not exactly ${STEPS}`,
        unit: '',
        holdfast: Math.max(...recoveries.map(({ keys }) => Math.abs(keys - STEPS))),
        target: { of: 'holdfast', atMost: 0 },
        note: `runs repeated with the same key: ${recoveries.map(({ runs, keys }) => runs - keys).join(', ')}`,
      },
    );
  }
  return rows;
};
