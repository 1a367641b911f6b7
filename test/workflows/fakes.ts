import { randomUUID } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { inject, onTestFinished } from 'vitest';
import type { Activities } from '../../src/activities/index.ts';
import type {
  Admission,
  CompensateInput,
  ExecuteInput,
  ExecuteResult,
  NarrowGrantsInput,
  NarrowGrantsResult,
  ProposeInput,
  ProposeResult,
  ReadInput,
  ReportInput,
  ResolveInput,
  ReviewInput,
  VerifiedDecision,
  VerifyDecisionInput,
} from '../../src/activities/messages.ts';
import type { Compensated } from '../../src/activities/ports.ts';
import type { WorkflowBundle } from '../../src/bundle.ts';
import { AgentClient, type TaskHandle } from '../../src/client.ts';
import { defined } from '../../src/domain/defined.ts';
import { digestJson } from '../../src/domain/digest.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/domain/limits.ts';
import { type BuiltIn, callId, type Review, type RunPlan } from '../../src/domain/proposal.ts';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from '../../src/domain/task.ts';
import type { ResultItem } from '../../src/domain/transcript.ts';

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

/** A proposed call, and what its review says. */
export type FakeCall = {
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  readonly asks?: boolean;
  readonly isCompensable?: boolean;
  readonly effect?: 'read' | 'write';
  readonly builtIn?: BuiltIn;
  readonly taskQueue?: string;
  readonly provenance?: Review['provenance'];
  /** Why it asks; by default that its tool does. */
  readonly reasons?: Review['verdict']['reasons'];
} & Pick<Review, 'risk' | 'rule' | 'toolDigest' | 'change' | 'question'>;

/** What the model answers at a step: calls, or the end of the task. */
export type FakeStep = { readonly calls: readonly FakeCall[] } | { readonly text: string } | { readonly fail: string };

export type FakeOptions = {
  readonly steps: (step: number) => FakeStep;
  readonly admission?: Partial<Admission>;
  readonly limits?: Partial<Limits>;
  readonly execute?: (input: ExecuteInput, times: number) => Promise<Partial<ExecuteResult>> | Partial<ExecuteResult>;
  readonly compensate?: (input: CompensateInput, times: number) => Promise<Compensated> | Compensated;
  readonly resolve?: (input: ResolveInput) => Partial<ExecuteResult>;
  /** The review of arguments that a person put in the place of the model's. */
  readonly review?: (input: ReviewInput) => Partial<FakeCall> | Promise<Partial<FakeCall>>;
  readonly verifyDecision?: (input: VerifyDecisionInput) => VerifiedDecision | Promise<VerifiedDecision>;
  readonly narrowGrants?: (input: NarrowGrantsInput) => NarrowGrantsResult;
  readonly report?: (input: ReportInput, times: number) => Promise<void> | void;
  readonly maxCachedWorkflows?: number;
  readonly address?: string;
  /** Workflows run in threads of their own, where the SDK ends what lasts too long. Without: in this one, and a worker starts five times as fast. */
  readonly threads?: boolean;
  /** Workflow code in the place of the bundle that all tests share. */
  readonly bundle?: WorkflowBundle;
};

/** A call with an undo. */
export const effect = (tool: string, fields: Partial<FakeCall> = {}): FakeCall => ({
  tool,
  args: {},
  isCompensable: true,
  ...fields,
});

const planOf = ({ isCompensable = false, taskQueue, risk }: FakeCall): RunPlan => ({
  idempotent: true,
  timeoutMs: 10_000,
  maxAttempts: 1,
  alone: false,
  isCompensable,
  ...defined({ taskQueue, risk }),
});

/** Of a call that runs unattended only its plan says how much it can do. */
const askedRisk = ({ asks, question, risk }: FakeCall): Review['risk'] =>
  asks === true || question !== undefined ? risk : undefined;

const reviewOf = (id: string, call: FakeCall): Review => {
  const { tool, args = {}, effect: kind = 'write', asks = false } = call;
  const { reasons = [{ code: 'confirmation_required', message: `${tool} asks` }] } = call;
  const { builtIn, provenance, rule, toolDigest, change, question } = call;
  const risk = askedRisk(call);
  return {
    callId: id,
    tool,
    effect: kind,
    verdict: { outcome: asks ? 'ask' : 'allow', reasons: asks ? reasons : [] },
    digest: digestJson({ tool, args }),
    ...defined({ builtIn, provenance, risk, rule, toolDigest, change, question }),
    ...(kind === 'read' && !asks ? {} : { plan: planOf(call) }),
  };
};

const result = (id: string, tool: string, fields: Partial<ExecuteResult> = {}): ExecuteResult => ({
  kind: 'result',
  id,
  tool,
  status: 'succeeded',
  output: `${tool} done`,
  trust: 'trusted',
  attempts: 1,
  ...fields,
});

/** The activities of a worker, without model, tools and store: what they answer is said by the test. */
export class FakePlatform {
  /** What was run, in order: `execute s1.c1`. */
  readonly log: string[] = [];
  readonly inputs = {
    propose: [] as ProposeInput[],
    execute: [] as ExecuteInput[],
    read: [] as ReadInput[],
    compensate: [] as CompensateInput[],
    resolve: [] as ResolveInput[],
    narrowGrants: [] as NarrowGrantsInput[],
    report: [] as ReportInput[],
    review: [] as ReviewInput[],
    verifyDecision: [] as VerifyDecisionInput[],
  };
  readonly #options: FakeOptions;

  constructor(options: FakeOptions) {
    this.#options = options;
  }

  #take<Name extends keyof FakePlatform['inputs']>(
    name: Name,
    id: string,
    input: FakePlatform['inputs'][Name][number],
  ): number {
    const what = `${name} ${id}`;
    this.log.push(what);
    (this.inputs[name] as unknown[]).push(input);
    return this.log.filter((each) => each === what).length;
  }

  #propose(input: ProposeInput): ProposeResult {
    const answer = this.#options.steps(input.step);
    if ('fail' in answer) throw ApplicationFailure.nonRetryable(answer.fail, 'Model.Refused');
    const id = `s${input.step}`;
    const calls = ('calls' in answer ? answer.calls : []).map((call, index) => ({
      call,
      id: callId(input.step, index),
    }));
    const text = 'text' in answer ? answer.text : '';
    const raw = calls.map(({ call, id }) => ({
      id,
      providerId: id,
      name: call.tool,
      arguments: JSON.stringify({
        ...call.args,
        decision: { rationale: 'because', alternatives: [], confidence: 1, basis: [] },
      }),
    }));
    const reads = input.reads.map((read): ResultItem => result(read, 'look', { trust: 'untrusted' }));
    return {
      items: [...reads, { kind: 'proposal', id, text, calls: raw }],
      reviews: calls.map(({ call, id }) => reviewOf(id, call)),
      ...(text === '' ? {} : { final: { ok: true, output: text } }),
      finish: 'stop',
      model: 'fake',
      usage: { inputTokens: 10, outputTokens: 5, cachedTokens: 0 },
      costUsd: 0.01,
      promptDigest: digestJson(input.at),
    };
  }

  get activities(): Activities {
    const { admission, limits, ...answers } = this.#options;
    return {
      admit: async ({ spec, firstRunId }) => {
        const { agent, goal, input } = spec as { agent: string; goal: string; input?: unknown };
        const taskId = activityInfo().workflowExecution?.workflowId ?? '';
        return {
          agent,
          goal,
          ...(input === undefined ? {} : { input }),
          context: { taskId, epoch: firstRunId.slice(-12), agent, principal: { id: 'ana' } },
          model: 'fake',
          limits: { ...DEFAULT_LIMITS, ...limits },
          specDigest: digestJson(spec),
          searchAttributes: (Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[]).toSorted(),
          heartbeatTimeoutMs: 2_000,
          ...admission,
        };
      },
      propose: async (input) => {
        this.#take('propose', `s${input.step}`, input);
        return this.#propose(input);
      },
      read: async (input) => {
        this.#take('read', input.calls.map(({ id }) => id).join(','), input);
        return input.calls.map(({ id, tool }) => result(id, tool, { trust: 'untrusted' }));
      },
      review: async (input) => {
        const { id, tool } = input.call;
        this.#take('review', id, input);
        return reviewOf(id, { tool, args: input.call.args as never, asks: true, ...(await answers.review?.(input)) });
      },
      execute: async (input) => {
        const times = this.#take('execute', input.call.id, input);
        const { id, tool } = input.call;
        const human = input.approval === undefined ? {} : { human: input.approval.human };
        return { ...result(id, tool, await answers.execute?.(input, times)), ...human };
      },
      compensate: async (input) => {
        const times = this.#take('compensate', input.call.id, input);
        return (await answers.compensate?.(input, times)) ?? { status: 'compensated' };
      },
      resolve: async (input) => {
        this.#take('resolve', input.call.id, input);
        const { happened, human, call, output } = input;
        const status = happened ? 'succeeded' : 'failed';
        return result(call.id, call.tool, { status, output: output ?? 'settled', human, ...answers.resolve?.(input) });
      },
      verifyDecision: async (input) => {
        this.#take('verifyDecision', input.id, input);
        return (await answers.verifyDecision?.(input)) ?? { ok: false, refusal: 'no signers are configured' };
      },
      report: async (input) => {
        this.#take('report', input.events.map(({ id }) => id).join(','), input);
        await answers.report?.(input, this.inputs.report.length);
        return {};
      },
      narrowGrants: async (input) => {
        this.#take('narrowGrants', 'grants', input);
        const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
        return answers.narrowGrants?.(input) ?? { grants: [], model: 'fake', usage, costUsd: 0 };
      },
    };
  }
}

export type FakeHarness = {
  readonly platform: FakePlatform;
  readonly client: AgentClient;
  readonly taskQueue: string;
  readonly run: (spec?: Record<string, unknown>, taskId?: string) => Promise<TaskHandle>;
  readonly startWorker: (taskQueue?: string) => Promise<() => Promise<void>>;
  /** Ends the worker that runs from the beginning. */
  readonly stopWorker: () => Promise<void>;
};

/** A worker with fake activities and a client, on a task queue of their own; all of it ends with the test. */
export const startFakes = async (options: FakeOptions): Promise<FakeHarness> => {
  const address = options.address ?? inject('temporal').address;
  const taskQueue = `fake-${randomUUID()}`;
  const platform = new FakePlatform(options);
  const connection = await NativeConnection.connect({ address });
  const client = await AgentClient.connect({ address, taskQueue });
  const stops = new Set<() => Promise<void>>();
  const startWorker = async (queue = taskQueue) => {
    const worker = await Worker.create({
      connection,
      taskQueue: queue,
      workflowBundle: options.bundle ?? { codePath: inject('bundle') },
      activities: platform.activities,
      maxCachedWorkflows: options.maxCachedWorkflows ?? 100,
      debugMode: options.threads !== true,
      stickyQueueScheduleToStartTimeout: '1s',
      shutdownGraceTime: '100ms',
    });
    const running = worker.run();
    const stop = async () => {
      if (!stops.delete(stop)) return;
      worker.shutdown();
      await running;
    };
    stops.add(stop);
    return stop;
  };
  const stopWorker = await startWorker();
  onTestFinished(async () => {
    await Promise.all([...stops].map((stop) => stop()));
    await client.close();
    await connection.close();
  });
  const run = (spec: Record<string, unknown> = {}, taskId = `t-${randomUUID()}`) =>
    client.start({ agent: 'clerk', goal: 'work', principal: { id: 'ana' }, ...spec }, { taskId });
  return { platform, client, taskQueue, run, startWorker, stopWorker };
};
