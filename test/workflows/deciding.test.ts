import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
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
  startDesk,
  untilPage,
  workflowOf,
} from './desk-support.ts';
import { sign, verifyFake } from './signing.ts';

const rule = makeRule();

describe.each(MODES)('a question that needs proof ($name)', ({ maxCachedWorkflows }) => {
  const start = async (options: Parameters<typeof startDesk>[2] = {}) => {
    const harness = await startDesk([[pay()]], rule, { maxCachedWorkflows, ...options });
    const task = await harness.run();
    const pending = await onlyPending(task);
    return { harness, task, pending, workflow: workflowOf(harness, task), id: pending.id };
  };

  it('INVARIANT A3: takes no claim: an update is refused before it is accepted, a signal is ignored on the page', async () => {
    const { harness, task, id, workflow } = await start();
    const before = (await workflow.describe()).historyLength;
    const forged = { id, by: 'ben', note: 'I am the boss' };

    await expect(task.approve({ callId: id, by: 'ben' })).rejects.toMatchObject({
      message: expect.stringContaining(
        `only a signed decision of finance counts here: holdfast approve ${task.taskId} ${id} --key FILE`,
      ),
    });
    await expect(task.deny({ callId: id, by: 'ben' })).rejects.toMatchObject({ type: 'Decision.Refused' });
    expect((await workflow.describe()).historyLength).toBe(before);
    for (const name of ['approve', 'deny', `approve ${id.replace('-', ' ')}`])
      await workflow.signal(name, name === 'deny' ? { id } : forged);
    await untilPage(harness, task, 'only a signed decision');

    expect((await task.status()).pending).toHaveLength(1);
    expect(ranOf(harness)).toEqual([]);
    expect(harness.platform.inputs.verifyDecision).toEqual([]);
  });

  it.each([{ how: 'update' }, { how: 'signal' }, { how: 'signal of its own name' }])(
    'is decided by a signature, and it stands in the trace ($how)',
    async ({ how }) => {
      const { harness, task, pending, workflow, id } = await start();
      const payload = { note: 'as agreed', token: sign(ben, pending, { name: 'approve', text: 'as agreed' }) };

      if (how === 'update') await task.approve({ callId: id, ...payload });
      else if (how === 'signal') await workflow.signal('approve', { id, ...payload });
      else await workflow.signal(`approve ${id.replace('-', ' ')}`, payload);
      const outcome = await task.result();
      const [call] = callsOf(await task.trace());

      expect(outcome.status).toBe('completed');
      expect(call?.human).toMatchObject({
        decision: 'approved',
        by: 'ben',
        verified: true,
        note: 'as agreed',
        votes: [{ by: 'ben', issuer: 'https://id.example', roles: ['finance'] }],
      });
      expect(JSON.stringify(harness.platform.inputs.execute)).not.toContain(payload.token);
      expect(harness.platform.inputs.verifyDecision[0]).toMatchObject({
        taskId: task.taskId,
        id,
        decision: 'approve',
        digest: pending.digest,
      });
    },
  );

  it.each([
    { name: 'another task', fields: { taskId: 'other' }, says: 'another taskId' },
    { name: 'another life of the task', fields: { epoch: 'other' }, says: 'another epoch' },
    { name: 'another question', fields: { id: 's9.c9-ffff' }, says: 'another id' },
    { name: 'other arguments', fields: { digest: 'sha256:00' as const }, says: 'another digest' },
  ])('does not take a signature for $name', async ({ fields, says }) => {
    const { harness, task, pending, id } = await start();
    const token = sign(ben, { ...pending, ...fields }, { name: 'approve' });

    await expect(task.approve({ callId: id, token })).rejects.toMatchObject({ message: expect.stringContaining(says) });

    expect((await task.status()).pending).toHaveLength(1);
    expect(ranOf(harness)).toEqual([]);
  });

  it('is approved, and not changed, by the very arguments that were asked about: they are not reviewed again', async () => {
    const { harness, task, pending, id } = await start();
    const args = { amount: 5, to: 'ben' };
    const token = sign(ben, pending, { name: 'approve', args });

    await task.approve({ callId: id, token, args });
    await task.result();

    expect(callsOf(await task.trace())[0]?.human).toMatchObject({ decision: 'approved', by: 'ben', verified: true });
    expect(harness.platform.inputs.review).toEqual([]);
    expect(ranOf(harness)).toHaveLength(1);
  });

  it('does not take a signature with other words, arguments or reach than were signed, or for another answer', async () => {
    const { harness, task, pending, id } = await start();
    const token = sign(ben, pending, { name: 'approve' });
    const edited = sign(ben, pending, { name: 'approve', args: { to: 'ben', amount: 1 } });

    await expect(task.approve({ callId: id, token, args: { to: 'eve' } })).rejects.toThrow('another content');
    await expect(task.approve({ callId: id, token: edited, args: { to: 'ben', amount: 10 } })).rejects.toThrow(
      'another content',
    );
    await expect(task.approve({ callId: id, token, note: 'x' })).rejects.toThrow('another content');
    await expect(task.approve({ callId: id, token, scope: 'tool' })).rejects.toThrow('another content');
    await expect(task.deny({ callId: id, token })).rejects.toThrow('another decision');
    expect(ranOf(harness)).toEqual([]);
    await task.approve({ callId: id, token: edited, args: { to: 'ben', amount: 1 } });
    await task.result();

    expect(harness.platform.inputs.execute).toMatchObject([
      { call: { args: { to: 'ben', amount: 1 } }, approval: { human: { decision: 'edited', verified: true } } },
    ]);
  });

  it('says who may decide, and who is not whom the message names', async () => {
    const { task, pending, id } = await start();

    await expect(task.approve({ callId: id, token: sign(eve, pending, { name: 'approve' }) })).rejects.toThrow(
      'eve may not decide this: it needs one of finance',
    );
    await expect(task.deny({ callId: id, token: sign(eve, pending, { name: 'deny' }) })).rejects.toThrow(
      'eve may not decide',
    );
    await expect(
      task.approve({ callId: id, by: 'ben', token: sign(cat, pending, { name: 'approve' }) }),
    ).rejects.toThrow('the signature is of cat');
    expect((await task.status()).pending).toHaveLength(1);
  });

  it('is denied by a signature, with the reason for the agent', async () => {
    const { harness, task, pending, id } = await start();

    await task.deny({ callId: id, reason: 'too much', token: sign(ben, pending, { name: 'deny', text: 'too much' }) });
    await task.result();

    const [call] = callsOf(await task.trace());
    expect(call).toMatchObject({
      human: { decision: 'denied', by: 'ben', verified: true },
      result: { status: 'rejected' },
    });
    expect(ranOf(harness)).toEqual([]);
  });

  it('stays when a signature cannot be checked, and is decided later', async () => {
    let times = 0;
    const { task, pending, id } = await start({
      verifyDecision: (input) => {
        if (times++ === 0) throw ApplicationFailure.nonRetryable('no', 'Bug');
        return verifyFake(input);
      },
    });
    const token = sign(ben, pending, { name: 'approve' });

    await expect(task.approve({ callId: id, token })).rejects.toThrow('the signature could not be checked');
    await task.approve({ callId: id, token });

    expect((await task.result()).status).toBe('completed');
  });
});

describe('while a signature is checked', () => {
  const start = async (
    verifyDecision: NonNullable<Parameters<typeof startDesk>[2]>['verifyDecision'],
    rules = rule,
  ) => {
    const harness = await startDesk([[pay({}, { isCompensable: true })]], rules, {
      verifyDecision: verifyDecision ?? verifyFake,
    });
    const task = await harness.run({ goal: 'work' });
    const pending = await onlyPending(task);
    return { harness, task, pending, id: pending.id, workflow: workflowOf(harness, task) };
  };
  /** Ben’s signature is checked for as long as the test says; others' at once. */
  const slowly = () => {
    const gate = Promise.withResolvers<undefined>();
    const verify = async (input: Parameters<typeof verifyFake>[0]) => {
      const verified = verifyFake(input);
      if (verified.ok && verified.by === 'ben') await gate.promise;
      return verified;
    };
    return { open: () => gate.resolve(undefined), verify };
  };

  it('somebody else may decide: the late one is told so, and changes nothing', async () => {
    const { open, verify } = slowly();
    const { harness, task, pending, id } = await start(verify);

    const late = task.approve({ callId: id, token: sign(ben, pending, { name: 'approve' }) }).catch(String);
    await until(() => harness.platform.inputs.verifyDecision.length === 1 || undefined, 'it is checked');
    await task.deny({ callId: id, token: sign(cat, pending, { name: 'deny' }) });
    open();

    expect(await late).toContain(`${id} was decided already (deny)`);
    expect(ranOf(harness)).toEqual([]);
    expect((await task.result()).status).toBe('completed');
  });

  it('the task may be cancelled: nothing runs, and the task ends', async () => {
    const { open, verify } = slowly();
    const { harness, task, pending, id, workflow } = await start(verify);

    await workflow.signal('approve', { id, token: sign(ben, pending, { name: 'approve' }) });
    await until(() => harness.platform.inputs.verifyDecision.length === 1 || undefined, 'it is checked');
    await task.cancel();
    await untilPending(task, 0);
    open();

    expect((await task.result()).status).toBe('cancelled');
    expect(ranOf(harness)).toEqual([]);
  });

  it('so many others wait that one more is told to come again', async () => {
    const { open, verify } = slowly();
    const { harness, task, pending, id, workflow } = await start(verify);
    const token = sign(ben, pending, { name: 'approve' });

    for (let n = 0; n < 17; n++) await workflow.signal('approve', { id, token });
    await untilPage(harness, task, 'too many signed decisions');
    open();

    expect((await task.result()).status).toBe('completed');
    expect(harness.platform.inputs.verifyDecision).toHaveLength(16);
    expect(ranOf(harness)).toHaveLength(1);
  });
});

it('INVARIANT E7: what is asked after a cancellation is decided by a signature, too', async () => {
  const harness = await startDesk([[{ tool: 'book', args: {}, isCompensable: true }], [pay()]], rule, {
    compensate: () => ({ status: 'failed', message: 'no' }),
  });
  const task = await harness.run();
  await untilPending(task);
  await task.cancel();
  const pending = await until(
    async () => (await task.status()).pending.find(({ kind }) => kind === 'compensation'),
    'it is asked about undoing',
  );

  await expect(task.approve({ callId: pending.id })).rejects.toThrow('only a signed decision');
  await task.approve({ callId: pending.id, token: sign(ben, pending, { name: 'approve' }) });

  expect(await task.result()).toMatchObject({ status: 'cancelled', effects: [{ status: 'compensated' }] });
});

describe('a question that anybody may decide', () => {
  const anyone = makeRule({ roles: [] });

  it('records a claim as one, and a signature as proof', async () => {
    const harness = await startDesk([[pay()], [pay({ to: 'cat', amount: 1 })]], anyone);
    const task = await harness.run();

    await task.approve({ callId: (await onlyPending(task)).id, by: 'the boss' });
    const second = await until(
      async () => (await task.status()).pending.find(({ callId }) => callId === 's2.c1'),
      'it asks again',
    );
    await task.approve({ callId: second.id, token: sign(eve, second, { name: 'approve' }) });
    await task.result();

    const [one, two] = harness.platform.inputs.execute.map(({ approval }) => approval?.human);
    expect(one).toMatchObject({ by: 'the boss', verified: false });
    expect(one?.votes).toBeUndefined();
    expect(two).toMatchObject({ by: 'eve', verified: true, votes: [{ by: 'eve', roles: ['clerk'] }] });
  });

  it('INVARIANT A3: does not take a wrong signature for a claim', async () => {
    const harness = await startDesk([[pay()]], anyone, {
      verifyDecision: () => ({ ok: false, refusal: 'the signature is wrong' }),
    });
    const task = await harness.run();
    const pending = await onlyPending(task);

    await expect(task.approve({ callId: pending.id, by: 'ben', token: 'a.b.c' })).rejects.toThrow(
      'the signature is wrong',
    );

    expect((await task.status()).pending).toHaveLength(1);
  });
});

describe('what anybody may send', () => {
  const deep = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as unknown;
  const payloads: readonly unknown[] = [
    { token: 'x'.repeat(9 * 1024) },
    { token: `a.${'b'.repeat(8 * 1024)}.c` },
    { token: { toString: 'a.b.c' } },
    { token: ['a.b.c'] },
    { token: 'not.a.jwt at all' },
    { args: deep(2_000) },
    { args: JSON.parse('{"__proto__":{"token":"a.b.c"},"constructor":1}') as unknown },
    { note: 'ä'.repeat(500_000) },
    { id: '💥\u202E\u0000', token: 'a.b.c' },
    { scope: 'tool', same: ['/__proto__'] },
    { scope: 'values', same: deep(100) },
    [{ token: 'a.b.c' }],
    'a.b.c',
  ];

  it('changes nothing and wedges nothing, by signal and by update', async () => {
    const harness = await startDesk([[pay()]], rule);
    const task = await harness.run();
    const pending = await onlyPending(task);
    const workflow = workflowOf(harness, task);

    const refused = { cause: { type: 'Decision.Refused' } };
    for (const payload of payloads) {
      await workflow.signal('approve', payload);
      await workflow.signal(`approve ${pending.id.replace('-', ' ')}`, payload);
      await expect(workflow.executeUpdate('approve', { args: [payload] })).rejects.toMatchObject(refused);
      await workflow.signal('revoke', payload);
    }
    await task.approve({ callId: pending.id, token: sign(ben, pending, { name: 'approve' }) });

    expect((await task.result()).status).toBe('completed');
    expect(ranOf(harness)).toHaveLength(1);
  });
});
