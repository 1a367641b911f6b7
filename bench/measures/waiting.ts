import { AgentClient } from '../../src/client.ts';
import type { Bench } from '../support/bench.ts';
import { type Child, residentBytes } from '../support/processes.ts';
import type { Row } from '../support/report.ts';

const TASK_QUEUE = 'holdfast-waiting';
const AT_ONCE = 40;
const CACHED = 500;
const MB = 1_048_576;

const idOf = (n: number): string => `waiting-${n}`;

/** Starts tasks until each has asked its person. */
const park = async (bench: Bench, from: number, to: number): Promise<void> => {
  let next = from;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < to; n = next++) {
      await bench.startTask('holdfast', TASK_QUEUE, { id: idOf(n), tool: 'park', steps: 1, bytes: 64 });
      await bench.untilRequest(idOf(n), 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
};

/** Resident memory, garbage included: what an operator sees. */
const weigh = (worker: Child): number => residentBytes(worker.pid) / MB;

const decide = async (bench: Bench, ids: readonly string[]): Promise<number> => {
  const client = new AgentClient(bench.client, TASK_QUEUE);
  const outcomes = await Promise.all(
    ids.map(async (id) => {
      const [pending] = (await client.handle(id).status()).pending;
      await client.temporal.workflow.getHandle(id).signal('approve', { id: pending?.id });
      return await client.handle(id).result();
    }),
  );
  return outcomes.filter(({ status }) => status === 'completed').length;
};

/** Many tasks that wait for a person on one worker. `count` of them; takes minutes, so it runs only when it is named. */
export const measureWaiting =
  (count: number) =>
  async (bench: Bench): Promise<Row[]> => {
    const worker = await bench.startWorker('holdfast', TASK_QUEUE, { maxCachedWorkflows: CACHED });
    const from = performance.now();
    const few = Math.max(CACHED * 2, Math.floor(count / 10));
    await park(bench, 0, few);
    const before = weigh(worker);
    await park(bench, few, count);
    const after = weigh(worker);
    const seconds = Math.round((performance.now() - from) / 1_000);
    await worker.kill();
    const client = new AgentClient(bench.client, TASK_QUEUE);
    const looked = performance.now();
    const pending = await client.inbox({}, { limit: 50 });
    const inboxMs = performance.now() - looked;
    await bench.startWorker('holdfast', TASK_QUEUE, { maxCachedWorkflows: CACHED });
    const some = [0, Math.floor(count / 3), Math.floor(count / 2), count - 1].map(idOf);
    const decided = await decide(bench, some);
    return [
      {
        name: `11 memory of a worker with ${count} waiting tasks, against ${few}`,
        unit: 'MB',
        holdfast: after,
        minimal: before,
        target: { of: 'ratio', atMost: 1.25 },
        note: `resident, ${CACHED} workflows cached; started in ${seconds} s`,
      },
      {
        name: `  inbox: the first ${pending.length} of ${count}, no worker`,
        unit: 'ms',
        holdfast: inboxMs,
        target: { of: 'holdfast', atMost: 1_000 },
      },
      {
        name: `  decided of ${some.length} picked, by a worker that knew none of them`,
        unit: '',
        holdfast: decided,
        target: { of: 'holdfast', atLeast: some.length },
      },
    ];
  };
