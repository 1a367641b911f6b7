import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentClient, TaskHandle } from '../../src/client.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import { ranOf } from './desk-support.ts';
import { effect, type FakeOptions, type FakeStep, startFakes } from './fakes.ts';

// Continue-as-new is suggested by the server; this one does so early.
let server: Awaited<ReturnType<typeof startSpecialServer>>;
beforeAll(async () => {
  server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '60' });
});
afterAll(() => server.stop());

/** Sends what counts for nothing, until the run has a successor. */
const untilNewRun = async (client: AgentClient, { taskId }: TaskHandle): Promise<void> => {
  const workflow = client.temporal.workflow.getHandle(taskId);
  const { runId } = await workflow.describe();
  await until(
    async () => {
      await workflow.signal('approve', 'nonsense');
      return (await workflow.describe()).runId !== runId || undefined;
    },
    'it goes on in a new run',
    50_000,
  );
};

const twoCalls = { calls: [effect('a'), effect('b')] };

type Case = {
  readonly name: string;
  readonly steps: (step: number) => FakeStep;
  readonly options?: Partial<FakeOptions>;
  readonly asked: number;
  readonly ran: readonly string[];
};

const CASES: readonly Case[] = [
  {
    name: 'a limit of steps',
    steps: (step) => (step === 1 ? twoCalls : { text: 'done' }),
    options: { limits: { steps: 1 }, admission: { onLimit: 'escalate' } },
    asked: 1,
    ran: ['execute s1.c1', 'execute s1.c2'],
  },
  {
    name: 'a proposal that exceeds the limit of calls',
    steps: (step) => (step === 1 ? twoCalls : { text: 'done' }),
    options: { limits: { toolCalls: 1 }, admission: { onLimit: 'escalate' } },
    asked: 1,
    ran: ['execute s1.c1', 'execute s1.c2'],
  },
  {
    name: 'proposals that cannot be used',
    steps: (step) => (step === 1 ? { calls: [] } : { text: 'done' }),
    options: { limits: { invalidProposals: 1 }, admission: { onLimit: 'escalate' } },
    asked: 1,
    ran: [],
  },
  {
    name: 'a budget',
    steps: (step) => (step === 1 ? twoCalls : { text: 'done' }),
    options: { limits: { costUsd: 0.02 }, admission: { reviewPoint: { share: 0.5, of: ['costUsd'] } } },
    asked: 1,
    ran: ['execute s1.c1', 'execute s1.c2'],
  },
  {
    name: 'a suspected loop',
    steps: (step) => (step <= 3 ? { calls: [effect('a')] } : { text: 'done' }),
    options: { admission: { findsLoops: true } },
    asked: 3,
    ran: ['execute s1.c1', 'execute s2.c1', 'execute s3.c1'],
  },
  {
    name: 'a final output',
    steps: () => ({ text: 'done' }),
    options: { admission: { reviewOutput: true } },
    asked: 1,
    ran: [],
  },
];

describe.each(MODES)(
  'a run that ends while a person is asked about the task itself ($name)',
  ({ maxCachedWorkflows }) => {
    it.each(CASES)('hands over a question about $name: it stays the same, and nothing is repeated', async (given) => {
      const { steps, options = {}, asked, ran } = given;
      const fakes = await startFakes({
        maxCachedWorkflows,
        address: server.address,
        steps,
        ...options,
        admission: { approvalRules: [], ...options.admission },
      });
      const task = await fakes.run();
      const before = await untilPending(task);
      expect(fakes.platform.inputs.propose).toHaveLength(asked);

      await untilNewRun(fakes.client, task);
      const after = await untilPending(task);
      const [pending] = after;
      await task.approve({ callId: pending?.id ?? '', note: 'go on' });
      const outcome = await task.result();

      expect(after).toEqual(before);
      expect(outcome).toMatchObject({ status: 'completed', output: 'done' });
      expect(ranOf(fakes)).toEqual(ran);
      expect(new Set(fakes.platform.log).size).toBe(fakes.platform.log.length);
    });

    it('hands over a final output that a person then refuses: the agent tries again', async () => {
      const fakes = await startFakes({
        maxCachedWorkflows,
        address: server.address,
        steps: (step) => ({ text: `answer ${step}` }),
        admission: { approvalRules: [], reviewOutput: true },
      });
      const task = await fakes.run();
      const [first] = await untilPending(task);

      await untilNewRun(fakes.client, task);
      await task.deny({ callId: first?.id ?? '', reason: 'no' });
      const second = await until(
        async () => (await task.status()).pending.find(({ id }) => id !== first?.id),
        'the second answer is there',
      );
      await task.approve({ callId: second.id });

      expect(await task.result()).toMatchObject({ status: 'completed', output: 'answer 2' });
    });
  },
);
