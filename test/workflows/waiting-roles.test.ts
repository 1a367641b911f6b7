import { describe, expect, it } from 'vitest';
import { until, untilPending } from '../support/waiting.ts';
import { ben, makeRule, onlyPending, pay, ranOf, startDesk } from './desk-support.ts';
import { sign } from './signing.ts';

const groups = Array.from({ length: 50 }, (_, n) => `CN=approvers-${n},OU=Groups,DC=corp,DC=example,DC=com`);

describe('a question that very many roles may decide', () => {
  it('INVARIANT H1: wedges nothing, is found by whichever of them, and is decided', async () => {
    const roles = [...groups, ...ben.roles];
    const harness = await startDesk([[pay()]], makeRule({ roles }));
    const task = await harness.run();
    const pending = await onlyPending(task);
    const found = async (role: string) =>
      (await harness.client.inbox({ role }, { limit: 1_000 })).filter(({ taskId }) => taskId === task.taskId);

    expect(pending.who?.roles).toEqual(roles);
    for (const role of [groups[0] ?? '', groups.at(-1) ?? '', 'finance']) {
      await until(async () => (await found(role)).length === 1, `it is found by ${role}`);
    }
    expect(await found('clerk')).toEqual([]);

    await task.approve({ callId: pending.id, token: sign(ben, pending, { name: 'approve' }) });
    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(ranOf(harness)).toEqual(['execute s1.c1']);
    await untilPending(task, 0);
  });
});
