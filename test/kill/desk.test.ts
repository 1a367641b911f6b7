import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { startSpecialServer } from '../support/special-server.ts';
import { ask, only, refusalOf, tell, until, untilActivities, untilWaits, type Waiting, whatWaits } from './cases.ts';
import { executionsOf } from './desk-agent.ts';
import type { Saying } from './people.ts';
import { pick, random } from './plans.ts';
import { type Stage, startStage } from './stage.ts';
import { arm, isReached } from './stops.ts';
import { type Asked, type Expected, expectedOf, truthAbout, truthOf } from './truth.ts';

/** Other kills: `HOLDFAST_KILL_SEED=7 npm test -- test/kill/desk.test.ts`. */
const SEED = Number(process.env['HOLDFAST_KILL_SEED'] ?? 20_261_121);
const TIMEOUT_MS = 300_000;

type Case = Waiting & { readonly said: readonly Asked[] };

/** What is so once all are over, and what has to be. */
const truths = async (stage: Stage, cases: readonly Case[]) => ({
  is: await Promise.all(cases.map(({ task }) => truthOf(stage, task))),
  hasToBe: cases.map(({ task, said }) => truthAbout(task, said)),
});

const claim = (verdict: Saying['verdict'], door: Saying['door'] = 'signal'): Saying => ({
  verdict,
  by: 'ben',
  isSigned: false,
  door,
});
const signed = (by: Saying['by'], door: Saying['door'] = 'signal'): Saying => ({
  verdict: 'approve',
  by,
  isSigned: true,
  door,
});

const deadlineOf = (waiting: Waiting): number => Date.parse(only(waiting).deadline ?? '');
const expecting = (waiting: Waiting, expected: Expected): Case => ({
  ...waiting,
  said: [{ pending: only(waiting), expected }],
});

describe.concurrent(`questions whose workers are killed with SIGKILL, seed ${SEED}`, { timeout: TIMEOUT_MS }, () => {
  it('while the deadline passes: it expires once, when a worker is back, and what was sent meanwhile counts', async ({
    onTestFinished,
  }) => {
    const stage = await startStage(onTestFinished);
    stage.workers.start();
    // The first task waits for the worker; the others have their seconds.
    await (await stage.run()).result();
    const [nobody, early, late, proven, paused] = await Promise.all([
      ask(stage, 'brief'),
      ask(stage, 'brief'),
      ask(stage, 'brief'),
      ask(stage, 'signed-brief'),
      ask(stage, 'pausing'),
    ]);
    const all = [nobody, early, late, proven, paused];

    await stage.workers.kill();
    await tell(stage, only(early), claim('approve'));
    await tell(stage, only(proven), signed('cat'));
    expect(Date.now(), 'the machine is too slow for this').toBeLessThan(Math.min(...all.map(deadlineOf)));
    await until(() => Date.now() > Math.max(...all.map(deadlineOf)) || undefined, 'the deadlines have passed');
    await tell(stage, only(late), claim('approve', 'signal by name'));
    stage.workers.start();
    await until(async () => (await nobody.task.status()).pending.length === 0 || undefined, 'one expires');
    await until(async () => (await paused.task.status()).status === 'paused' || undefined, 'one pauses');
    await stage.workers.kill();
    stage.workers.start();
    await tell(stage, only(paused), claim('approve', 'update'));
    await paused.task.resume();

    const expired = { outcome: 'expired', isSigned: false } as const;
    const { is, hasToBe } = await truths(stage, [
      expecting(nobody, expired),
      expecting(early, expectedOf(claim('approve'), 100)),
      expecting(late, expectedOf(claim('approve'), 100)),
      expecting(proven, expectedOf(signed('cat'), 100)),
      expecting(paused, { ...expectedOf(claim('approve'), 100), isLate: true }),
    ]);
    expect(is).toEqual(hasToBe);
    const { steps } = await nobody.task.trace();
    expect(Date.parse(steps[0]?.calls[0]?.human?.at ?? '')).toBeGreaterThanOrEqual(deadlineOf(nobody));
  });

  it('around the hand-over to a new run: INVARIANT A4, questions, votes and ids stay, each effect happens once', async ({
    onTestFinished,
  }) => {
    const server = await startSpecialServer({ 'limit.historyCount.suggestContinueAsNew': '45' });
    onTestFinished(server.stop);
    const stage = await startStage(onTestFinished, server.address);
    const next = random(SEED);
    stage.workers.start();
    const both = await ask(stage, 'pay', 'wire');
    const vault = await ask(stage, 'vault');
    const vote = { ...signed('ben', 'update'), updateId: 'the-vote-of-ben' } as const;
    await tell(stage, only(vault), vote);

    for (const waiting of [both, vault]) await untilNewRun(stage, waiting, next);
    // The same update again, and the same vote: both are known.
    await tell(stage, only(vault), vote);
    expect(await refusalOf(tell(stage, only(vault), signed('ben', 'update')))).toContain('counts already; 1 of 2');
    const after = { both: await whatWaits(stage, both), vault: await whatWaits(stage, vault) };
    expect(after.both).toEqual(both.pending);
    expect(after.vault).toMatchObject([{ id: only(vault).id, digest: only(vault).digest, votes: [{ by: 'ben' }] }]);
    const [pay, wire] = both.pending as readonly [PendingDecision, PendingDecision];
    // What comes while nobody is there is given to the next worker together with the start of the run.
    await stage.workers.kill();
    const said = [tell(stage, pay, claim('approve', 'update')), tell(stage, only(vault), signed('cat'))];
    stage.workers.start();
    await Promise.all(said);
    await tell(stage, wire, signed('dan', 'update by name'));

    const { is, hasToBe } = await truths(stage, [
      {
        ...both,
        said: [
          { pending: pay, expected: expectedOf(claim('approve'), 100) },
          { pending: wire, expected: expectedOf(signed('dan'), 200) },
        ],
      },
      expecting(vault, {
        outcome: 'approved',
        amount: 100,
        by: 'ben, cat',
        isSigned: true,
        voters: ['ben', 'cat'],
        votesBefore: 1,
      }),
    ]);
    expect(is).toEqual(hasToBe);
  });

  it('between a decision and its report: it is told once, and the trail verifies', async ({ onTestFinished }) => {
    const stage = await startStage(onTestFinished);
    stage.workers.start();
    const cases = await Promise.all([ask(stage, 'pay'), ask(stage, 'pay')]);
    const [yes, no] = cases;
    await stage.workers.kill();
    // Takes decisions, and cannot report them.
    stage.workers.start('workflows');
    await tell(stage, only(yes), claim('approve'));
    await tell(stage, only(no), claim('deny', 'update'));
    await untilActivities(stage, cases, { type: 'report', count: 2, are: 'scheduled' });
    await stage.workers.kill();
    stage.workers.start();

    const { is, hasToBe } = await truths(stage, [
      expecting(yes, expectedOf(claim('approve'), 100)),
      expecting(no, expectedOf(claim('deny'), 100)),
    ]);
    expect(is).toEqual(hasToBe);
  });

  it('after a report, and while a message is on its way: the rows stay one each, the message comes again under its id', async ({
    onTestFinished,
  }) => {
    const stage = await startStage(onTestFinished);
    stage.workers.start();
    const waiting = await ask(stage, 'pay');
    await until(() => stage.receiver.received.length === 1 || undefined, 'somebody hears that it is asked');
    arm(stage.dir, `after-report ${waiting.task.taskId}`);
    const { answer } = stage.receiver;
    // Takes it, and does not say so.
    stage.receiver.answer = () => undefined;

    await tell(stage, only(waiting), claim('approve'));
    await until(() => stage.receiver.received.length === 2 || undefined, 'the decision is on its way');
    await until(() => isReached(stage.dir, `after-report ${waiting.task.taskId}`) || undefined, 'it is reported');
    await stage.workers.kill();
    stage.receiver.answer = answer;
    // The dead worker's lease is over.
    await stage.sql.query('update holdfast.outbox set next_at = now()');
    stage.workers.start();

    const { is, hasToBe } = await truths(stage, [expecting(waiting, expectedOf(claim('approve'), 100))]);
    expect(is).toEqual(hasToBe);
    const [, first, second, ...more] = stage.receiver.received;
    expect(second).toEqual(first);
    expect(more).toEqual([]);
    expect(executionsOf(stage.dir, waiting.task.taskId)).toHaveLength(1);
  });
});

/** Sends what counts for nothing until the run has a successor; the workers are killed on the way there, and when it is there. */
const untilNewRun = async (stage: Stage, waiting: Waiting, next: () => number): Promise<void> => {
  const workflow = stage.client.temporal.workflow.getHandle(waiting.task.taskId);
  const { runId } = await workflow.describe();
  const isNew = async () => (await workflow.describe()).runId !== runId;
  const isHeard = async () =>
    (await workflow.describe()).raw.pendingWorkflowTask == null || (await isNew()) || undefined;
  const killAt = pick(next, [2, 4, 6, 8]);
  for (let sent = 0; !(await isNew()); sent++) {
    if (sent > 60) throw new Error(`${sent} messages, and no new run`);
    await workflow.signal('approve', 'nonsense');
    if (sent === killAt) {
      await stage.workers.kill();
      stage.workers.start();
    }
    await until(isHeard, 'the message is heard');
  }
  await stage.workers.kill();
  stage.workers.start();
  await untilWaits(stage, waiting, (all) => all.length === waiting.pending.length);
};
