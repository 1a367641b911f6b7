import { describe, expect, it } from 'vitest';
import type { Admission } from '../../src/activities/messages.ts';
import type { ApprovalRule, Risk } from '../../src/domain/approval-rule.ts';
import type { Undo } from '../../src/domain/compensation.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import type { Review } from '../../src/domain/proposal.ts';
import { askAboutCall, askAboutUndo, askWhether, askWhetherToUndo } from '../../src/workflows/questions.ts';
import { askAboutOutput, askToGoOn } from '../../src/workflows/review-questions.ts';
import { TaskState } from '../../src/workflows/state.ts';
import { makeRule } from './desk-support.ts';

const undo = (tool: string, risk: Risk | undefined): Undo => ({
  callId: 's1.c1',
  tool,
  args: {},
  key: tool,
  timeoutMs: 1_000,
  ...(risk === undefined ? {} : { risk }),
});

/** A task that runs under these rules. */
const taskWith = (rules: readonly ApprovalRule[], undos: readonly Undo[] = []): TaskState => {
  const task = new TaskState({ taskId: 't', runId: 'r' }, {});
  const context = { taskId: 't', epoch: 'e', agent: 'clerk', principal: { id: 'ana', tenant: 'acme' } };
  const limits = { steps: 10, toolCalls: 10, tokens: 10, costUsd: 1, durationMs: 1, invalidProposals: 1 };
  task.admission = { agent: 'clerk', context, limits, approvalRules: rules } as unknown as Admission;
  task.undo.push(...undos);
  return task;
};

const POLICY = { code: 'policy_forbids', message: '', policy: 'own.cap' };

/** A call about which the gateway said nothing but its reasons: its rule is looked up here. */
const review: Review = {
  callId: 's1.c1',
  tool: 'bank.pay',
  effect: 'write',
  verdict: { outcome: 'ask', reasons: [POLICY] },
  risk: 'high',
};

const call = (of: Review) => {
  const raw = { id: 's1.c1', providerId: '', name: of.tool, arguments: '{}' };
  return [
    { raw, review: of, args: {}, decision: undefined },
    { review: of, args: {} },
  ] as const;
};

const due = (task: TaskState) =>
  askToGoOn(task, { code: 'review_point', reached: { limit: 'costUsd', used: 1, max: 1 }, why: '' });

const pay = undo('bank.pay', 'high');

const QUESTIONS: Readonly<Record<string, (rules: readonly ApprovalRule[]) => PendingDecision>> = {
  approval: (rules) => askAboutCall(taskWith(rules), ...call(review)),
  answer: (rules) =>
    askAboutCall(
      taskWith(rules),
      ...call({
        ...review,
        tool: 'ask_human',
        question: 'which?',
        verdict: { outcome: 'allow', reasons: [] },
        risk: 'low',
      }),
    ),
  'review of a budget': (rules) => due(taskWith(rules)),
  'review of a result': (rules) => askAboutOutput(taskWith(rules), 'done'),
  effect: (rules) => askWhether(taskWith(rules), pay, ''),
  'compensation that failed': (rules) => askAboutUndo(taskWith(rules), pay, { code: 'undo_failed', why: '' }),
  'compensation of what others rely on': (rules) =>
    askAboutUndo(taskWith(rules), pay, { code: 'undo_shared', why: '' }),
  'compensation of a task': (rules) =>
    askWhetherToUndo(taskWith(rules, [undo('notes.add', 'low'), pay]), { status: 'failed' }),
};

type When = ApprovalRule['when'];

/** By field: what fits a question about a call of `bank.pay`, and what does not. */
const FIELDS: Readonly<Record<string, { readonly fits: When; readonly not: When }>> = {
  tools: { fits: { tools: ['bank.*'] }, not: { tools: ['mail.*'] } },
  risks: { fits: { risks: ['high'] }, not: { risks: ['medium'] } },
  agents: { fits: { agents: ['clerk'] }, not: { agents: ['boss'] } },
  tenants: { fits: { tenants: ['acme'] }, not: { tenants: ['other'] } },
  policies: { fits: { policies: ['own.cap'] }, not: { policies: ['own.other'] } },
  kinds: {
    fits: { kinds: ['approval', 'answer', 'review', 'effect', 'compensation'] },
    not: { kinds: [] },
  },
};

/** Fields by which a question is never found: it is about no tool, or no policy is why it is asked. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  approval: [],
  answer: ['policies'],
  'review of a budget': ['tools', 'risks', 'policies'],
  'review of a result': ['tools', 'risks', 'policies'],
  effect: ['policies'],
  'compensation that failed': ['policies'],
  'compensation of what others rely on': ['policies'],
  'compensation of a task': ['policies'],
};

const fitting = (question: string, field: string): When => {
  if (question !== 'answer') return FIELDS[field]?.fits ?? {};
  return { tools: { tools: ['ask_*'] }, risks: { risks: ['low' as const] } }[field] ?? FIELDS[field]?.fits ?? {};
};

const ROWS = Object.keys(QUESTIONS).flatMap((question) =>
  Object.keys(FIELDS).map((field) => ({ question, field, fits: NEVER[question]?.includes(field) !== true })),
);

describe('the approval rule of a question', () => {
  it.each(ROWS)('$question is found by its $field: $fits', ({ question, field, fits }) => {
    const ask = QUESTIONS[question];
    const asked = ask?.([makeRule({ name: 'money', when: fitting(question, field) })]);

    expect(asked?.rule).toBe(fits ? 'money' : 'default');
    expect(asked?.who?.roles).toEqual(fits ? ['finance'] : []);
    expect(ask?.([makeRule({ name: 'money', when: FIELDS[field]?.not ?? {} })]).rule).toBe('default');
  });

  it.each(['effect', 'compensation that failed', 'compensation of what others rely on', 'compensation of a task'])(
    'INVARIANT A3: stands for a call that ran unattended like for one that asked: %s says its risk',
    (question) => {
      expect(QUESTIONS[question]?.([])).toMatchObject({ risk: 'high' });
    },
  );
});

describe('INVARIANT A3: who undoes all that a task did', () => {
  const lenient = makeRule({ name: 'notes', when: { tools: ['notes.*'] }, roles: [] });
  const signed = makeRule({ name: 'signed', when: { tools: ['mail.*'] }, roles: [], verified: true });
  const role = makeRule({ name: 'role', when: { tools: ['bank.*'] } });
  const two = makeRule({ name: 'two', when: { tools: ['pay.*'] }, quorum: 2 });
  const anyone = makeRule({ name: 'anyone', when: { kinds: ['compensation'] }, roles: [] });
  const RULES = [lenient, signed, role, two, anyone];

  it.each([
    { tools: ['notes.add'], rule: 'anyone' },
    { tools: ['notes.add', 'mail.send'], rule: 'signed' },
    { tools: ['bank.pay', 'mail.send', 'notes.add'], rule: 'role' },
    { tools: ['mail.send', 'pay.out', 'bank.pay'], rule: 'two' },
    { tools: [], rule: 'anyone' },
  ])('is found by the strictest of the rules of $tools: $rule', ({ tools, rule }) => {
    const task = taskWith(
      RULES,
      tools.map((tool) => undo(tool, 'medium')),
    );

    expect(askWhetherToUndo(task, { status: 'failed' }).rule).toBe(rule);
  });

  it('in a task of before is found as it was: its history tells', () => {
    const task = taskWith([role], [undo('bank.pay', undefined)]);

    expect(askWhetherToUndo(task, { status: 'failed' })).toMatchObject({ rule: 'default' });
    expect(askWhetherToUndo(task, { status: 'failed' })).not.toHaveProperty('risk');
  });
});
