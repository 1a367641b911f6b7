import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { ask, only, refusalOf, tell, until, untilActivities, untilWaits, type Waiting } from './cases.ts';
import { executionsOf } from './desk-agent.ts';
import { DOORS, type Saying } from './people.ts';
import { makePlans, type Plan, pick, random } from './plans.ts';
import { type Stage, startStage } from './stage.ts';
import { arm, isReached } from './stops.ts';
import { type Asked, type Expected, expectedOf, truthAbout, truthOf } from './truth.ts';

/** Other plans: `HOLDFAST_KILL_SEED=7 npm test -- test/kill/decisions.test.ts`. */
const SEED = Number(process.env['HOLDFAST_KILL_SEED'] ?? 20_261_121);
const TIMEOUT_MS = 300_000;

type Said = Asked & { readonly saying: Saying };
/** A task of a plan: its two questions in the order in which they are decided. */
type Case = Waiting & { readonly first: Said; readonly second: Said };

const askAsPlanned = async (stage: Stage, { parts, first }: Plan): Promise<Case> => {
  const waiting = await ask(stage, parts[0].tool, parts[1].tool);
  const toSaid = (at: 0 | 1): Said => ({
    pending: waiting.pending[at] as PendingDecision,
    saying: parts[at].saying,
    expected: expectedOf(parts[at].saying, (at + 1) * 100),
  });
  return { ...waiting, first: toSaid(first), second: toSaid(first === 0 ? 1 : 0) };
};

const tellIt = (stage: Stage, { pending, saying }: Said): Promise<void> => tell(stage, pending, saying);

/** What is so once all are over, and what has to be. */
const truths = async (stage: Stage, cases: readonly Case[]) => ({
  is: await Promise.all(cases.map(({ task }) => truthOf(stage, task))),
  hasToBe: cases.map(({ task, first, second }) => truthAbout(task, [first, second])),
});

describe.concurrent(`workers killed by SIGKILL, seed ${SEED}`, () => {
  const start = async (plans: readonly Plan[], atEnd: Parameters<typeof startStage>[0]) => {
    const stage = await startStage(atEnd);
    stage.workers.start();
    return { stage, cases: await Promise.all(plans.map((plan) => askAsPlanned(stage, plan))) };
  };

  describe('two approvals that wait at the same time', { timeout: TIMEOUT_MS }, () => {
    it('before the decisions arrive: each counts once, in either order, by signal and by update', async ({
      onTestFinished,
    }) => {
      const { stage, cases } = await start(makePlans(SEED), onTestFinished);

      await stage.workers.kill();
      const said = cases.flatMap(({ first, second }) => {
        const one = tellIt(stage, first);
        const isSignal = first.saying.door.startsWith('signal');
        return [one, isSignal ? one.then(() => tellIt(stage, second)) : tellIt(stage, second)];
      });
      stage.workers.start();
      await Promise.all(said);

      const { is, hasToBe } = await truths(stage, cases);
      expect(is).toEqual(hasToBe);
    });

    it('right after the first decision: it stays decided, the other one still waits, under the id that it had', async ({
      onTestFinished,
    }) => {
      const { stage, cases } = await start(makePlans(SEED + 1), onTestFinished);

      await Promise.all(cases.map(({ first }) => tellIt(stage, first)));
      await stage.workers.kill();
      stage.workers.start();
      await Promise.all(
        cases.map((each) => {
          const { id, digest } = each.second.pending;
          return untilWaits(stage, each, (all) => all.length === 1 && all[0]?.id === id && all[0].digest === digest);
        }),
      );
      // The same again, and the opposite: neither changes anything.
      for (const { first } of cases) {
        const again = { ...first.saying, door: 'update' } as const;
        const opposite = { ...again, verdict: again.verdict === 'deny' ? 'approve' : 'deny' } as const;
        expect(await refusalOf(tell(stage, first.pending, again))).toContain('was decided already');
        expect(await refusalOf(tell(stage, first.pending, opposite))).toContain('was decided already');
      }
      await Promise.all(cases.map(({ second }) => tellIt(stage, second)));

      const { is, hasToBe } = await truths(stage, cases);
      expect(is).toEqual(hasToBe);
    });

    it('between the check of a signature and the decision: INVARIANT A3, what was proven counts, once', async ({
      onTestFinished,
    }) => {
      const sign = (part: Plan['parts'][0]) => ({ ...part, saying: { ...part.saying, isSigned: true } });
      const plans = makePlans(SEED + 2).map(
        ({ parts: [one, other], first }): Plan => ({ parts: [sign(one), sign(other)], first }),
      );
      const { stage, cases } = await start(plans, onTestFinished);

      await stage.workers.kill();
      // Takes the messages, and cannot check them.
      stage.workers.start('workflows');
      const said = cases.map(({ first }) => tellIt(stage, first));
      await untilActivities(stage, cases, { type: 'verifyDecision', count: 1, are: 'scheduled' });
      await stage.workers.kill();
      // Checks them, and cannot decide.
      stage.workers.start('activities');
      await untilActivities(stage, cases, { type: 'verifyDecision', count: 1, are: 'completed' });
      await stage.workers.kill();
      said.push(...cases.map(({ second }) => tellIt(stage, second)));
      stage.workers.start();
      await Promise.all(said);

      const { is, hasToBe } = await truths(stage, cases);
      expect(is).toEqual(hasToBe);
    });

    it('in the middle of an approved effect: INVARIANTS E1, E2, it happens once, as it was approved, and is not asked again', async ({
      onTestFinished,
    }) => {
      const plans = makePlans(SEED + 3).filter(({ parts }) => parts.some(({ saying }) => saying.verdict !== 'deny'));
      const { stage, cases } = await start(plans, onTestFinished);
      const next = random(SEED);
      const points = cases.map(({ task }) => `${pick(next, ['before-effect', 'after-effect'])} ${task.taskId}`);
      for (const point of points) arm(stage.dir, point);

      await Promise.all(cases.flatMap(({ first, second }) => [tellIt(stage, first), tellIt(stage, second)]));
      await until(
        () => points.every((point) => isReached(stage.dir, point)) || undefined,
        'every task is in the middle of an effect',
      );
      await stage.workers.kill();
      stage.workers.start();

      const { is, hasToBe } = await truths(stage, cases);
      expect(is).toEqual(hasToBe);
      for (const { task, first, second } of cases) {
        const effects = [first, second].filter(({ expected }) => expected.amount !== undefined).length;
        expect(executionsOf(stage.dir, task.taskId).length).toBeLessThanOrEqual(effects + 1);
      }
    });
  });

  describe('a quorum of two', { timeout: TIMEOUT_MS }, () => {
    it('after the first vote: it counts once, and another worker takes the second', async ({ onTestFinished }) => {
      const stage = await startStage(onTestFinished);
      const next = random(SEED);
      const vote = (by: Saying['by'], verdict: Saying['verdict'] = 'approve'): Saying => ({
        verdict,
        by,
        isSigned: true,
        door: pick(next, DOORS),
      });
      stage.workers.start();
      const votes = DOORS.map((door) => [{ ...vote('ben'), door }, vote('cat')] as const);
      const sayings = [...votes, [vote('ben'), vote('cat', 'deny')] as const];
      const cases = await Promise.all(
        sayings.map(async ([one, other]) => ({ ...(await ask(stage, 'vault')), one, other })),
      );

      await Promise.all(cases.map((each) => tell(stage, only(each), each.one)));
      await stage.workers.kill();
      stage.workers.start();
      for (const each of cases) {
        await untilWaits(stage, each, ([waits]) => waits?.votes?.map(({ by }) => by).join() === 'ben');
        const again = tell(stage, only(each), { ...each.one, door: 'update' });
        expect(await refusalOf(again)).toContain('counts already; 1 of 2');
        expect(executionsOf(stage.dir, each.task.taskId)).toEqual([]);
      }
      await stage.workers.kill();
      const said = cases.map((each) => tell(stage, only(each), each.other));
      stage.workers.start();
      await Promise.all(said);

      const both = { outcome: 'approved', amount: 100, by: 'ben, cat', voters: ['ben', 'cat'] } as const;
      const no = { outcome: 'denied', by: 'cat', voters: ['cat'] } as const;
      const expectedBy = ({ verdict }: Saying): Expected => ({
        ...(verdict === 'deny' ? no : both),
        isSigned: true,
        votesBefore: 1,
      });
      const is = await Promise.all(cases.map(({ task }) => truthOf(stage, task)));
      expect(is).toEqual(
        cases.map((each) => truthAbout(each.task, [{ pending: only(each), expected: expectedBy(each.other) }])),
      );
    });
  });
});
