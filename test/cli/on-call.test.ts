import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import type { ConfigInput } from '../../src/config.ts';
import { CalibrationSchema } from '../../src/domain/schemas/decisions.ts';
import type { TaskSpec } from '../../src/domain/schemas/task-spec.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import type { Turn } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, startHarness, until } from '../support/harness.ts';
import { cli, makeFolder } from './support.ts';

const makeTool = (name: string, effect: 'read' | 'write') =>
  defineTool({
    name,
    description: name,
    effect,
    input: z.object({ at: z.string() }),
    execute: ({ at }) => `${name} ${at}`,
  });

const pay = withApproval(makeTool('pay', 'write'), { requireConfirmation: true, reason: 'payments ask' });
const agent = defineAgent({ name: 'clerk', instructions: 'Work.', tools: [pay, makeTool('look', 'read')] });

const call = (tool: string, at: string): Turn => ({ calls: [{ tool, args: { at } }] });

const start = async (
  script: readonly Turn[],
  { approvals, spec = {} }: { readonly approvals?: ConfigInput['approvals']; readonly spec?: Partial<TaskSpec> } = {},
) => {
  const harness = await startHarness({
    agents: [agent],
    script: [...script, { text: 'done' }],
    config: approvals === undefined ? {} : { approvals },
  });
  const principal = { ...ana, tenant: harness.newTaskId() };
  const task = await harness.client.start(
    { agent: 'clerk', goal: 'work', principal, ...spec },
    { taskId: harness.newTaskId() },
  );
  const cwd = await makeFolder();
  const options = { cwd, env: { HOLDFAST_STORE_URL: harness.store } };
  const at = ['--address', inject('temporal').address];
  return {
    ...harness,
    task,
    cwd,
    tenant: principal.tenant,
    hf: async (...args: string[]) => await cli([...args, ...at], options),
    asked: async (not?: string) =>
      await until(async () => (await task.status()).pending.find(({ id }) => id !== not), 'a question waits'),
  };
};

describe('somebody on call', { timeout: 120_000 }, () => {
  it('is told that a call waits at a limit, and a share that is allowed there counts as an approval', async () => {
    const { task, hf, asked } = await start([call('look', 'a'), call('look', 'b')], {
      spec: { limits: { steps: 1 }, onLimit: 'escalate' },
    });
    const { id } = await asked();

    const show = await hf('show', task.taskId);
    const approved = await hf('approve', task.taskId, '--allow', 'steps=9', '--by', 'ben');
    await task.result();
    const trace = await task.trace();
    const stats = await until(async () => {
      const { stdout } = await hf('decisions', '--by', 'rule', '--json');
      const [first] = CalibrationSchema.parse(JSON.parse(stdout)).stats;
      return first;
    }, 'it is recorded');

    expect(show.stdout).toContain(`look(at=a) waiting for “Allow more?” (${id}), and has not run`);
    expect(approved.code).toBe(0);
    expect(stats).toMatchObject({ asked: 1, approved: 1, edited: 0 });
    expect(trace.events.find(({ type }) => type === 'escalation')?.detail).toMatchObject({
      decision: 'approved',
      by: 'ben',
      allowed: { steps: 9 },
    });
  });

  it('allows no share of a call, and nothing is sent', async () => {
    const { task, hf, asked } = await start([call('pay', 'a')]);
    const { id } = await asked();

    const refused = await hf('approve', task.taskId, '--allow', 'steps=1', '--json');

    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`--allow goes with questions about a budget; ${id} is about the call of pay`);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { type: 'Usage' } });
    expect((await task.trace()).events.map(({ type }) => type)).not.toContain('message');
  });

  it('is told what a page token is, of a list and of the inbox', async () => {
    const { hf, asked, tenant, client, newTaskId } = await start([call('pay', 'a')]);
    await asked();
    await client.start({ agent: 'clerk', goal: 'more', principal: { ...ana, tenant } }, { taskId: newTaskId() });
    const mine = ['list', '--tenant', tenant, '--limit', '1'];
    // A full page has a next one, also where nothing follows yet.
    await until(async () => (await client.list({ tenant })).tasks.length === 2 || undefined, 'both are listed');
    const first = await hf(...mine, '--json');
    const next = (JSON.parse(first.stdout) as { next: string | null }).next ?? '';

    for (const args of [
      ['list', '--next', 'zzz'],
      ['inbox', '--next', 'zzz'],
      ['list', '--tenant', 'other', '--next', next],
      ['inbox', '--tenant', tenant, '--next', next],
      [...mine, '--next', `x${next}`],
    ]) {
      const { code, stdout, stderr } = await hf(...args, '--json');
      expect([args, code, JSON.parse(stdout).error.type]).toEqual([args, 1, 'Page.Unknown']);
      expect(stderr).toMatch(/^error: this is not the token of a next page of this list/);
    }
    const second = await hf(...mine, '--next', next, '--json');
    expect(JSON.parse(second.stdout)).toMatchObject({ tasks: [{ tenant }] });
  });

  it('takes back what stands by its call or its beginning, and is told where that is several', async () => {
    const { task, hf, asked } = await start(
      [{ calls: [...(call('pay', 'a').calls ?? []), ...(call('pay', 'b').calls ?? [])] }, call('pay', 'c')],
      { approvals: { rules: [{ name: 'all', scopes: ['once', 'values', 'tool'] }] } },
    );
    await until(async () => (await task.status()).pending.length === 2 || undefined, 'both ask');
    await hf('approve', task.taskId, 's1.c1', '--scope', 'values');
    await hf('approve', task.taskId, 's1.c2', '--scope', 'values');
    await until(async () => (await task.status()).pending[0]?.callId === 's2.c1' || undefined, 'the third asks');

    const several = await hf('revoke', task.taskId, 's1');
    const one = await hf('revoke', task.taskId, 's1.c1');
    const other = await hf('revoke', task.taskId, 's1.c2-');
    const none = await hf('revoke', task.taskId, 's1');

    expect([several.code, several.stderr]).toEqual([1, expect.stringMatching(/several.*name one: s1\.c1-.*, s1\.c2-/)]);
    expect([one.code, one.stderr, other.code, other.stderr]).toEqual([0, '', 0, '']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('nothing stands')]);
    await task.approve({ callId: (await asked()).id });
    await task.result();
  });

  it('is told of an approval that was not enough when the question expired, and what followed', async () => {
    const keys = await createKeyPair('ana');
    const { task, hf, cwd, asked } = await start([call('pay', 'a')], {
      approvals: {
        signers: [{ issuer: 'ana', publicKey: keys.publicKey as { kty: 'OKP' } }],
        rules: [{ name: 'two', quorum: 2, expire: { after: '15s', then: 'deny' } }],
      },
    });
    await writeFile(join(cwd, 'ana.key.json'), JSON.stringify(keys.privateKey), { mode: 0o600 });
    await asked();

    const voted = await hf('approve', task.taskId, '--key', 'ana.key.json');
    await task.result();

    expect(voted.code).toBe(0);
    for (const command of ['trace', 'show'])
      expect((await hf(command, task.taskId)).stdout).toMatch(
        /expired +s1\.c1-\S+ pay: nobody decided in time \(1 of 2 had approved: ana\); so it was denied/,
      );
  });
});
