import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { signDecision } from '../../src/client.ts';
import type { ConfigInput } from '../../src/config.ts';
import { ShowSchema, TaskListSchema } from '../../src/domain/schemas/list.ts';
import { InboxSchema } from '../../src/domain/schemas/pending.ts';
import { ProgressSchema } from '../../src/domain/schemas/progress.ts';
import type { TaskSpec } from '../../src/domain/schemas/task-spec.ts';
import { TraceSchema } from '../../src/domain/schemas/trace.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import type { Turn } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { startHarness, until, untilPending } from '../support/harness.ts';
import { type CliResult, cli, makeFolder, startCli } from './support.ts';

const people = await Promise.all(['ana', 'ben', 'eva'].map(createKeyPair));

const pay = withApproval(
  defineTool({
    name: 'pay',
    description: 'Pays somebody',
    effect: 'write',
    input: z.object({ to: z.string(), amount: z.number() }),
    execute: ({ to }) => `paid ${to}`,
  }),
  { requireConfirmation: true, reason: 'payments always ask' },
);

const APPROVALS: ConfigInput['approvals'] = {
  signers: people.map(({ publicKey }, index) => ({
    issuer: ['ana', 'ben', 'eva'][index] ?? '',
    publicKey: publicKey as { kty: 'OKP' },
    roles: index === 2 ? ['clerks'] : ['treasurers'],
  })),
};

const QUORUM: ConfigInput['approvals'] = {
  ...APPROVALS,
  rules: [
    {
      name: 'payments',
      when: { tools: ['pay'] },
      roles: ['treasurers'],
      quorum: 2,
      remind: '10m',
      escalate: [{ after: '30m', roles: ['directors'] }],
      expire: { after: '2h', then: 'deny' },
    },
  ],
};

const call = (args: Record<string, unknown> = { to: 'kim', amount: 40 }): Turn => ({
  calls: [{ tool: 'pay', args }],
});

/** A task that asks, and the command line on the same server, with the keys of three people in its folder. */
const start = async (
  approvals: ConfigInput['approvals'],
  script: readonly Turn[] = [call()],
  more: Partial<TaskSpec> = {},
) => {
  const agent = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [pay] });
  const harness = await startHarness({
    agents: [agent],
    script: [...script, { text: 'done' }],
    config: approvals === undefined ? {} : { approvals },
  });
  const cwd = await makeFolder();
  for (const { privateKey } of people) {
    const { iss } = privateKey as { iss: string };
    await writeFile(join(cwd, `${iss}.key.json`), JSON.stringify(privateKey), { mode: 0o600 });
  }
  const principal = { id: 'kim', tenant: harness.newTaskId() };
  const spec = { agent: 'clerk', goal: 'pay', principal, ...more };
  const task = await harness.client.start(spec, { taskId: harness.newTaskId() });
  const [pending] = await untilPending(task);
  if (pending === undefined) throw new Error('nothing is pending');
  const env = { HOLDFAST_TASK_QUEUE: harness.taskQueue, HOLDFAST_STORE_URL: harness.store };
  const at = ['--address', inject('temporal').address];
  return {
    ...harness,
    task,
    taskId: task.taskId,
    id: pending.id,
    tenant: principal.tenant,
    watch: (...args: readonly string[]) => startCli(['inbox', '--watch', ...args, ...at], { cwd, env }),
    /** Signed in the name of one of the people, by their number. */
    sign: async (person: number) => {
      const { privateKey } = people[person] ?? {};
      if (privateKey === undefined) throw new Error('no such person');
      const { iss: issuer } = privateKey as { iss: string };
      return await signDecision({ pending, decision: 'approve', namespace: 'default', issuer, key: privateKey });
    },
    hf: async (args: readonly string[], stdin?: string): Promise<CliResult> =>
      await cli([...args, ...at], { cwd, env, ...(stdin === undefined ? {} : { stdin }) }),
  };
};

const parse = <T extends z.ZodType>(schema: T, { stdout }: CliResult): z.output<T> => schema.parse(JSON.parse(stdout));

describe('deciding on the command line', { timeout: 120_000 }, () => {
  it('shows who may decide, how many, and what happens while nobody does', async () => {
    const { hf, taskId, tenant } = await start(QUORUM);
    await until(
      async () => parse(InboxSchema, await hf(['inbox', '--tenant', tenant, '--json'])).length === 1 || undefined,
      'it is in the inbox',
    );

    const mine = ['inbox', '--tenant', tenant];
    const found = parse(InboxSchema, await hf([...mine, '--role', 'treasurers', '--risk', 'medium', '--json']));
    const [other, anybody, old] = await Promise.all([
      hf([...mine, '--role', 'clerks', '--json']),
      hf([...mine, '--anybody', '--json']),
      hf([...mine, '--older-than', '1h']),
    ]);
    const text = (await hf(mine)).stdout;
    const list = await hf(['list', '--tenant', tenant]);
    const json = parse(TaskListSchema, await hf(['list', '--tenant', tenant, '--json']));

    expect(found).toMatchObject([
      {
        taskId,
        rule: 'payments',
        who: { roles: ['treasurers'], quorum: 2, verified: expect.any(Boolean) },
        timeline: [{ do: 'remind' }, { do: 'escalate', roles: ['directors'] }, { do: 'expire' }],
        deadline: expect.any(String),
      },
    ]);
    expect([other.stdout, anybody.stdout, old.stderr]).toEqual(['[]\n', '[]\n', 'nothing waits for a person\n']);
    expect(text).toContain('treasurers, 2 different people, signed (rule payments)');
    expect(text).toMatch(/if nobody +reminder in \d+ m; goes to directors in \d+ m; denied in \d h/);
    expect(text).toContain(`holdfast approve ${taskId} s1.c1`);
    expect(text).toContain('--key FILE');
    expect(list.stdout).toMatch(/WAITS FOR[^]*approval by treasurers expires in \d h/);
    expect(json.tasks[0]?.pending).toEqual(found);
  });

  it('INVARIANT A3: takes two different keys where two people are asked, and the trace tells who they were', async () => {
    const { hf, taskId, id, task } = await start(QUORUM);

    const claimed = await hf(['approve', taskId, '--by', 'ana', '--json']);
    const byEva = await hf(['approve', taskId, id, '--key', 'eva.key.json']);
    const first = await hf(['approve', taskId, id, '--key', 'ana.key.json', '--note', 'as agreed']);
    const again = await hf(['approve', taskId, id, '--key', 'ana.key.json']);
    const show = await hf(['show', taskId]);
    const second = await hf(['approve', taskId, 's1.c1', '--key', 'ben.key.json', '--json']);
    await task.result();

    expect([claimed.code, JSON.parse(claimed.stdout).error.type]).toEqual([1, 'Decision.Refused']);
    expect(claimed.stderr).toMatch(/sign/);
    expect([byEva.code, byEva.stderr]).toEqual([1, expect.stringContaining('needs one of treasurers')]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/waits for others, too: treasurers, 2 different people.*approved: 1 of 2: ana/);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('your approval counts already')]);
    expect(show.stdout).toMatch(/approved +1 of 2: ana \(vouched for by their own key\)/);
    expect(JSON.parse(second.stdout)).toMatchObject({ taskId, pending: [] });

    const trace = parse(TraceSchema, await hf(['trace', taskId, '--json']));
    const { stdout } = await hf(['trace', taskId]);
    expect(trace.steps[0]?.calls[0]?.human).toMatchObject({
      decision: 'approved',
      verified: true,
      votes: [{ by: 'ana' }, { by: 'ben' }],
    });
    expect(stdout).toMatch(/human +approved by ana \(vouched for by their own key\), ben \(vouched/);
    expect(stdout).toMatch(/asked +s1\.c1-\S+ pay: payments always ask; asks treasurers, 2 different people/);
    expect(stdout).toMatch(/vote +s1\.c1-\S+ pay: 1 of 2 approved, by ana/);
    expect(stdout).toMatch(/refused +approve of s1\.c1-\S+ did not count: eva may not decide this/);
    expect(stdout).toMatch(/decision +s1\.c1-\S+ pay: approved by ana \(vouched/);
    // A signature is nothing to read.
    expect(stdout).not.toMatch(/eyJ/);
    for await (const event of task)
      expect(ProgressSchema.safeParse(JSON.parse(JSON.stringify(event)))).toMatchObject({ success: true });
  });

  it('sends what `sign` printed, and only with what was signed', async () => {
    const { hf, taskId, task } = await start({
      ...APPROVALS,
      rules: [{ name: 'payments', when: { tools: ['pay'] }, roles: ['treasurers'] }],
    });
    const signed = await hf(['sign', taskId, 'approve', '--key', 'ana.key.json', '--note', 'as agreed']);

    const changed = await hf(['approve', taskId, '--token', signed.stdout, '--args', '{"to":"eve","amount":4000}']);
    const sent = await hf(['approve', taskId, '--token', '-'], signed.stdout);
    const { status } = await task.result();

    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('signed');
    expect([sent.code, sent.stderr, status]).toEqual([0, '', 'completed']);
    expect((await task.trace()).steps[0]?.calls[0]?.human).toMatchObject({
      note: 'as agreed',
      verified: true,
      by: 'ana',
    });
  });

  it('lets a yes reach further, lists it, and takes it back', async () => {
    const { hf, taskId, id, task } = await start(
      { rules: [{ name: 'payments', scopes: ['once', 'values', 'tool'] }] },
      [call(), call({ to: 'kim', amount: 41 }), call({ to: 'lee', amount: 1 })],
    );

    const refused = await hf(['approve', taskId, id, '--scope', 'values', '--same', '/nothing']);
    const approved = await hf(['approve', taskId, id, '--scope', 'values', '--same', '/to', '--by', 'ben']);
    const [second] = await until(async () => {
      const { pending } = await task.status();
      return pending[0]?.callId === 's3.c1' ? pending : undefined;
    }, 'the third call asks');
    const shown = parse(ShowSchema, await hf(['show', taskId, '--json']));
    const text = (await hf(['show', taskId])).stdout;
    const unknown = await hf(['revoke', taskId, 's9.c9-0000']);
    const revoked = await hf(['revoke', taskId, id, '--json']);
    await task.approve({ callId: second?.id ?? '' });
    await task.result();
    const trace = await task.trace();

    expect(refused.code).toBe(1);
    expect(approved.code).toBe(0);
    expect(shown.standing).toMatchObject([{ id, tool: 'pay', scope: 'values', by: 'ben', verified: false, uses: 1 }]);
    expect(text).toContain(
      `${id}  pay: calls with the same values, by ben (unverified); used once  holdfast revoke ${taskId} ${id}`,
    );
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining(`standing: ${id}`)]);
    expect(JSON.parse(revoked.stdout)).toMatchObject({ taskId, status: 'waiting' });
    expect(trace.standing).toEqual([]);
    expect(trace.events.map(({ type }) => type)).toContain('revoked');
    expect(trace.steps[1]?.calls[0]?.human).toMatchObject({ standing: id, by: 'ben' });
    expect((await hf(['trace', taskId])).stdout).toMatch(/approved by ben \(unverified\), not asked again: s1\.c1-/);
  });

  it('allows a task more of its budget: the share that was offered, or another one', async () => {
    const script = [call({ to: 'kim', amount: 1 }), call({ to: 'kim', amount: 2 })];
    const rules = [{ name: 'all', scopes: ['once', 'values', 'tool'] as const }];
    const { hf, task, taskId, id } = await start(
      { rules: rules.map((rule) => ({ ...rule, scopes: [...rule.scopes] })) },
      script,
      {
        limits: { steps: 1 },
        onLimit: 'escalate',
      },
    );
    await task.approve({ callId: id, scope: 'tool' });
    const asked = async (not: string) =>
      await until(async () => (await task.status()).pending.find((each) => each.id !== not), 'the limit asks');

    const first = await asked(id);
    const shown = (await hf(['show', taskId])).stdout;
    const yes = await hf(['approve', taskId, first.id, '--by', 'ben']);
    const second = await asked(first.id);
    const other = await hf(['approve', taskId, second.id, '--allow', 'steps=7,tokens=1000', '--by', 'ben', '--json']);
    await task.result();
    const { stdout } = await hf(['trace', taskId]);

    expect(first).toMatchObject({ kind: 'review', reasons: [{ code: 'limit' }] });
    expect(shown).toMatch(/yes allows +\d+ steps?/);
    expect(shown).toContain('[--allow LIMIT=AMOUNT]');
    expect([yes.code, other.code]).toEqual([0, 0]);
    expect(stdout).toMatch(/escalation +limit: approved by ben \(unverified\), allowed steps=\d+/);
    expect(stdout).toMatch(/message +approve by ben \(unverified\): .*args=\{"steps":7,"tokens":1000\}/);
  });

  it('watches the inbox: what is new, what has one more vote, what waits no more', async () => {
    const { task, taskId, id, tenant, watch, sign } = await start(QUORUM);
    const [json, text] = [watch('--tenant', tenant, '--json'), watch('--tenant', tenant)];
    await Promise.all([json.line(new RegExp(`^\\[\\{"id":"${id}"`)), text.line(new RegExp(`^${taskId} `))]);

    await task.approve({ callId: id, token: await sign(0) });
    await Promise.all([json.line(/"votes":\[\{"by":"ana"/), text.line(/approved +1 of 2: ana/)]);
    await task.approve({ callId: id, token: await sign(1) });
    const [gone, last] = await Promise.all([text.line(/waits no more/), json.line(/^\[\]$/)]);

    expect(gone).toContain(`${taskId} ${id}`);
    expect(last).toBe('[]');
  });
});
