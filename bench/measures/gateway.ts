import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { CallContext } from '../../src/activities/ports.ts';
import { createGateway } from '../../src/gateway/pipeline.ts';
import { createPolicyEngine } from '../../src/policy/engine.ts';
import { openStore } from '../../src/store/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import type { Plan } from '../plan.ts';
import type { Bench } from '../support/bench.ts';
import type { Child } from '../support/processes.ts';
import { median, pairedRow, type Row } from '../support/report.ts';

const SIDES = ['reduced', 'full'] as const;
type Side = (typeof SIDES)[number];

const RESULT_BYTES = 1_024;
const BUDGET_MS = 60_000;

type Round = { readonly tool: Plan['tool']; readonly tasks: number; readonly steps: number };

const queueOf = (side: Side, tool: string): string => `gateway-${side}-${tool}`;

/** @returns milliseconds a step */
const runRound = async (bench: Bench, side: Side, { tool, tasks, steps }: Round): Promise<number> => {
  const plans = Array.from({ length: tasks }, () => ({
    id: `${queueOf(side, tool)}-${randomUUID()}`,
    tool,
    steps,
    bytes: RESULT_BYTES,
  }));
  const started = await Promise.all(plans.map((plan) => bench.startTask('holdfast', queueOf(side, tool), plan)));
  await Promise.all(started.map((task) => task.done()));
  const times = plans.flatMap(({ id }) => bench.requests(id).map(({ at }) => at));
  return (Math.max(...times) - Math.min(...times)) / (times.length - 1);
};

/** Rounds of both sides in turns: the whole pipeline, and the pipeline reduced to running the tool. */
const compare = async (bench: Bench, round: Round, rounds: number): Promise<Record<Side, number>[]> => {
  const { tool } = round;
  const workers: readonly Child[] = [
    await bench.startWorker('holdfast', queueOf('full', tool)),
    await bench.startWorker('holdfast', queueOf('reduced', tool), { reduced: true }),
  ];
  for (const side of SIDES) await runRound(bench, side, { ...round, tasks: Math.min(round.tasks, 10), steps: 10 });
  const costs: Record<Side, number>[] = [];
  const from = performance.now();
  for (let n = 0; n < rounds && (n === 0 || performance.now() - from < BUDGET_MS); n++) {
    const cost: Partial<Record<Side, number>> = {};
    // A B B A …: what drifts during the run falls on both.
    for (const side of n % 2 === 0 ? SIDES : SIDES.toReversed()) cost[side] = await runRound(bench, side, round);
    costs.push(cost as Record<Side, number>);
  }
  await Promise.all(workers.map((worker) => worker.kill()));
  return costs;
};

/** What the gateway adds to one tool call, one task at a time. */
export const measureGatewayAlone = async (bench: Bench): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const tool of ['read', 'write'] as const) {
    const costs = await compare(bench, { tool, tasks: 1, steps: 30 }, 7);
    rows.push({
      name: `gateway adds to a ${tool}`,
      unit: 'ms',
      holdfast: median(costs.map(({ full, reduced }) => full - reduced)),
      target: { of: 'holdfast', atMost: 5 },
      note: `${median(costs.map(({ full }) => full)).toFixed(1)} ms a step, reduced ${median(costs.map(({ reduced }) => reduced)).toFixed(1)} ms`,
    });
  }
  return rows;
};

/** What the gateway costs at 50 tasks: "minimal" is the pipeline reduced to `run`. */
export const measureGatewayMany = async (bench: Bench): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const tool of ['read', 'write'] as const) {
    const costs = await compare(bench, { tool, tasks: 50, steps: 20 }, 3);
    rows.push(
      pairedRow(
        {
          name: `gateway, ${tool}s of 50 tasks (against: only run)`,
          unit: 'steps/s',
          target: { of: 'ratio', atLeast: 0.85 },
        },
        costs.map(({ full, reduced }) => ({ holdfast: 1_000 / full, minimal: 1_000 / reduced })),
      ),
    );
  }
  return rows;
};

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const CALLS = 12;

/** A review of 12 calls, with audit trail and store, in this process. */
export const measureReview = async (bench: Bench): Promise<Row[]> => {
  const tools = Array.from({ length: CALLS }, (_, n) =>
    defineTool({
      name: `tool_${n}`,
      description: 'Works for the benchmark',
      effect: n % 2 === 0 ? 'read' : 'write',
      sensitive: ['/to'],
      input: z.object({ to: z.string(), amount: z.number(), lines: z.array(z.string()) }),
      execute: () => 'done',
    }),
  );
  const agent = defineAgent({ name: 'bench', instructions: 'x', tools });
  const store = await openStore({ url: bench.storeUrl, namespace: 'default', taskQueue: 'bench-review' });
  const policy = await createPolicyEngine({
    tools: () => [...agent.tools.values()],
    files: { patterns: [], baseDir: '.' },
    epochs: store.policyEpochs,
    log,
  });
  const gateway = createGateway({
    agents: new Map([[agent.name, agent]]),
    store,
    policy,
    secrets: [],
    leaseMs: 30_000,
    log,
    approvalRules: [],
  });
  const context: CallContext = { taskId: 'review', epoch: 'e1', agent: 'bench', principal: { id: 'bench' } };
  const decision = { rationale: 'because', alternatives: [], confidence: 0.9, basis: ['goal'] };
  const args = { decision, to: 'somebody', amount: 17.5, lines: ['one', 'two', 'three'] };
  const calls = tools.map(({ name }, n) => ({
    id: `s1.c${n + 1}`,
    providerId: '',
    name,
    arguments: JSON.stringify(args),
  }));
  const times: number[] = [];
  for (let n = 0; n < 120; n++) {
    const from = performance.now();
    await gateway.review({ calls, context, needsDecision: true });
    if (n >= 20) times.push(performance.now() - from);
  }
  policy.close();
  await store.close();
  return [
    {
      name: `review of ${CALLS} calls, with its audit entries`,
      unit: 'ms',
      holdfast: median(times),
      target: { of: 'holdfast', atMost: 5 },
    },
  ];
};
