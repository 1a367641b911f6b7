import { fileURLToPath } from 'node:url';
import type { Bench, Side } from '../support/bench.ts';
import { residentBytes } from '../support/processes.ts';
import { pairedRow, type Row } from '../support/report.ts';

const TASKS = 200;
const FEW = 25;
const AT_ONCE = 25;

const PROBE = ['--expose-gc', '--import', fileURLToPath(new URL('../heap-probe.ts', import.meta.url))];

type Sizes = { readonly heap: number; readonly resident: number };

/** Bytes for each further workflow that a fresh worker keeps while it waits for a person, after one step. */
const measureParked = async (bench: Bench, side: Side, round: number): Promise<Sizes> => {
  const taskQueue = `${side}-memory-${round}`;
  const worker = await bench.startWorker(side, taskQueue, { maxCachedWorkflows: 2 * TASKS, execArgv: PROBE });
  const idOf = (n: number): string => `${taskQueue}-${n}`;
  /** A task asks the model once and then waits for a person; whether its request is in, shows that it got that far. */
  const park = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += AT_ONCE) {
      const ids = Array.from({ length: Math.min(AT_ONCE, to - n) }, (_, k) => idOf(n + k));
      await Promise.all(
        ids.map((id) => bench.startTask(side, taskQueue, { id, tool: 'park', steps: 1, bytes: 1_024 })),
      );
      await Promise.all(ids.map((id) => bench.untilRequest(id, 1)));
    }
  };
  const weigh = async (): Promise<Sizes> => {
    const answer = worker.next('heap');
    worker.send('heap');
    const report = await answer;
    return { heap: report.kind === 'heap' ? report.used : Number.NaN, resident: residentBytes(worker.pid) };
  };
  await park(0, FEW);
  const before = await weigh();
  await park(FEW, FEW + TASKS);
  const after = await weigh();
  await worker.kill();
  return { heap: (after.heap - before.heap) / TASKS, resident: (after.resident - before.resident) / TASKS };
};

/** Memory of cached workflows, each side twice and in both orders. */
export const measureMemory = async (bench: Bench): Promise<Row[]> => {
  const first = {
    minimal: await measureParked(bench, 'minimal', 0),
    holdfast: await measureParked(bench, 'holdfast', 0),
  };
  const second = {
    holdfast: await measureParked(bench, 'holdfast', 1),
    minimal: await measureParked(bench, 'minimal', 1),
  };
  const rounds = [first, second];
  const pick = (read: (sizes: Sizes) => number) =>
    rounds.map(({ holdfast, minimal }) => ({ holdfast: read(holdfast) / 1_024, minimal: read(minimal) / 1_024 }));
  return [
    pairedRow(
      {
        name: '9 live heap of a cached waiting workflow',
        unit: 'KB',
        target: { of: 'ratio', atMost: 1.3 },
        note: `${TASKS} each, all threads, garbage collected`,
      },
      pick(({ heap }) => heap),
    ),
    pairedRow(
      { name: '  the same as resident memory', unit: 'KB', note: 'garbage included' },
      pick(({ resident }) => resident),
    ),
  ];
};
