import type pg from 'pg';
import { verifyTask } from '../../src/cli/audit-report.ts';
import type { AgentClient, TaskHandle } from '../../src/client.ts';
import type { HumanDecision } from '../../src/domain/decision.ts';
import type { Outcome } from '../../src/domain/task.ts';
import type { ControlStore } from '../../src/gateway/ports.ts';
import { readAuditAnchors } from '../../src/timeline/audit-anchors.ts';
import type { Saying } from '../kill/people.ts';
import type { AgentName } from './agent.ts';
import type { Minutes } from './person.ts';
import type { World } from './world.ts';

type EffectRecord = Outcome['effects'][number];

/** What happened outside and may not have: twice, or without the platform's knowledge. */
const wrongOutside = (world: World, { taskId, effects }: Outcome): string[] => {
  const known = new Set(effects.map(({ key }) => key));
  return [...world.effects]
    .filter(([key]) => key.startsWith(`${taskId}/`))
    .flatMap(([key, { times, tool }]) => [
      ...(times > 1 ? [`${tool} happened ${times} times under ${key}`] : []),
      ...(known.has(key) ? [] : [`${tool} happened, and the outcome does not know of it: ${key}`]),
    ]);
};

/** What the platform says of an effect and is not so. */
const wrongSaid = (world: World, { key, status, tool }: EffectRecord, isFailing: boolean): string[] => {
  const { times, undone } = world.effects.get(key) ?? { times: 0, undone: 0 };
  const rules: readonly [boolean, string][] = [
    [status === 'unknown', 'is unknown at the end'],
    [status === 'succeeded' && times !== 1, `is said to have succeeded, and happened ${times} times`],
    [status === 'failed' && times !== 0, `is said to have failed, and happened ${times} times`],
    [status === 'compensated' && undone !== 1, 'is said to be undone, and is not'],
    [isFailing && tool !== 'plain' && status === 'succeeded', 'was not undone'],
  ];
  return rules.filter(([isWrong]) => isWrong).map(([, what]) => `${tool} ${what}: ${key}`);
};

/** What may not be: an effect twice, one lost, one that nobody knows of, one not undone. */
export const wrongEffects = (world: World, outcome: Outcome, isFailing: boolean): readonly string[] => {
  const expected = isFailing ? 'limit' : 'completed';
  const isRight = outcome.status === expected;
  return [
    ...(isRight ? [] : [`ended as ${outcome.status} (${outcome.reason ?? ''}), not ${expected}`]),
    ...wrongOutside(world, outcome),
    ...outcome.effects.flatMap((effect) => wrongSaid(world, effect, isFailing)),
  ];
};

/** Where what people decided is looked up. */
export type Records = {
  readonly client: AgentClient;
  readonly store: Pick<ControlStore, 'audit'>;
  readonly sql: pg.Pool;
};

const OF_TASK = 'join holdfast.lives l on l.id = life_id where l.task_id = $1';

/** INVARIANTS E2, A1: every effect of an agent that asks has used an approval of its own, and nothing else has. */
const wrongApprovals = async ({ sql }: Records, { taskId, effects }: Outcome): Promise<readonly string[]> => {
  const { rows } = await sql.query<{ key: string }>(`select key from holdfast.used_approvals ${OF_TASK}`, [taskId]);
  const used = rows.map(({ key }) => key);
  const ran = new Set(effects.map(({ key }) => key));
  return [
    ...[...ran].filter((key) => !used.includes(key)).map((key) => `ran without an approval: ${key}`),
    ...used.filter((key, at) => !ran.has(key) || used.indexOf(key) !== at).map((key) => `used an approval: ${key}`),
  ];
};

/** A decision in a line: what, whether it is proven, by whom. */
const inWords = (decision: string, isProven: boolean, names: readonly (string | undefined)[]): string =>
  [decision, isProven ? 'proven' : 'claimed', ...names.map(String).toSorted((a, b) => a.localeCompare(b))].join(' ');

const DECISIONS = { approve: 'approved', deny: 'denied', edit: 'edited' } as const;

/** All who are asked the same say the same. */
const decisionOf = ([first]: readonly Saying[]): string => (first === undefined ? 'none' : DECISIONS[first.verdict]);

const asSaid = (sayings: readonly Saying[]): string =>
  inWords(
    decisionOf(sayings),
    sayings.every(({ isSigned }) => isSigned),
    sayings.map(({ by }) => by),
  );

const asTold = ({ decision, verified, votes, by }: HumanDecision): string =>
  inWords(decision, verified, votes?.map((vote) => vote.by) ?? [by]);

/** INVARIANT A3: by whom a call was decided, as the trace tells and as it was said. What came of an effect is told in its place. */
const wrongPeople = async (task: TaskHandle, minutes: Minutes): Promise<readonly string[]> => {
  const { steps } = await task.trace();
  const said = new Map([...minutes.values()].map(({ callId, sayings }) => [callId, asSaid(sayings)] as const));
  return steps
    .flatMap(({ calls }) => calls)
    .flatMap(({ id, human, result }) => {
      const wanted = said.get(id);
      const isAnotherQuestion = String(result?.output).startsWith('A person checked');
      if (wanted === undefined || human === undefined || isAnotherQuestion) return [];
      const told = asTold(human);
      return told === wanted ? [] : [`${id}: the trace tells "${told}", and it was "${wanted}"`];
    });
};

/** What happened is what was approved, and nothing where it was denied; every decision stands in the records once, as it was made. */
const wrongDecisions = async (world: World, { sql }: Records, { taskId }: Outcome, minutes: Minutes) => {
  const { rows } = await sql.query<{ decision_id: string; outcome: string }>(
    `select decision_id, outcome from holdfast.decisions ${OF_TASK} and kind = 'approval'`,
    [taskId],
  );
  return [...minutes].flatMap(([id, { callId, what, sayings }]) => {
    const outcome = decisionOf(sayings);
    const kept = rows.filter((row) => row.decision_id === id).map((row) => row.outcome);
    const effect = world.effects.get(world.keyOf(taskId, callId));
    return [
      ...(kept.join() === outcome ? [] : [`${id} was ${outcome}, and the records say "${kept.join()}"`]),
      ...(effect === undefined || effect.what === what ? [] : [`"${effect.what}" happened, not "${what}": ${callId}`]),
    ];
  });
};

/** What may not be where people are asked. */
export const wrongAnswers = async (
  world: World,
  records: Records,
  { outcome, task, agent, minutes }: { outcome: Outcome; task: TaskHandle; agent: AgentName; minutes: Minutes },
): Promise<readonly string[]> => {
  const { client, store } = records;
  const trail = await verifyTask(store.audit, task.taskId, await readAuditAnchors(client.temporal, task.taskId));
  const problems = trail.lives.flatMap((life) => life.problems.map(({ problem }) => problem));
  if (agent === 'free') return problems;
  return [
    ...problems,
    ...(await wrongApprovals(records, outcome)),
    ...(await wrongPeople(task, minutes)),
    ...(await wrongDecisions(world, records, outcome, minutes)),
  ];
};
