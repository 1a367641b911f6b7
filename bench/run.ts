import { parseArgs } from 'node:util';
import { measureApproval } from './measures/approval.ts';
import { measureGatewayAlone, measureGatewayMany, measureReview } from './measures/gateway.ts';
import { measureHistory } from './measures/history.ts';
import { measureKill } from './measures/kill.ts';
import { measureLong } from './measures/long.ts';
import { measureMemory } from './measures/memory.ts';
import { measureStart } from './measures/start.ts';
import { measureSteps } from './measures/steps.ts';
import { measureWaiting } from './measures/waiting.ts';
import { type Bench, startBench } from './support/bench.ts';
import { isMet, type Row, renderTable } from './support/report.ts';

// Compares Holdfast with a hand-written loop on the same server. `node bench/run.ts [--only NAME] [--json]`
const ALONE = { tasks: 1, steps: 30, rounds: 7 };
const MANY = { tasks: 50, steps: 20, rounds: 3 };

const MEASURES: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  'read-alone': (bench) =>
    measureSteps(bench, { name: '1 read step alone', tool: 'read', ...ALONE, target: { of: 'ratio', atMost: 0.75 } }),
  'read-50': (bench) =>
    measureSteps(bench, {
      name: '2 read steps, 50 tasks',
      tool: 'read',
      ...MANY,
      target: { of: 'ratio', atLeast: 1.4 },
    }),
  'effect-alone': (bench) =>
    measureSteps(bench, {
      name: '3 effect step alone',
      tool: 'write',
      ...ALONE,
      target: { of: 'ratio', atMost: 1.15 },
    }),
  'effect-50': (bench) =>
    measureSteps(bench, {
      name: '4 effect steps, 50 tasks',
      tool: 'write',
      ...MANY,
      target: { of: 'ratio', atLeast: 1 },
    }),
  'gateway-alone': measureGatewayAlone,
  'gateway-50': measureGatewayMany,
  review: measureReview,
  history: measureHistory,
  long: measureLong,
  kill: measureKill,
  start: measureStart,
  memory: measureMemory,
  approval: measureApproval,
};

/** Takes longer than all the others together: only when it is named. */
const LONG: typeof MEASURES = { 'waiting-10000': measureWaiting(10_000), 'waiting-2000': measureWaiting(2_000) };

/** A measure that takes longer than this has failed; all of them together take at most LIMIT_MS. */
const MEASURE_MS = 150_000;
const LIMIT_MS = 520_000;
const LONG_MS = 1_800_000;

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
});
const unknown = values.only?.find((name) => !(name in MEASURES) && !(name in LONG));
if (unknown !== undefined) {
  process.stderr.write(
    `there is no measure ${unknown}; there are: ${Object.keys({ ...MEASURES, ...LONG }).join(', ')}\n`,
  );
  process.exit(2);
}

const startedAt = performance.now();
const failedRow = (name: string, note: string): Row => ({
  name,
  unit: '',
  holdfast: Number.NaN,
  target: { of: 'holdfast', atMost: 0 },
  note,
});

/** The rows of one measure; an error or too long a wait is a row that meets no target. */
const measure = async (bench: Bench, name: string): Promise<readonly Row[]> => {
  const leftMs = name in LONG ? LONG_MS : Math.min(MEASURE_MS, LIMIT_MS - (performance.now() - startedAt));
  const { promise: tooLong, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`not done after ${Math.round(leftMs / 1_000)} s`)),
    Math.max(0, leftMs),
  );
  try {
    const run = MEASURES[name] ?? LONG[name];
    return run === undefined || leftMs <= 0
      ? [failedRow(name, 'no time was left')]
      : await Promise.race([run(bench), tooLong]);
  } catch (error) {
    return [failedRow(name, error instanceof Error ? error.message : String(error))];
  } finally {
    clearTimeout(timer);
    await bench.endWorkers();
  }
};

// Ended by a signal, the bench leaves nothing behind: what it started is killed when this process exits.
let bench: Bench | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void (bench?.close() ?? Promise.resolve()).finally(() => process.exit(130));
  });
}
bench = await startBench();

const rows: Row[] = [];
for (const name of values.only ?? Object.keys(MEASURES)) {
  const from = performance.now();
  rows.push(...(await measure(bench, name)));
  process.stderr.write(`${name}: ${((performance.now() - from) / 1_000).toFixed(0)} s\n`);
}
await bench.close();

const missed = rows.filter((row) => isMet(row) === false).length;
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const json = { seconds, missed, rows: rows.map((row) => ({ ...row, met: isMet(row) ?? null })) };
process.stdout.write(
  values.json
    ? `${JSON.stringify(json, null, 2)}\n`
    : `${renderTable(rows)}\n\n${seconds} s, ${missed} targets missed\n`,
);
process.exit(missed > 0 ? 1 : 0);
