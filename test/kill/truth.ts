import proto from '@temporalio/proto';
import { verifyTask } from '../../src/cli/audit-report.ts';
import type { TaskHandle } from '../../src/client.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { openStore } from '../../src/store/index.ts';
import { readAuditAnchors } from '../../src/timeline/audit-anchors.ts';
import { until } from './cases.ts';
import { executionsOf } from './desk-agent.ts';
import { EDITED, type Saying } from './people.ts';
import type { Stage } from './stage.ts';

/** What has to come of a question. `amount`: what runs, once; undefined: nothing does. */
export type Expected = {
  readonly outcome: 'approved' | 'edited' | 'denied' | 'expired';
  readonly amount?: number | undefined;
  readonly by?: string;
  readonly isSigned: boolean;
  /** Of those who proved to have given it, in order. */
  readonly voters?: readonly string[];
  /** Approvals before the last one, where several people decide. */
  readonly votesBefore?: number;
  /** It expired, stayed with the task paused, and was decided then. */
  readonly isLate?: boolean;
};

/** A question as it was asked, and what has to come of it. */
export type Asked = { readonly pending: PendingDecision; readonly expected: Expected };

const OUTCOMES = { approve: 'approved', deny: 'denied', edit: 'edited' } as const;

/** What follows from what one person said. */
export const expectedOf = ({ verdict, by, isSigned }: Saying, amount: number): Expected => ({
  outcome: OUTCOMES[verdict],
  amount: { approve: amount, edit: EDITED, deny: undefined }[verdict],
  by,
  isSigned,
  ...(isSigned ? { voters: [by] } : {}),
});

type Human = {
  readonly decision: string;
  readonly by?: string | undefined;
  readonly verified: boolean;
  readonly voters?: readonly string[] | undefined;
};

/** Everything that says what happened to a task's calls, and what did happen. */
export type Truth = {
  readonly status: string;
  readonly effects: readonly string[];
  readonly denied: readonly string[];
  /** By whichever worker, each key once. */
  readonly ran: readonly string[];
  readonly usedApprovals: readonly string[];
  /** Keys of an effect, an execution or a used approval that are not those of the others. */
  readonly strayKeys: readonly string[];
  readonly humans: Readonly<Record<string, Human>>;
  /** As they are kept for calibration. */
  readonly rows: readonly unknown[];
  readonly trail: { readonly ok: boolean; readonly checked: string; readonly told: readonly string[] };
  /** Each webhook id once. */
  readonly messages: readonly string[];
  /** Why workers could not go on with a run: none may, whoever dies. */
  readonly wedged: readonly string[];
};

const OF_TASK = 'join holdfast.lives l on l.id = life_id where l.task_id = $1';

const query = async <Row>({ sql }: Stage, columns: string, { taskId }: TaskHandle): Promise<readonly Row[]> =>
  (await sql.query(`select ${columns} ${OF_TASK}`, [taskId])).rows as Row[];

const toldIn = ({ type, decisionId }: Readonly<Record<string, string>>): string => `${type} ${decisionId}`;

const trailOf = async ({ store: url, taskQueue, client }: Stage, taskId: string): Promise<Truth['trail']> => {
  const store = await openStore({ url, namespace: 'default', taskQueue });
  try {
    const { ok, checked } = await verifyTask(store.audit, taskId, await readAuditAnchors(client.temporal, taskId));
    const trail = await store.audit.page({ taskId, epoch: 'e1' }, { after: 0, limit: 500 });
    const told = trail.flatMap(({ entry: { type, detail } }) =>
      type === 'decision' ? [toldIn(detail as Record<string, string>)] : [],
    );
    return { ok, checked, told: told.toSorted() };
  } finally {
    await store.close();
  }
};

type Message = { readonly type: string; readonly data: { readonly taskId: string; readonly decisionId: string } };

/** What others were told of a task. */
const messagesOf = async ({ receiver, sql }: Stage, taskId: string): Promise<readonly string[]> => {
  const isEmpty = async () => (await sql.query('select from holdfast.outbox')).rowCount === 0 || undefined;
  await until(isEmpty, 'the outbox is empty');
  // A repeat has the same body.
  const all = new Map(receiver.received.map(({ id, body }) => [`${id} ${body}`, JSON.parse(body) as Message]));
  const told = [...all.values()].filter(({ data }) => data.taskId === taskId);
  return told.map(({ type, data }) => `${type.split('.').at(-1)} ${data.decisionId}`).toSorted();
};

/** A decision may come together with the end of a run; the server has the worker look again. */
const UNHANDLED = proto.temporal.api.enums.v1.WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND;

const wedgedIn = async (stage: Stage, task: TaskHandle, runId?: string): Promise<readonly string[]> => {
  const { events } = await stage.client.temporal.workflow.getHandle(task.taskId, runId).fetchHistory();
  const failed = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: each }) => (each == null ? [] : [each]));
  const before = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  return [
    ...(before === '' ? [] : await wedgedIn(stage, task, before)),
    ...failed.filter(({ cause }) => cause !== UNHANDLED).map(({ failure }) => failure?.message ?? ''),
  ];
};

/** Waits for a task's end, and looks everywhere. */
export const truthOf = async (stage: Stage, task: TaskHandle): Promise<Truth> => {
  const { status, reason, effects, denied = [] } = await task.result();
  const used = await query<{ approval: string; key: string }>(
    stage,
    'approval, key from holdfast.used_approvals',
    task,
  );
  const executions = executionsOf(stage.dir, task.taskId);
  const keys = [effects, executions, used].map((all) => new Set(all.map(({ key }) => key)));
  const { steps } = await task.trace();
  const humans = steps.flatMap(({ calls }) =>
    calls.map(({ id, human }) => {
      const { decision = 'none', by, verified = false, votes } = human ?? {};
      return [id, { decision, by, verified, voters: votes?.map((vote) => vote.by) }] as const;
    }),
  );
  const rows = 'decision_id, outcome, "by", verified from holdfast.decisions';
  return {
    status: `${status} ${reason ?? ''}`.trim(),
    effects: effects.map((effect) => `${effect.callId} ${effect.status}`),
    denied: denied.map(({ callId }) => callId),
    ran: [...new Map(executions.map(({ key, tool, args }) => [key, `${tool} ${args.amount}`])).values()].toSorted(),
    usedApprovals: used.map(({ approval, key }) => `${approval} for ${key.split('/').at(-2)}`).toSorted(),
    strayKeys: [...new Set(keys.flatMap((some) => [...some]))].filter((key) => !keys.every((some) => some.has(key))),
    humans: Object.fromEntries(humans),
    rows: (await query<{ decision_id: string }>(stage, rows, task)).toSorted((a, b) =>
      a.decision_id.localeCompare(b.decision_id),
    ),
    trail: await trailOf(stage, task.taskId),
    messages: await messagesOf(stage, task.taskId),
    wedged: await wedgedIn(stage, task),
  };
};

/** What the desk is to have told of a question, each once. */
const eventsOf = ({ pending: { id }, expected }: Asked): readonly string[] => {
  const { outcome, votesBefore = 0, isLate = false } = expected;
  return [
    `asked ${id}`,
    ...Array.from({ length: votesBefore }, () => `voted ${id}`),
    ...(isLate ? [`expired ${id}`] : []),
    `${outcome === 'expired' ? 'expired' : 'decided'} ${id}`,
  ];
};

/**
 * What has to be so once a task is over. INVARIANTS E1, E2, A3: each approved effect once, under one key, with the arguments that
 * were approved; each approval used once; everybody says the same of who decided what.
 * @param given its questions, in the order of its calls
 */
export const truthAbout = ({ taskId }: TaskHandle, given: readonly Asked[]): Truth => {
  const calls = given.toSorted((a, b) => a.pending.callId.localeCompare(b.pending.callId));
  const ran = calls.filter(({ expected }) => expected.amount !== undefined);
  const told = calls.flatMap(eventsOf).toSorted();
  return {
    status: 'completed',
    effects: ran.map(({ pending }) => `${pending.callId} succeeded`),
    denied: calls.flatMap(({ pending, expected }) => (expected.outcome === 'denied' ? [pending.callId] : [])),
    ran: ran.map(({ pending, expected }) => `${pending.tool} ${expected.amount}`).toSorted(),
    usedApprovals: ran.map(({ pending: { id, callId } }) => `${taskId}/e1/${id} for ${callId}`).toSorted(),
    strayKeys: [],
    humans: Object.fromEntries(
      calls.map(({ pending, expected: { outcome, by, isSigned, voters } }) => [
        pending.callId,
        { decision: outcome, by, verified: isSigned, voters },
      ]),
    ),
    rows: calls
      .map(({ pending, expected: { outcome, by = null, isSigned } }) => ({
        decision_id: pending.id,
        outcome,
        by,
        verified: isSigned,
      }))
      .toSorted((a, b) => a.decision_id.localeCompare(b.decision_id)),
    trail: { ok: true, checked: 'chain and history', told },
    messages: told,
    wedged: [],
  };
};
