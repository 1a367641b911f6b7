import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AgentClient, type TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import type { Outcome } from '../../src/domain/task.ts';
import { startScriptedModel, type Turn } from '../../src/testing/index.ts';
import { FAULTS, type Fault, PHASES, World } from './world.ts';

/** What a run of the chaos is about. */
export type ChaosOptions = {
  readonly address: string;
  readonly store: string;
  readonly bundle: string;
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: (line: string) => void;
};

/** What one task did, and what happened outside. `wrong` says what may not be. */
export type Round = { readonly taskId: string; readonly faults: readonly Fault[]; readonly wrong: readonly string[] };

const TOOLS = ['idempotent', 'reconcilable', 'plain'] as const;
const AT_ONCE = 5;

/** Mulberry32: the same faults for the same seed. Source: Tommy Ettinger, 2017, public domain. */
const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const pick = <T>(next: () => number, from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;

const makeFaults = (next: () => number): Fault[] =>
  Array.from({ length: next() < 0.4 ? 2 : 1 }, () => ({
    tool: pick(next, [...TOOLS, 'undo']),
    phase: pick(next, PHASES),
    kind: pick(next, FAULTS),
  }));

/** Two workers, each replaced as soon as it is gone. */
const startWorkers = (args: readonly string[]) => {
  const workers = new Map<number, ChildProcess>();
  let isOver = false;
  const startOne = (): void => {
    const main = fileURLToPath(new URL('worker-child.ts', import.meta.url));
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (child.pid === undefined) throw new Error('a worker could not be started');
    workers.set(child.pid, child);
    child.once('exit', () => {
      workers.delete(child.pid ?? 0);
      if (!isOver) startOne();
    });
  };
  startOne();
  startOne();
  return {
    kill: (pid: number) => workers.get(pid)?.kill('SIGKILL'),
    stop: async () => {
      isOver = true;
      const all = [...workers.values()];
      for (const child of all) child.kill('SIGKILL');
      await Promise.all(all.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit')));
    },
  };
};

/** The person: looks at the world and says what is there. */
const answer = async (world: World, task: TaskHandle, pending: PendingDecision): Promise<void> => {
  const key = world.keyOf(pending.taskId, pending.callId);
  const found = await world.look(key);
  if (pending.kind === 'effect') {
    await (found !== undefined && found.times > 0
      ? task.approve({ callId: pending.id })
      : task.deny({ callId: pending.id }));
    return;
  }
  // A compensation that failed for good is done by hand.
  if (found !== undefined) found.undone = 1;
  await task.approve({ callId: pending.id });
};

const attend = async (world: World, task: TaskHandle, isOver: () => boolean): Promise<void> => {
  while (!isOver()) {
    const pending = await task
      .status()
      .then(({ pending }) => pending)
      .catch(() => []);
    for (const each of pending) await answer(world, task, each).catch(() => undefined);
    await delay(200);
  }
};

type EffectRecord = Outcome['effects'][number];

/** What happened outside and may not have: twice, or without the platform's knowledge. */
const wrongOutside = (world: World, { taskId, effects }: Outcome): string[] => {
  const known = new Set(effects.map(({ key }) => key));
  return [...world.effects]
    .filter(([key]) => key.startsWith(`${taskId}/`))
    .flatMap(([key, { times, tool }]) => [
      ...(times > 1 ? [`${tool} happened ${times} times under ${key}`] : []),
      ...(known.has(key) ? [] : [`${tool} happened, and the outcome does not know of it: ${key}`]),
    ]);
};

/** What the platform says of an effect and is not so. */
const wrongSaid = (world: World, { key, status, tool }: EffectRecord, isFailing: boolean): string[] => {
  const { times, undone } = world.effects.get(key) ?? { times: 0, undone: 0 };
  const rules: readonly [boolean, string][] = [
    [status === 'unknown', 'is unknown at the end'],
    [status === 'succeeded' && times !== 1, `is said to have succeeded, and happened ${times} times`],
    [status === 'failed' && times !== 0, `is said to have failed, and happened ${times} times`],
    [status === 'compensated' && undone !== 1, 'is said to be undone, and is not'],
    [isFailing && tool !== 'plain' && status === 'succeeded', 'was not undone'],
  ];
  return rules.filter(([isWrong]) => isWrong).map(([, what]) => `${tool} ${what}: ${key}`);
};

/** What may not be: an effect twice, one lost, one that nobody knows of, one not undone. */
const findWrong = (world: World, outcome: Outcome, isFailing: boolean): string[] => {
  const expected = isFailing ? 'limit' : 'completed';
  const isRight = outcome.status === expected;
  return [
    ...(isRight ? [] : [`ended as ${outcome.status} (${outcome.reason ?? ''}), not ${expected}`]),
    ...wrongOutside(world, outcome),
    ...outcome.effects.flatMap((effect) => wrongSaid(world, effect, isFailing)),
  ];
};

/**
 * Runs tasks whose workers are killed, frozen and cut off at random points, and compares what the platform says with what
 * happened outside. The same seed gives the same faults.
 */
export const runChaos = async (
  options: ChaosOptions,
): Promise<{ readonly rounds: readonly Round[]; readonly struck: number }> => {
  const { address, store, bundle, rounds, seed, onRound = () => undefined } = options;
  const next = random(seed);
  const taskQueue = `chaos-${seed}-${Date.now()}`;
  const model = await startScriptedModel({
    script: ({ step, goal }): Turn => {
      const order = goal.split(' ');
      const tool = order[step];
      if (tool !== undefined) return { calls: [{ tool, args: { what: tool } }] };
      return { text: order[0] === 'fail' ? '' : 'done' };
    },
  });
  const client = await AgentClient.connect({ address, taskQueue });
  const world: World = new World((pid) => workers.kill(pid));
  const url = await world.start();
  const workers = startWorkers([url, address, taskQueue, store, bundle, model.url]);

  const play = async (round: number): Promise<Round> => {
    const isFailing = next() < 0.5;
    const faults = makeFaults(next);
    const order = TOOLS.map((tool) => ({ tool, at: next() })).toSorted((a, b) => a.at - b.at);
    const taskId = `${taskQueue}-${round}`;
    world.plan(taskId, faults);
    const goal = [isFailing ? 'fail' : 'work', ...order.map(({ tool }) => tool)].join(' ');
    const task = await client.start({ agent: 'clerk', goal, principal: { id: 'ana' } }, { taskId });
    let isOver = false;
    const attending = attend(world, task, () => isOver);
    const outcome = await task.result().finally(() => {
      isOver = true;
    });
    await attending;
    const wrong = findWrong(world, outcome, isFailing);
    const what = faults.map(({ tool, phase, kind }) => `${kind} ${tool} ${phase}`).join(', ');
    onRound(`${taskId} (${what}): ${wrong.length === 0 ? 'ok' : wrong.join('; ')}`);
    return { taskId, faults, wrong };
  };

  const results: Round[] = [];
  let round = 0;
  const player = async (): Promise<void> => {
    while (round < rounds) {
      round += 1;
      results.push(await play(round));
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, player));
    return { rounds: results, struck: world.struck.length };
  } finally {
    await workers.stop();
    world.stop();
    await client.close();
    await model.close();
  }
};
