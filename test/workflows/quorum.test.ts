import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { MODES, until, untilPending } from '../support/waiting.ts';
import {
  ben,
  callsOf,
  cat,
  eve,
  makeRule,
  onlyPending,
  pay,
  ranOf,
  signalsOf,
  startDesk,
  untilPage,
  workflowOf,
} from './desk-support.ts';
import type { FakeHarness } from './fakes.ts';
import { type Signer, sign } from './signing.ts';

const rule = makeRule({ quorum: 2, separate: true });
const dan: Signer = { by: 'dan', roles: ['finance', 'boss'] };

type Task = Awaited<ReturnType<FakeHarness['run']>>;

const signed = (who: Signer, pending: PendingDecision, said: Omit<Parameters<typeof sign>[2], 'name'> = {}) => ({
  callId: pending.id,
  token: sign(who, pending, { name: 'approve', ...said }),
});

/** A question with so many votes. */
const untilVotes = (task: Task, count: number): Promise<PendingDecision> =>
  until(
    async () => (await task.status()).pending.find(({ votes = [] }) => votes.length === count),
    `${count} people approved`,
  );

describe.each(MODES)('where two have to approve ($name)', ({ maxCachedWorkflows }) => {
  const start = async (options: Parameters<typeof startDesk>[2] = {}) => {
    const harness = await startDesk([[pay()]], rule, { maxCachedWorkflows, ...options });
    const task = await harness.run();
    const pending = await onlyPending(task);
    return { harness, task, pending, workflow: workflowOf(harness, task) };
  };

  it.each([
    { first: ben, second: cat },
    { first: cat, second: ben },
  ])(
    'the call runs once both did, in either order, by signal and by update: $first.by first',
    async ({ first, second }) => {
      const { harness, task, pending, workflow } = await start({ admission: { reports: 'all' } });

      const acknowledged = await task.approve(signed(first, pending));
      const voted = await untilVotes(task, 1);
      expect(ranOf(harness)).toEqual([]);
      const { callId: id, ...payload } = signed(second, voted);
      await workflow.signal(`approve ${id.replace('-', ' ')}`, payload);
      const outcome = await task.result();

      const [call] = callsOf(await task.trace());
      expect(acknowledged.pending).toEqual([pending.id]);
      expect(outcome.status).toBe('completed');
      expect(call?.human).toMatchObject({
        decision: 'approved',
        verified: true,
        by: `${first.by}, ${second.by}`,
        votes: [{ by: first.by }, { by: second.by }],
      });
      expect(ranOf(harness)).toHaveLength(1);
      const told = harness.platform.inputs.report.flatMap(({ events }) => events);
      expect(told.filter(({ type }) => type === 'voted')).toMatchObject([
        { id: `${id}/voted/1`, human: { by: first.by, verified: true } },
      ]);
    },
  );

  it('the same person counts once, by whichever issuer, and is told so', async () => {
    const { harness, task, pending, workflow } = await start();

    await task.approve(signed(ben, pending));
    await expect(task.approve(signed(ben, pending))).rejects.toThrow('your approval counts already; 1 of 2');
    await expect(task.approve(signed({ ...ben, issuer: 'https://other.example' }, pending))).rejects.toThrow(
      'counts already',
    );
    await workflow.signal('approve', {
      id: pending.id,
      token: sign({ ...ben, by: 'BEN' }, pending, { name: 'approve' }),
    });
    await untilPage(harness, task, 'counts already');

    expect((await untilVotes(task, 1)).votes).toHaveLength(1);
    expect(ranOf(harness)).toEqual([]);
  });

  it('two whose signatures are checked at the same time both count', async () => {
    const gate = Promise.withResolvers<undefined>();
    const { verifyFake } = await import('./signing.ts');
    const { harness, task, pending } = await start({
      verifyDecision: (input) => gate.promise.then(() => verifyFake(input)),
    });

    const both = [task.approve(signed(ben, pending)), task.approve(signed(cat, pending))];
    await until(() => harness.platform.inputs.verifyDecision.length === 2 || undefined, 'both are checked');
    gate.resolve(undefined);
    await Promise.all(both);

    expect((await task.result()).status).toBe('completed');
    expect(ranOf(harness)).toHaveLength(1);
  });

  it('one denial ends it', async () => {
    const { harness, task, pending } = await start();

    await task.approve(signed(ben, pending));
    await task.deny({ callId: pending.id, reason: 'no', token: sign(cat, pending, { name: 'deny', text: 'no' }) });
    await task.result();

    const [call] = callsOf(await task.trace());
    expect(call?.human).toMatchObject({ decision: 'denied', by: 'cat', votes: [{ by: 'cat' }] });
    expect(ranOf(harness)).toEqual([]);
  });

  it('neither the principal nor one without the role counts', async () => {
    const { task, pending } = await start();

    await expect(task.approve(signed({ by: 'ana', roles: ['finance'] }, pending))).rejects.toThrow(
      'duties are separated',
    );
    await expect(task.approve(signed(eve, pending))).rejects.toThrow('it needs one of finance');
    expect((await task.status()).pending[0]?.votes ?? []).toEqual([]);
  });

  it('changed arguments are reviewed and asked anew: votes of before are void', async () => {
    const { harness, task, pending, workflow } = await start();
    const less = { to: 'ben', amount: 1 };

    await task.approve(signed(ben, pending));
    await task.approve({ ...signed(cat, pending, { args: less, text: 'less' }), args: less, note: 'less' });
    const changed = await onlyPending(task);
    await expect(task.approve(signed(dan, pending))).rejects.toThrow(`${pending.id} was replaced by ${changed.id}`);
    await expect(task.approve(signed(cat, changed))).rejects.toThrow('your approval counts already; 1 of 2');

    expect(changed).toMatchObject({ args: less, votes: [{ by: 'cat' }] });
    expect(changed.id).not.toBe(pending.id);
    expect(changed.digest).not.toBe(pending.digest);
    expect(await signalsOf(harness, task)).toContain(`approve ${changed.id.replace('-', ' ')}`);
    expect(await signalsOf(harness, task)).not.toContain(`approve ${pending.id.replace('-', ' ')}`);

    await workflow.signal('approve', { id: changed.id, token: sign(ben, changed, { name: 'approve' }) });
    await task.result();

    expect(harness.platform.inputs.review).toHaveLength(1);
    expect(harness.platform.inputs.execute).toMatchObject([
      {
        call: { args: less },
        approval: {
          digest: changed.digest,
          human: { decision: 'edited', by: 'cat, ben', note: 'cat: less', votes: [{ by: 'cat' }, { by: 'ben' }] },
        },
      },
    ]);
  });

  it('of two who change the arguments at the same time the first wins', async () => {
    const gate = Promise.withResolvers<undefined>();
    const { harness, task, pending } = await start({ review: () => gate.promise.then(() => ({})) });
    const edit = (who: Signer, amount: number) => {
      const args = { to: 'ben', amount };
      return task.approve({ ...signed(who, pending, { args }), args });
    };

    const both = Promise.allSettled([edit(ben, 1), edit(cat, 2)]);
    await until(() => harness.platform.inputs.review.length === 2 || undefined, 'both are reviewed');
    gate.resolve(undefined);
    const settled = await both;
    const [changed] = await untilPending(task);

    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(changed?.votes).toHaveLength(1);
    expect(changed?.args).toMatchObject({ amount: changed?.votes?.[0]?.by === 'ben' ? 1 : 2 });
  });

  it('arguments that the review refuses change nothing', async () => {
    const { ApplicationFailure } = await import('@temporalio/common');
    const { task, pending } = await start({
      review: () => {
        throw ApplicationFailure.nonRetryable('no', 'Bug');
      },
    });

    await task.approve(signed(ben, pending));
    await expect(task.approve({ ...signed(cat, pending, { args: { to: 'x' } }), args: { to: 'x' } })).rejects.toThrow(
      'could not be checked',
    );

    expect(await untilVotes(task, 1)).toMatchObject({ id: pending.id, votes: [{ by: 'ben' }] });
  });

  it('the worker may restart between two votes', async () => {
    const { harness, task, pending } = await start();

    await task.approve(signed(ben, pending));
    await harness.stopWorker();
    const stop = await harness.startWorker();
    await expect(task.approve(signed(ben, pending))).rejects.toThrow('1 of 2');
    await stop();
    await harness.startWorker();
    await task.approve(signed(cat, pending));

    expect((await task.result()).status).toBe('completed');
    expect(ranOf(harness)).toHaveLength(1);
  });

  it('INVARIANT A2: two questions at once are decided in either order, and votes do not cross', async () => {
    const harness = await startDesk([[pay(), pay({ to: 'cat', amount: 7 })]], rule, { maxCachedWorkflows });
    const task = await harness.run();
    const [one, two] = await untilPending(task, 2);
    if (one === undefined || two === undefined) throw new Error('two are pending');

    await task.approve(signed(ben, two));
    await expect(task.approve({ ...signed(cat, one), callId: two.id })).rejects.toThrow('another id');
    await task.approve(signed(ben, one));
    await task.approve(signed(cat, two));
    const left = await onlyPending(task);
    await task.deny({ callId: one.id, token: sign(cat, one, { name: 'deny' }) });
    await task.result();

    expect(left).toMatchObject({ id: one.id, votes: [{ by: 'ben' }] });
    expect(harness.platform.inputs.execute.map(({ call }) => call.id)).toEqual(['s1.c2']);
  });
});

describe('a standing approval of several people', () => {
  it('reaches no further than each of them said', async () => {
    const calls = [[pay()], [pay({ to: 'ben', amount: 9 })], [pay({ to: 'eve', amount: 9 })]];
    const harness = await startDesk(calls, makeRule({ quorum: 2 }));
    const task = await harness.run();
    const first = await onlyPending(task);

    await task.approve({ ...signed(ben, first, { scope: 'tool' }), scope: 'tool' });
    await task.approve({ ...signed(cat, first, { scope: 'values', same: ['/to'] }), scope: 'values', same: ['/to'] });
    const asked = await until(
      async () => (await task.status()).pending.find(({ callId }) => callId === 's3.c1'),
      'the third call asks',
    );

    expect(asked.votes ?? []).toEqual([]);
    expect(harness.platform.inputs.execute.map(({ approval }) => approval?.human)).toMatchObject([
      { by: 'ben, cat', scope: 'values' },
      { by: 'ben, cat', standing: first.id, verified: true, votes: [{ by: 'ben' }, { by: 'cat' }] },
    ]);
  });
});
