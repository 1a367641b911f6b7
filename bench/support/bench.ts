import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/bundle.ts';
import { AgentClient } from '../../src/client.ts';
import { startPostgres } from '../../src/dev/postgres.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';
import { startTemporalServer } from '../../src/dev/temporal-server.ts';
import { INSTRUCTIONS, type Plan, toGoal } from '../plan.ts';
import type { Report, WorkerOptions } from './child.ts';
import { type Child, startChild } from './processes.ts';

/** What is compared. */
export type Side = 'holdfast' | 'minimal';

/** One request to the model. */
export type ModelRequest = Extract<Report, { kind: 'request' }>;

type Extra = Partial<Omit<WorkerOptions, 'address' | 'modelUrl'>> & { readonly execArgv?: readonly string[] };

/** Everything that measures share: one server, one model, both bundles. */
export type Bench = {
  readonly client: Client;
  readonly serverPid: number;
  readonly modelPid: number;
  readonly folder: string;
  readonly storeUrl: string;
  readonly bundles: Readonly<Record<Side, string>>;
  /** All requests of a task so far. */
  readonly requests: (id: string) => readonly ModelRequest[];
  /** Resolves with the first request of a step, or with the first one of an attempt of it. */
  readonly untilRequest: (id: string, step: number) => Promise<ModelRequest>;
  /** Starts a worker; resolves when it polls. */
  readonly startWorker: (side: Side, taskQueue: string, extra?: Extra) => Promise<Child>;
  /** Starts a worker and does not wait for it. */
  readonly spawnWorker: (side: Side, taskQueue: string, extra?: Extra) => Child;
  readonly startTask: (side: Side, taskQueue: string, plan: Plan) => Promise<Task>;
  /** Ends all workers, also those of a measure that failed. */
  readonly endWorkers: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A task of either side. */
export type Task = {
  readonly id: string;
  /** @throws Error when it ended in any way but well */
  readonly done: () => Promise<void>;
  readonly history: () => Promise<{ readonly events: number; readonly bytes: number }>;
};

const root = fileURLToPath(new URL('../..', import.meta.url));

const WORKERS = { holdfast: 'holdfast-worker.ts', minimal: 'minimal/worker.ts' } as const;

const BUNDLERS = {
  holdfast: bundleWorkflows,
  minimal: () =>
    bundleWorkflowCode({ workflowsPath: join(root, 'bench/minimal/workflows.ts'), logger: new DefaultLogger('ERROR') }),
} as const;

const bundle = async (side: Side, folder: string): Promise<string> => {
  const { code } = await BUNDLERS[side]();
  const path = join(folder, `${side}.js`);
  await writeFile(path, code);
  return path;
};

/** The build's bundle when it is newer than all sources; undefined: measure from sources. */
export const findBuild = async (): Promise<string | undefined> => {
  const path = join(root, 'dist/workflow-bundle.js');
  if (!existsSync(path)) return undefined;
  const builtAt = (await stat(path)).mtimeMs;
  const sources = await readdir(join(root, 'src'), { recursive: true });
  const times = await Promise.all(sources.map(async (source) => (await stat(join(root, 'src', source))).mtimeMs));
  return times.every((time) => time < builtAt) ? path : undefined;
};

const endWell = async (taskQueue: string, client: Client, id: string, side: Side): Promise<void> => {
  if (side === 'minimal') {
    await client.workflow.getHandle(id).result();
    return;
  }
  const { status, reason } = await new AgentClient(client, taskQueue).handle(id).result();
  if (status !== 'completed') throw new Error(`${id} ended with ${status}: ${reason}`);
};

const createTasks =
  (client: Client): Bench['startTask'] =>
  async (side, taskQueue, plan) => {
    const goal = toGoal(plan);
    if (side === 'holdfast') {
      const spec = { agent: 'bench', goal, principal: { id: 'bench' } };
      await new AgentClient(client, taskQueue).start(spec, { taskId: plan.id });
    } else {
      await client.workflow.start('minimalLoop', { args: [INSTRUCTIONS, goal], workflowId: plan.id, taskQueue });
    }
    return {
      id: plan.id,
      done: () => endWell(taskQueue, client, plan.id, side),
      history: async () => {
        const { historyLength, historySize } = await client.workflow.getHandle(plan.id).describe();
        return { events: historyLength, bytes: historySize ?? Number.NaN };
      },
    };
  };

/** Keeps the requests that the model reports. */
const followRequests = (model: Child): Pick<Bench, 'requests' | 'untilRequest'> => {
  const byTask = new Map<string, ModelRequest[]>();
  const waiting = new Set<() => void>();
  model.onReport((report) => {
    if (report.kind !== 'request') return;
    byTask.set(report.id, [...(byTask.get(report.id) ?? []), report]);
    for (const look of waiting) look();
  });
  const requests = (id: string): readonly ModelRequest[] => byTask.get(id) ?? [];
  return {
    requests,
    untilRequest: (id, step) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = requests(id).find((request) => request.step === step);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
};

/** Starts what all measures share. `close` ends it; so does the end of this process, SIGKILL apart. */
export const startBench = async (): Promise<Bench> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const binary = await findTemporalBinary({ onProgress: (line) => void process.stderr.write(`${line}\n`) });
  const log = (line: string): void => void process.stderr.write(`server: ${line}\n`);
  const server = await startTemporalServer({
    binary: binary.path,
    dataDir: null,
    namespace: 'default',
    port: 0,
    uiPort: 0,
    log,
  });
  // As durable as in `holdfast dev`: what a commit costs is part of what is measured.
  const store = await startPostgres({ dataDir: folder, port: 0, log });
  const model = startChild('model.ts', {});
  const ready = await model.next('ready');
  const modelUrl = ready.kind === 'ready' ? (ready.url ?? '') : '';
  const bundles = { holdfast: await bundle('holdfast', folder), minimal: await bundle('minimal', folder) };
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  const workers = new Set<Child>();
  const spawnWorker: Bench['spawnWorker'] = (side, taskQueue, { execArgv, ...extra } = {}) => {
    const options: WorkerOptions = {
      address: server.address,
      store: store.url,
      modelUrl,
      taskQueue,
      bundle: bundles[side],
      ...extra,
    };
    const child = startChild(WORKERS[side], options, execArgv);
    workers.add(child);
    return child;
  };
  const endWorkers = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.kill()));
    workers.clear();
  };
  return {
    client,
    serverPid: server.pid,
    modelPid: model.pid,
    folder,
    storeUrl: store.url,
    bundles,
    ...followRequests(model),
    spawnWorker,
    startWorker: async (side, taskQueue, extra) => {
      const child = spawnWorker(side, taskQueue, extra);
      await child.next('ready');
      return child;
    },
    startTask: createTasks(client),
    endWorkers,
    // The connection stays: calls of a measure that failed may still use it, and the process ends next.
    close: async () => {
      await Promise.all([endWorkers(), model.kill()]);
      await Promise.all([server.stop(), store.stop()]);
    },
  };
};
