import type { ApprovalRule } from '../../src/domain/approval-rule.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import type { Trace } from '../../src/domain/trace.ts';
import type { TaskHandle } from '../../src/task-handle.ts';
import { until, untilPending } from '../support/waiting.ts';
import { type FakeCall, type FakeHarness, type FakeOptions, startFakes } from './fakes.ts';
import { verifyFake } from './signing.ts';

/** An approval rule for everything. */
export const makeRule = (fields: Partial<ApprovalRule> = {}): ApprovalRule => ({
  name: 'money',
  when: {},
  roles: ['finance'],
  quorum: 1,
  verified: false,
  separate: false,
  escalate: [],
  ...fields,
});

export const ben = { by: 'ben', roles: ['finance'] };
export const cat = { by: 'cat', roles: ['finance'] };
/** Proven, and without the role. */
export const eve = { by: 'eve', roles: ['clerk'] };

/** A call that asks. */
export const pay = (
  args: Record<string, unknown> = { to: 'ben', amount: 5 },
  fields: Partial<FakeCall> = {},
): FakeCall => ({
  tool: 'pay',
  args,
  asks: true,
  toolDigest: 'sha256:aa',
  risk: 'medium',
  ...fields,
});

/** A worker whose model proposes these calls, one proposal after another, with an approval rule for all of them. */
export const startDesk = (
  calls: readonly (readonly FakeCall[])[],
  rule: ApprovalRule,
  options: Partial<FakeOptions> = {},
): Promise<FakeHarness> =>
  startFakes({
    steps: (step) => ({
      calls: calls[step - 1]?.map((call) => ({ rule, ...call })) ?? [],
      ...(calls[step - 1] ? {} : { text: 'done' }),
    }),
    verifyDecision: verifyFake,
    ...options,
    admission: { approvalRules: [rule], ...options.admission },
  });

/** The one question that waits. */
export const onlyPending = async (task: TaskHandle): Promise<PendingDecision> => {
  const [pending] = await untilPending(task);
  if (pending === undefined) throw new Error('nothing is pending');
  return pending;
};

export const workflowOf = ({ client }: FakeHarness, { taskId }: TaskHandle) =>
  client.temporal.workflow.getHandle(taskId);

/** The page that the UI shows. */
const pageOf = async (harness: FakeHarness, task: TaskHandle): Promise<string> => {
  const metadata = await workflowOf(harness, task).query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
};

/** The names of all signals that the UI lists. */
export const signalsOf = async (harness: FakeHarness, task: TaskHandle): Promise<readonly string[]> => {
  const { definition } = await workflowOf(harness, task).query<{
    definition: { signalDefinitions: readonly { name: string }[] };
  }>('__temporal_workflow_metadata');
  return definition.signalDefinitions.map(({ name }) => name);
};

/** Waits until the page says so. */
export const untilPage = (harness: FakeHarness, task: TaskHandle, words: string): Promise<string> =>
  until(async () => {
    const page = await pageOf(harness, task);
    return page.includes(words) ? page : undefined;
  }, `the page says: ${words}`);

/** All calls of a trace. */
export const callsOf = ({ steps }: Trace) => steps.flatMap(({ calls }) => calls);

/** The result of every call that was run. */
export const ranOf = ({ platform }: FakeHarness): readonly string[] =>
  platform.log.filter((what) => what.startsWith('execute'));
