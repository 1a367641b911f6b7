import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import type { CallContext, Gateway, GrantedApproval, Ran, Situation } from '../../src/activities/ports.ts';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import type { Vote } from '../../src/domain/decision.ts';
import type { Review } from '../../src/domain/proposal.ts';
import type { Provenance } from '../../src/domain/provenance.ts';
import { createGateway } from '../../src/gateway/pipeline.ts';
import type { Authorizer, ControlStore } from '../../src/gateway/ports.ts';
import { createPolicyEngine } from '../../src/policy/engine.ts';
import { openStore } from '../../src/store/index.ts';
import { type Agent, defineAgent } from '../../src/tools/define-agent.ts';
import type { Tool } from '../../src/tools/tool.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A task of its own, so that tests do not meet in the ledger. */
export const newContext = (fields: Partial<CallContext> = {}): CallContext => ({
  taskId: `t-${randomUUID()}`,
  epoch: 'e1',
  agent: 'a',
  principal: { id: 'ana' },
  ...fields,
});

/** Another attempt, also of another worker: what a test does not say is as for a first attempt that nobody disturbs. */
export type RunOptions = {
  readonly args?: unknown;
  readonly callId?: string;
  readonly attempt?: number;
  readonly cleanAttempts?: number;
  readonly signal?: AbortSignal;
  readonly approval?: GrantedApproval;
  readonly situation?: Situation;
  readonly provenance?: Provenance;
  /** Of a review: how sure the agent says it is; absent: a person wrote the arguments. */
  readonly confidence?: number;
};

/** A gateway over a real store; several of them stand for several workers. */
export type TestGateway = {
  readonly gateway: Gateway;
  readonly store: ControlStore;
  readonly agent: Agent;
  readonly run: (tool: string, context: CallContext, options?: RunOptions) => Promise<Ran>;
  readonly review: (tool: string, context: CallContext, options?: RunOptions) => Promise<Review>;
};

/** What the workflow makes of a person's yes to what a review asked: bound to its call, with the reasons that were shown. */
export const approve = (
  context: CallContext,
  { callId, digest = 'sha256:none', verdict }: Review,
  fields: Partial<GrantedApproval> = {},
): GrantedApproval => ({
  digest,
  id: `${context.taskId}/${context.epoch}/${callId}-7f3a`,
  reasons: verdict.reasons.map(({ message: _, ...bare }) => bare),
  ...fields,
});

/** A signed approval that counted. */
export const vote = (by: string, ...roles: string[]): Vote => ({
  by,
  issuer: 'acme',
  roles,
  at: '2026-01-01T00:00:00Z',
});

/** A rule for approvals; what a test does not say asks for nobody in particular. */
export const rule = (fields: Partial<ApprovalRule>): ApprovalRule => ({
  name: 'r',
  when: {},
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  ...fields,
});

const opened: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

const runContext = ({ signal, attempt, cleanAttempts }: RunOptions) => ({
  cleanAttempts,
  signal: signal ?? new AbortController().signal,
  attempt: attempt ?? 1,
  heartbeat: () => undefined,
});

/** @param options `taskQueue` shares breakers and limits between gateways */
export const makeGateway = async (
  tools: readonly Tool[],
  options: {
    readonly authorizer?: Authorizer;
    readonly taskQueue?: string;
    readonly leaseMs?: number;
    readonly secrets?: readonly string[];
    readonly store?: (store: ControlStore) => ControlStore;
    readonly approvalRules?: readonly ApprovalRule[];
    /** Cedar, beside the default set. */
    readonly policies?: string;
  } = {},
): Promise<TestGateway> => {
  const agent = defineAgent({ name: 'a', instructions: 'x', tools });
  const taskQueue = options.taskQueue ?? `q-${randomUUID()}`;
  const own = await openStore({ url: inject('store'), namespace: 'default', taskQueue, maxConnections: 4 });
  opened.push(() => own.close());
  const store = options.store?.(own) ?? own;
  const baseDir = await mkdtemp(join(tmpdir(), 'policies-'));
  if (options.policies !== undefined) await writeFile(join(baseDir, 'own.cedar'), options.policies);
  const policy = await createPolicyEngine({
    tools: () => [...agent.tools.values()],
    files: { patterns: options.policies === undefined ? [] : ['own.cedar'], baseDir },
    epochs: store.policyEpochs,
    log,
  });
  opened.push(() => policy.close());
  const gateway = createGateway({
    approvalRules: options.approvalRules ?? [],
    agents: new Map([['a', agent]]),
    store,
    policy,
    authorizer: options.authorizer,
    secrets: options.secrets ?? [],
    leaseMs: options.leaseMs ?? 2_000,
    log,
  });
  return {
    gateway,
    store,
    agent,
    run: (tool, context, given = {}) =>
      gateway.run({
        call: { id: given.callId ?? 's1.c1', tool, args: given.args ?? {}, provenance: given.provenance },
        context,
        situation: given.situation,
        approval: given.approval,
        run: runContext(given),
      }),
    review: async (tool, context, given = {}) => {
      const id = given.callId ?? 's1.c1';
      const { confidence } = given;
      const why = { rationale: 'because', alternatives: [], basis: ['goal'], confidence };
      const decision = confidence === undefined ? {} : { decision: why };
      const { reviews } = await gateway.review({
        calls: [
          {
            id,
            providerId: '',
            name: tool,
            arguments: JSON.stringify({ ...decision, ...(given.args as object | undefined) }),
          },
        ],
        context,
        situation: given.situation,
        needsDecision: given.confidence !== undefined,
        ...(given.provenance === undefined ? {} : { provenance: { [id]: given.provenance } }),
      });
      const [review] = reviews;
      if (review === undefined) throw new Error('no review');
      return review;
    },
  };
};
