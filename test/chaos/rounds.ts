import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { AgentClient } from '../../src/client.ts';
import { openStore } from '../../src/store/index.ts';
import { startScriptedModel, type Turn } from '../../src/testing/index.ts';
import { type Saying, SIGNERS } from '../kill/people.ts';
import { pick, random } from '../kill/plans.ts';
import { AGENTS } from './agent.ts';
import { attend } from './person.ts';
import { FAULTS, type Fault, PHASES, World } from './world.ts';
import { type Records, wrongAnswers, wrongEffects } from './wrong.ts';

/** What a run of the chaos is about. */
export type ChaosOptions = {
  readonly address: string;
  readonly store: string;
  readonly bundle: string;
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: (line: string) => void;
};

/** What one task did, what people said of it, and what happened outside. `wrong` says what may not be. */
export type Round = {
  readonly taskId: string;
  readonly faults: readonly Fault[];
  readonly said: readonly Saying[];
  readonly wrong: readonly string[];
};

const TOOLS = ['idempotent', 'reconcilable', 'plain'] as const;
const AT_ONCE = 7;

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
    /** One of them. */
    strike: () => [...workers.values()][0]?.kill('SIGKILL'),
    stop: async () => {
      isOver = true;
      const all = [...workers.values()];
      for (const child of all) child.kill('SIGKILL');
      await Promise.all(all.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit')));
    },
  };
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
      if (tool !== undefined) return { calls: [{ tool, args: { what: `${tool} ${step}` } }] };
      return { text: order[0] === 'fail' ? '' : 'done' };
    },
  });
  const client = await AgentClient.connect({ address, taskQueue });
  const world: World = new World((pid) => workers.kill(pid));
  const url = await world.start();
  const workers = startWorkers([url, address, taskQueue, store, bundle, model.url, JSON.stringify(SIGNERS)]);
  const sql = new pg.Pool({ connectionString: store, max: 2 });
  const opened = await openStore({ url: store, namespace: 'default', taskQueue });
  const records: Records = { client, store: opened, sql };

  const play = async (round: number): Promise<Round> => {
    const isFailing = next() < 0.5;
    const faults = makeFaults(next);
    const order = TOOLS.map((tool) => ({ tool, at: next() })).toSorted((a, b) => a.at - b.at);
    const taskId = `${taskQueue}-${round}`;
    world.plan(taskId, faults);
    const agent = pick(next, AGENTS);
    // Some of what a yes may reach further than.
    const tools = order.map(({ tool }) => tool);
    const goal = [isFailing ? 'fail' : 'work', ...tools, ...tools.slice(0, agent === 'claimed' ? 2 : 0)].join(' ');
    const task = await client.start({ agent, goal, principal: { id: 'ana' } }, { taskId });
    let isOver = false;
    const people = { client, world, task, agent, next: random(seed + round), strike: workers.strike };
    const attending = attend(people, () => isOver);
    const outcome = await task.result().finally(() => {
      isOver = true;
    });
    const minutes = await attending;
    const wrong = [
      ...wrongEffects(world, outcome, isFailing),
      ...(await wrongAnswers(world, records, { outcome, task, agent, minutes })),
    ];
    const what = faults.map(({ tool, phase, kind }) => `${kind} ${tool} ${phase}`).join(', ');
    onRound(`${taskId} ${agent} (${what}): ${wrong.length === 0 ? 'ok' : wrong.join('; ')}`);
    return { taskId, faults, said: [...minutes.values()].flatMap(({ sayings }) => sayings), wrong };
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
    await opened.close();
    await sql.end();
    await client.close();
    await model.close();
  }
};
