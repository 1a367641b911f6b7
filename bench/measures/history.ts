import type { Bench, Side } from '../support/bench.ts';
import type { Row } from '../support/report.ts';

const LENGTHS = [50, 100, 200] as const;
const SIDES = ['holdfast', 'minimal'] as const satisfies readonly Side[];
const PAGE = 200;

type Page = { readonly items: readonly unknown[] };

/** Bytes of the transcript as JSON: what a task has to remember at least. */
const transcriptBytes = async (bench: Bench, taskId: string): Promise<number> => {
  let bytes = 0;
  for (let from = 0; ; ) {
    const { items } = await bench.client.workflow
      .getHandle(taskId)
      .query<Page, [unknown]>('transcript', { from, to: from + PAGE });
    if (items.length === 0) return bytes;
    bytes += items.reduce<number>((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);
    from += items.length;
  }
};

/** Bytes of event history, as the server counts them, over the length of a task with results of 1 KB. */
export const measureHistory = async (bench: Bench): Promise<Row[]> => {
  const rows: Row[] = [];
  const sizes: Record<Side, number[]> = { holdfast: [], minimal: [] };
  let transcript = Number.NaN;
  for (const side of SIDES) {
    const taskQueue = `${side}-history`;
    const worker = await bench.startWorker(side, taskQueue);
    const tasks = await Promise.all(
      LENGTHS.map((steps) =>
        bench.startTask(side, taskQueue, { id: `${side}-history-${steps}`, tool: 'read', steps, bytes: 1_024 }),
      ),
    );
    for (const task of tasks) {
      await task.done();
      sizes[side].push((await task.history()).bytes);
    }
    if (side === 'holdfast') transcript = await transcriptBytes(bench, `${side}-history-${LENGTHS[2]}`);
    await worker.kill();
  }
  for (const [at, steps] of LENGTHS.entries()) {
    rows.push({
      name: `  bytes of history, ${steps} steps`,
      unit: '',
      holdfast: sizes.holdfast[at] ?? Number.NaN,
      minimal: sizes.minimal[at] ?? Number.NaN,
    });
  }
  /** How much more the second hundred of steps costs than a hundred at the rate of the first fifty: 1 is a line. */
  const growth = ([fifty = Number.NaN, hundred = Number.NaN, two = Number.NaN]: readonly number[]): number =>
    (two - hundred) / 2 / (hundred - fifty);
  return [
    {
      name: '5 history / transcript, 200 steps',
      unit: '×',
      holdfast: (sizes.holdfast[2] ?? Number.NaN) / transcript,
      target: { of: 'holdfast', atMost: 2.5 },
      note: `transcript ${transcript.toLocaleString('en-US')} bytes`,
    },
    {
      name: '5 growth of a step’s bytes, steps 100–200 to 50–100',
      unit: '×',
      holdfast: growth(sizes.holdfast),
      minimal: growth(sizes.minimal),
      target: { of: 'holdfast', atMost: 1.05 },
      note: '1 is a line',
    },
    ...rows,
  ];
};
