import { describe, expect, it } from 'vitest';
import { MODES, until } from '../support/waiting.ts';
import {
  callsOf,
  makeRule,
  onlyPending,
  pay,
  ranOf,
  signalsOf,
  startDesk,
  untilPage,
  workflowOf,
} from './desk-support.ts';
import type { FakeCall } from './fakes.ts';

const rule = makeRule({ roles: [] });
const doorOf = (id: string): string => `revoke ${id.replace('-', ' ')}`;

describe.each(MODES)('a yes for more than one call ($name)', ({ maxCachedWorkflows }) => {
  const start = async (next: readonly FakeCall[], options: Parameters<typeof startDesk>[2] = {}) => {
    const calls = [[pay()], ...next.map((call) => [call])];
    const harness = await startDesk(calls, rule, { maxCachedWorkflows, ...options });
    const task = await harness.run();
    const pending = await onlyPending(task);
    const untilAsked = (callId: string) =>
      until(async () => (await task.status()).pending.find((each) => each.callId === callId), `${callId} asks`);
    return { harness, task, pending, id: pending.id, untilAsked, workflow: workflowOf(harness, task) };
  };

  it('for the tool covers every call of it, each by an approval of its own', async () => {
    const { harness, task, id } = await start([pay({ to: 'cat', amount: 1 }), pay({ to: 'dan', amount: 2 })]);

    await task.approve({ callId: id, scope: 'tool', by: 'ben' });
    const outcome = await task.result();

    const approvals = harness.platform.inputs.execute.map(({ approval }) => approval);
    expect(outcome.status).toBe('completed');
    expect(approvals.map((approval) => approval?.human)).toMatchObject([
      { scope: 'tool', by: 'ben', verified: false },
      { standing: id, by: 'ben', verified: false },
      { standing: id, by: 'ben', verified: false },
    ]);
    expect(new Set(approvals.map((approval) => approval?.id)).size).toBe(3);
    expect(approvals[2]?.id).toMatch(new RegExp(`/${id}/s3\\.c1$`));
  });

  it('INVARIANT A1: does not cover a policy that was rewritten under its id', async () => {
    const by = (policyDigest: string) =>
      pay({}, { reasons: [{ code: 'policy_forbids', message: 'over 50', policy: 'cap', policyDigest }] });
    const harness = await startDesk([[by('aa')], [by('aa')], [by('bb')]], rule, { maxCachedWorkflows });
    const task = await harness.run();
    const { id } = await onlyPending(task);

    await task.approve({ callId: id, scope: 'tool' });
    await until(async () => (await task.status()).pending.find(({ callId }) => callId === 's3.c1'), 's3.c1 asks');

    expect(ranOf(harness)).toEqual(['execute s1.c1', 'execute s2.c1']);
    expect(harness.platform.inputs.execute[1]?.approval).toMatchObject({
      human: { standing: id },
      reasons: [{ code: 'policy_forbids', policy: 'cap', policyDigest: 'aa' }],
    });
    await task.cancel();
    await task.result();
  });

  it('for values covers a call with the same, and not one with others', async () => {
    const { harness, task, id, untilAsked } = await start([
      pay({ to: 'ben', amount: 6 }),
      pay({ to: 'eve', amount: 5 }),
    ]);

    await task.approve({ callId: id, scope: 'values', same: ['/to'] });
    await untilAsked('s3.c1');

    expect(ranOf(harness)).toEqual(['execute s1.c1', 'execute s2.c1']);
  });

  it.each([
    {
      name: 'another reason',
      call: pay({}, { reasons: [{ code: 'policy_forbids', message: 'at night', policy: 'night' }] }),
    },
    {
      name: 'a reason more, that is about one call',
      call: pay(
        {},
        {
          reasons: [
            { code: 'confirmation_required', message: 'asks' },
            { code: 'untrusted_argument', message: 'outside' },
          ],
        },
      ),
    },
    { name: 'another surface', call: pay({}, { toolDigest: 'sha256:bb' }) },
    { name: 'another tool', call: pay({}, { tool: 'pay2' }) },
    { name: 'a rule that asks for a signature', call: pay({}, { rule: makeRule() }) },
    { name: 'a higher risk', call: pay({}, { risk: 'high' }) },
  ])('does not cover $name', async ({ call }) => {
    const { harness, task, id, untilAsked } = await start([call]);

    await task.approve({ callId: id, scope: 'tool' });
    await untilAsked('s2.c1');

    expect(ranOf(harness)).toEqual(['execute s1.c1']);
  });

  it('is not mixed up with another one for the same tool', async () => {
    const night = { reasons: [{ code: 'policy', message: 'at night' }] };
    const { harness, task, id, untilAsked } = await start([
      pay({}, night),
      pay({}, { tool: 'other' }),
      pay(),
      pay({ to: 'cat' }, night),
    ]);

    await task.approve({ callId: id, scope: 'tool' });
    const second = await untilAsked('s2.c1');
    await task.approve({ callId: second.id, scope: 'tool' });
    const third = await untilAsked('s3.c1');
    await task.revoke(id);
    await task.approve({ callId: third.id });
    const fourth = await untilAsked('s4.c1');
    expect(await signalsOf(harness, task)).toContain(doorOf(second.id));
    await task.approve({ callId: fourth.id });
    await task.result();

    expect(harness.platform.inputs.execute.at(-1)?.approval?.human.standing).toBe(second.id);
  });

  it('that is taken back while something else waits covers nothing any more, and its door is gone', async () => {
    const other = pay({}, { tool: 'other' });
    const { harness, task, id, untilAsked, workflow } = await start([other, pay({ to: 'ben', amount: 5 })], {
      admission: { reports: 'decisions' },
    });

    await task.approve({ callId: id, scope: 'tool' });
    const waiting = await untilAsked('s2.c1');
    expect(await signalsOf(harness, task)).toContain(doorOf(id));
    await workflow.signal(doorOf(id), { by: 'cat' });
    await until(async () => !(await signalsOf(harness, task)).includes(doorOf(id)) || undefined, 'its door is gone');
    await task.approve({ callId: waiting.id });
    await untilAsked('s3.c1');

    expect(ranOf(harness)).toEqual(['execute s1.c1', 'execute s2.c1']);
    const told = await until(() => {
      const events = harness.platform.inputs.report.flatMap(({ events: all }) => all);
      return events.find(({ type }) => type === 'revoked');
    }, 'the store is told');
    expect(told).toMatchObject({ id: `${id}/revoked`, decisionId: id, tool: 'pay', codes: ['confirmation_required'] });
  });

  it('that is taken back twice, or by a name that is not there, is refused with what there is', async () => {
    const { harness, task, id, untilAsked, workflow } = await start([pay({}, { tool: 'other' })]);
    await task.approve({ callId: id, scope: 'values' });
    await untilAsked('s2.c1');

    await expect(task.revoke('s9.c9-ffff')).rejects.toThrow(
      `no approval "s9.c9-ffff" stands in this task; standing: ${id}`,
    );
    await expect(workflow.executeUpdate('revoke', { args: [] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('{"id":"s3.c1-7f3a","by":"ben"}') },
    });
    await task.revoke(id, 'cat');
    await expect(task.revoke(id)).rejects.toThrow('nothing stands');
    await workflow.signal('revoke', { id });
    await workflow.signal(doorOf(id));

    await untilPage(harness, task, 'nothing stands');
  });

  it('cannot reach further than the question says', async () => {
    const { harness, task } = await start([]);
    const high = await startDesk([[pay({}, { risk: 'high' })]], rule, { maxCachedWorkflows });
    const other = await high.run();
    const { id } = await onlyPending(other);

    await expect(other.approve({ callId: id, scope: 'tool' })).rejects.toThrow(
      `a yes to ${id} cannot reach as far as "tool"; possible: once`,
    );
    await expect(
      task.approve({ callId: (await onlyPending(task)).id, scope: 'values', same: ['/cc'] }),
    ).rejects.toThrow('no argument "/cc"');
    expect(ranOf(harness)).toEqual([]);
  });

  it('that is taken back while the task is paused covers nothing once it goes on', async () => {
    const gate = Promise.withResolvers<undefined>();
    const harness = await startDesk([[pay()], [pay(), pay({ to: 'cat', amount: 1 })]], rule, {
      maxCachedWorkflows,
      execute: ({ call }) => (call.id === 's2.c1' ? gate.promise.then(() => ({})) : {}),
    });
    const task = await harness.run();
    const { id } = await onlyPending(task);
    await task.approve({ callId: id, scope: 'tool' });
    await until(() => ranOf(harness).includes('execute s2.c1') || undefined, 'the second call runs');

    await task.pause();
    gate.resolve(undefined);
    await until(async () => callsOf(await task.trace()).find((call) => call.id === 's2.c1')?.result, 'it has run');
    await until(async () => ((await task.status()).status === 'paused' ? true : undefined), 'the task is paused');
    await task.revoke(id);
    await task.resume();

    await until(async () => (await task.status()).pending.find(({ callId }) => callId === 's2.c2'), 's2.c2 asks');
    expect(ranOf(harness)).toEqual(['execute s1.c1', 'execute s2.c1']);
  });

  it('survives a restart of the worker', async () => {
    const { harness, task, id, untilAsked } = await start([pay({}, { tool: 'other' }), pay()]);
    await task.approve({ callId: id, scope: 'tool' });
    const { id: waiting } = await untilAsked('s2.c1');

    await harness.stopWorker();
    await harness.startWorker();
    expect(await signalsOf(harness, task)).toContain(doorOf(id));
    await task.approve({ callId: waiting });

    expect((await task.result()).status).toBe('completed');
    expect(harness.platform.inputs.execute.at(-1)?.approval?.human.standing).toBe(id);
  });
});
