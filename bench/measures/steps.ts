import type { Plan } from '../plan.ts';
import type { Bench, Side } from '../support/bench.ts';
import { type Child, cpuMs } from '../support/processes.ts';
import { pairedRow, type Row, type Target } from '../support/report.ts';

type StepsOptions = {
  readonly name: string;
  readonly tool: Plan['tool'];
  readonly tasks: number;
  readonly steps: number;
  readonly rounds: number;
  readonly target: Target;
};

/** What one round of one side cost. CPU counts from before the tasks are started until all have ended. */
type Cost = {
  readonly msPerStep: number;
  readonly cpuWorker: number;
  readonly cpuServer: number;
  readonly events: number;
};

const SIDES = ['minimal', 'holdfast'] as const satisfies readonly Side[];
const RESULT_BYTES = 1_024;
const WARM_UP_STEPS = 10;
/** On a busy machine no further round begins after this. */
const BUDGET_MS = 60_000;

/** Runs tasks side by side. A step is one request to the model with the tool call before it, so tasks' starts and ends do not count. */
const runRound = async (
  bench: Bench,
  side: Side,
  worker: Child,
  round: string,
  { tool, tasks, steps }: Pick<StepsOptions, 'tool' | 'tasks' | 'steps'>,
): Promise<Cost> => {
  const taskQueue = queueOf(side, tool);
  const before = { worker: cpuMs(worker.pid), server: cpuMs(bench.serverPid) };
  const plans = Array.from({ length: tasks }, (_, n) => ({
    id: `${side}-${tool}-${tasks}-${round}-${n}`,
    tool,
    steps,
    bytes: RESULT_BYTES,
  }));
  const started = await Promise.all(plans.map((plan) => bench.startTask(side, taskQueue, plan)));
  await Promise.all(started.map((task) => task.done()));
  const done = tasks * steps;
  const cpuWorker = (cpuMs(worker.pid) - before.worker) / done;
  const cpuServer = (cpuMs(bench.serverPid) - before.server) / done;
  const times = plans.flatMap(({ id }) => bench.requests(id).map(({ at }) => at));
  const msPerStep = (Math.max(...times) - Math.min(...times)) / (times.length - 1);
  const events = (await started[0]?.history())?.events ?? Number.NaN;
  return { msPerStep, cpuWorker, cpuServer, events };
};

const queueOf = (side: Side, tool: string): string => `${side}-steps-${tool}`;

/** Time, CPU and events of a step, both sides in turns, each in a worker of its own. */
export const measureSteps = async (bench: Bench, options: StepsOptions): Promise<Row[]> => {
  const { name, tool, tasks, steps, rounds, target } = options;
  const workers = {
    holdfast: await bench.startWorker('holdfast', queueOf('holdfast', tool)),
    minimal: await bench.startWorker('minimal', queueOf('minimal', tool)),
  };
  const warmUp = { tool, tasks: Math.min(tasks, 10), steps: WARM_UP_STEPS };
  const first = {
    holdfast: await runRound(bench, 'holdfast', workers.holdfast, 'warm', warmUp),
    minimal: await runRound(bench, 'minimal', workers.minimal, 'warm', warmUp),
  };
  const costs: Record<Side, Cost>[] = [];
  const from = performance.now();
  for (let round = 0; round < rounds && (round === 0 || performance.now() - from < BUDGET_MS); round++) {
    // A B B A …: what drifts during the run falls on both.
    const cost: Partial<Record<Side, Cost>> = {};
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      cost[side] = await runRound(bench, side, workers[side], String(round), { tool, tasks, steps });
    }
    costs.push(cost as Record<Side, Cost>);
  }
  await Promise.all([workers.holdfast.kill(), workers.minimal.kill()]);
  const pick = (read: (cost: Cost, side: Side) => number) =>
    costs.map(({ holdfast, minimal }) => ({ holdfast: read(holdfast, 'holdfast'), minimal: read(minimal, 'minimal') }));
  const speed =
    tasks === 1
      ? pairedRow(
          { name, unit: 'ms/step', target },
          pick(({ msPerStep }) => msPerStep),
        )
      : pairedRow(
          { name, unit: 'steps/s', target },
          pick(({ msPerStep }) => 1_000 / msPerStep),
        );
  return [
    speed,
    pairedRow(
      { name: '  CPU of worker and server', unit: 'ms/step' },
      pick(({ cpuWorker, cpuServer }) => cpuWorker + cpuServer),
    ),
    pairedRow(
      { name: '  CPU of the worker', unit: 'ms/step' },
      pick(({ cpuWorker }) => cpuWorker),
    ),
    pairedRow(
      { name: '  CPU of the server', unit: 'ms/step' },
      pick(({ cpuServer }) => cpuServer),
    ),
    ...(tasks === 1
      ? [
          pairedRow(
            { name: '  events', unit: 'per step' },
            pick(({ events }, side) => (events - first[side].events) / (steps - WARM_UP_STEPS)),
          ),
        ]
      : []),
  ];
};
