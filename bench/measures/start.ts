import { readFile, stat } from 'node:fs/promises';
import type { Bench } from '../support/bench.ts';
import { findBuild } from '../support/bench.ts';
import { median, type Row } from '../support/report.ts';

const ROUNDS = 5;

/** Where a module of a bundle came from. */
const bundledSources = (code: string): readonly string[] => {
  const encoded = /sourceMappingURL=data:[^,]*base64,([A-Za-z0-9+/=]+)/.exec(code)?.[1];
  if (encoded === undefined) throw new Error('the workflow bundle has no source map in it');
  return (JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as { sources: string[] }).sources;
};

/** Milliseconds from the start of a worker's process until it was given the first workflow task, which waited for it. */
const startOnce = async (
  bench: Bench,
  taskQueue: string,
  side: 'holdfast' | 'minimal',
  build?: string,
): Promise<number> => {
  const task = await bench.startTask(side, taskQueue, { id: taskQueue, tool: 'read', steps: 1, bytes: 100 });
  const worker = bench.spawnWorker(side, taskQueue, build === undefined ? {} : { built: true, bundle: build });
  await task.done();
  const { events } = await bench.client.workflow.getHandle(taskQueue).fetchHistory();
  const polled = events?.find((event) => event.workflowTaskStartedEventAttributes)?.eventTime;
  await worker.kill();
  return Number(polled?.seconds) * 1_000 + Number(polled?.nanos) / 1e6 - worker.startedAt;
};

/** Start of a worker, and what is in the workflow bundle. */
export const measureStart = async (bench: Bench): Promise<Row[]> => {
  const build = await findBuild();
  const times: { holdfast: number[]; minimal: number[] } = { holdfast: [], minimal: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.minimal.push(await startOnce(bench, `start-minimal-${round}`, 'minimal'));
    times.holdfast.push(await startOnce(bench, `start-holdfast-${round}`, 'holdfast', build));
  }
  const bundle = build ?? bench.bundles.holdfast;
  const zod = bundledSources(await readFile(bundle, 'utf8')).filter((source) => /node_modules\/zod\//.test(source));
  return [
    {
      name: '8 worker start to its first workflow task',
      unit: 'ms',
      holdfast: median(times.holdfast),
      minimal: median(times.minimal),
      target: { of: 'holdfast', atMost: 2_000 },
      note: build === undefined ? 'sources, bundle made beforehand (no current build)' : 'build',
    },
    {
      name: '  workflow bundle',
      unit: 'bytes',
      holdfast: (await stat(bundle)).size,
      minimal: (await stat(bench.bundles.minimal)).size,
    },
    {
      name: '8 modules of zod in the workflow bundle',
      unit: '',
      holdfast: zod.length,
      target: { of: 'holdfast', atMost: 0 },
    },
  ];
};
