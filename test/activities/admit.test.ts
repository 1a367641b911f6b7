import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { admit } from '../../src/activities/admit.ts';
import type { Admission } from '../../src/activities/messages.ts';
import type { ActivityDeps, AgentFacts, CallContext } from '../../src/activities/ports.ts';
import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import { digestJson } from '../../src/domain/digest.ts';

const SCHEMA = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };

const makeRule = (name: string, when: ApprovalRule['when'] = {}): ApprovalRule => ({
  name,
  when,
  roles: [],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
});

type Given = {
  readonly spec?: Record<string, unknown>;
  readonly agent?: Partial<AgentFacts>;
  readonly deps?: Partial<ActivityDeps>;
};

/** Runs the activity; what it told the register is kept. */
const run = async ({ spec = {}, agent = {}, deps = {} }: Given) => {
  const registered: unknown[] = [];
  const activity = { info: { workflowExecution: { workflowId: 't-1' } } } as unknown as Context;
  const all = {
    agents: { find: () => ({ name: 'clerk', model: { name: 'scripted' }, limits: {}, ...agent }) },
    namespace: { searchAttributes: async () => [] },
    tasks: {
      register: async (task: unknown) => {
        registered.push(task);
        return { epoch: 'e1' };
      },
    },
    heartbeatTimeoutMs: 1_000,
    approvalRules: [],
    endpoints: [],
    principals: async (claimed: CallContext['principal']) => claimed,
    ...deps,
  } as unknown as ActivityDeps;
  const whole = { agent: 'clerk', goal: 'work', principal: { id: 'ana' }, ...spec };
  const admission = await asyncLocalStorage.run(activity, () => admit(all, { spec: whole, firstRunId: 'r1' }));
  return { admission, registered, whole };
};

const admitted = async (given: Given): Promise<Admission> => (await run(given)).admission;

const refusal = async (given: Given): Promise<ApplicationFailure> => {
  const error: unknown = await run(given).catch((failure: unknown) => failure);
  if (error instanceof ApplicationFailure) return error;
  throw new Error('it was admitted', { cause: error });
};

describe('the budget review point', () => {
  it.each<Given & { name: string; point: Admission['reviewPoint'] }>([
    { name: 'is nowhere where the budget is only the platform’s own', point: undefined },
    { name: 'is nowhere for limits of steps', spec: { limits: { steps: 5, duration: '1h' } }, point: undefined },
    {
      name: 'is at half of what the task limits',
      spec: { limits: { costUsd: 2 } },
      point: { share: 0.5, of: ['costUsd'] },
    },
    {
      name: 'is at half of what the agent limits, too',
      spec: { limits: { costUsd: 2 } },
      agent: { limits: { tokens: 100 } },
      point: { share: 0.5, of: ['costUsd', 'tokens'] },
    },
    {
      name: 'is where the agent says',
      agent: { limits: { tokens: 100 }, reviewAt: 0.8 },
      point: { share: 0.8, of: ['tokens'] },
    },
    {
      name: 'is where the task says, whatever the agent says',
      spec: { reviewAt: 0.2 },
      agent: { limits: { tokens: 100 }, reviewAt: 0.8 },
      point: { share: 0.2, of: ['tokens'] },
    },
    { name: 'is nowhere at 1', spec: { limits: { tokens: 100 }, reviewAt: 1 }, point: undefined },
  ])('$name', async ({ point, ...given }) => {
    expect((await admitted(given)).reviewPoint).toEqual(point);
  });
});

describe('what happens at a limit', () => {
  const fallback = { output: { answer: 'unknown' } };

  it.each<Given & { name: string; expected: Partial<Admission> }>([
    {
      name: 'is what the task says',
      spec: { onLimit: 'escalate' },
      agent: { onLimit: 'fallback' },
      expected: { onLimit: 'escalate' },
    },
    {
      name: 'is what the agent says, where the task does not',
      agent: { onLimit: 'escalate' },
      expected: { onLimit: 'escalate' },
    },
    {
      name: 'is the agent’s fallback',
      spec: { onLimit: 'fallback' },
      agent: { fallback, output: SCHEMA },
      expected: { onLimit: 'fallback', fallback },
    },
  ])('$name', async ({ expected, ...given }) => {
    expect(await admitted(given)).toMatchObject(expected);
  });

  it('is the end, where nobody says anything, and the fallback is there for questions that expire', async () => {
    const admission = await admitted({ agent: { fallback } });

    expect(admission).not.toHaveProperty('onLimit');
    expect(admission.fallback).toEqual(fallback);
  });

  it.each<Given & { name: string; says: string }>([
    {
      name: 'there is none',
      spec: { onLimit: 'fallback' },
      says: 'the fallback of agent clerk cannot be used: it has none.',
    },
    {
      name: 'it does not meet the agent’s schema',
      spec: { onLimit: 'fallback' },
      agent: { fallback: { output: 'text' }, output: SCHEMA },
      says: 'its output does not meet the output schema: / must be object',
    },
    {
      name: 'it does not meet the task’s own schema',
      spec: { onLimit: 'fallback', output: { ...SCHEMA, required: ['answer', 'why'] } },
      agent: { fallback, output: SCHEMA },
      says: "must have required property 'why'",
    },
  ])('cannot be a fallback when $name', async ({ says, ...given }) => {
    const failure = await refusal(given);

    expect(failure).toMatchObject({ type: 'Spec.Invalid', nonRetryable: true });
    expect(failure.message).toContain(says);
  });

  it('has no fallback that does not meet the schema, where none is asked for', async () => {
    const admission = await admitted({ spec: { output: SCHEMA }, agent: { fallback: { output: 7 } } });

    expect(admission).not.toHaveProperty('fallback');
  });
});

describe('confidence', () => {
  it.each([
    { task: undefined, agent: undefined, expected: undefined },
    { task: 0.6, agent: undefined, expected: 0.6 },
    { task: undefined, agent: 0.7, expected: 0.7 },
    { task: 0.6, agent: 0.7, expected: 0.7 },
    { task: 0.8, agent: 0.7, expected: 0.8 },
  ])('of task $task and agent $agent: the stricter counts', async ({ task, agent, expected }) => {
    const admission = await admitted({
      spec: task === undefined ? {} : { escalate: { confidenceBelow: task } },
      agent: agent === undefined ? {} : { confidenceBelow: agent },
    });

    expect(admission.context.confidenceBelow).toBe(expected);
  });
});

describe('INVARIANT A3: the principal of a task', () => {
  const claimed = { id: 'ana', roles: ['admin'], tenant: 'acme' };
  const known = { id: 'ana', roles: ['clerk'], tenant: 'acme-eu' };

  it('is whom the host knows, wherever it is used, and the digest is of the specification as it was given', async () => {
    const { admission, registered, whole } = await run({
      spec: { principal: claimed },
      deps: { principals: async () => known },
    });

    expect(admission.context.principal).toEqual(known);
    expect(registered).toMatchObject([{ principalId: 'ana', tenant: 'acme-eu', specDigest: digestJson(whole) }]);
  });

  it('that the host refuses starts nothing, and is not registered', async () => {
    const registered: unknown[] = [];
    const failure = await refusal({
      deps: {
        principals: () => Promise.reject(ApplicationFailure.nonRetryable('nobody knows ana.', 'Principal.Refused')),
        tasks: { register: async () => registered.push('x') } as unknown as ActivityDeps['tasks'],
      },
    });

    expect(failure.type).toBe('Principal.Refused');
    expect(registered).toEqual([]);
  });
});

describe('what the desk goes by', () => {
  it('are the rules that can hold for this agent and tenant, and what is reported', async () => {
    const rules = [
      makeRule('all'),
      makeRule('mine', { agents: ['clerk'], tenants: ['acme'] }),
      makeRule('another-agent', { agents: ['buyer'] }),
      makeRule('another-tenant', { tenants: ['other'] }),
    ];
    const quiet = await admitted({
      spec: { principal: { id: 'ana', tenant: 'acme' } },
      deps: { approvalRules: rules },
    });
    const loud = await admitted({ deps: { approvalRules: rules, endpoints: ['pager'] } });

    expect(quiet.approvalRules?.map(({ name }) => name)).toEqual(['all', 'mine']);
    expect(quiet).toMatchObject({ reports: 'decisions', findsLoops: true });
    expect(loud.approvalRules?.map(({ name }) => name)).toEqual(['all']);
    expect(loud.reports).toBe('all');
  });

  it('is there for every task, also where nobody wrote a rule', async () => {
    expect((await admitted({})).approvalRules).toEqual([]);
  });

  it('is whether the final output is reviewed', async () => {
    expect(await admitted({ agent: { reviewOutput: true } })).toMatchObject({ reviewOutput: true });
    expect(await admitted({})).not.toHaveProperty('reviewOutput');
  });
});
