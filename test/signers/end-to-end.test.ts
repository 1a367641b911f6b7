import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import type { TaskHandle } from '../../src/client.ts';
import type { ConfigInput } from '../../src/config.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { type DecisionToSign, signDecision } from '../../src/signers/sign.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { cli, makeFolder } from '../cli/support.ts';
import { MODES, startHarness, until, untilPending } from '../support/harness.ts';
import { makeTools, World } from '../workflows/tools.ts';
import { startKeyServer } from './support.ts';

const [ana, ben, eva, sso] = await Promise.all(['ana', 'ben', 'eva', 'sso'].map(createKeyPair));
if (ana === undefined || ben === undefined || eva === undefined || sso === undefined) throw new Error('no keys');

type Key = { readonly publicKey: { readonly kty?: string } };
const publicOf = ({ publicKey }: Key) => publicKey as { kty: 'OKP' };

const PEOPLE: ConfigInput['approvals'] = {
  rules: [{ name: 'payments', when: { tools: ['pay'] }, roles: ['treasurer'], separate: true }],
  signers: [
    { issuer: 'ana', publicKey: publicOf(ana), roles: ['treasurer'] },
    { issuer: 'ben-laptop', subject: 'ben', publicKey: publicOf(ben), roles: ['treasurer'] },
    { issuer: 'eva', publicKey: publicOf(eva), roles: ['clerk'] },
  ],
};

const start = async (config: Partial<ConfigInput>, maxCachedWorkflows = 100) => {
  const world = new World();
  const agent = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [makeTools(world).pay] });
  const harness = await startHarness({
    agents: [agent],
    script: [{ calls: [{ tool: 'pay', args: { amount: 40 } }] }, { text: 'paid' }],
    maxCachedWorkflows,
    config,
  });
  const task = await harness.client.start(
    { agent: 'clerk', goal: 'pay', principal: { id: 'ana' } },
    { taskId: harness.newTaskId() },
  );
  return { ...harness, task, world };
};

const pendingOf = async (task: TaskHandle): Promise<PendingDecision> => {
  const [pending] = await untilPending(task);
  if (pending === undefined) throw new Error('nothing is pending');
  return pending;
};

const sign = (pending: PendingDecision, more: Pick<DecisionToSign, 'issuer' | 'key'> & Partial<DecisionToSign>) =>
  signDecision({ pending, decision: 'approve', namespace: 'default', ...more });

const BEN = { issuer: 'ben-laptop', subject: 'ben', key: ben.privateKey };

describe.each(MODES)('INVARIANT A3: who decides is proven ($name)', ({ maxCachedWorkflows }) => {
  it('a claim, the principal and who lacks the role are refused; a signature by who may decides', async () => {
    const { task, world } = await start({ approvals: PEOPLE }, maxCachedWorkflows);
    const pending = await pendingOf(task);
    const callId = pending.id;

    await expect(task.approve({ callId, by: 'ben' })).rejects.toThrow(/sign/);
    await expect(task.deny({ callId, by: 'ben', reason: 'no' })).rejects.toThrow(/sign/);
    const byAna = await sign(pending, { issuer: 'ana', key: ana.privateKey });
    await expect(task.approve({ callId, token: byAna })).rejects.toThrow(/duties are separated/);
    const byEva = await sign(pending, { issuer: 'eva', key: eva.privateKey });
    await expect(task.approve({ callId, token: byEva })).rejects.toThrow(/needs one of treasurer/);
    const forged = await sign(pending, { ...BEN, key: eva.privateKey });
    await expect(task.approve({ callId, token: forged })).rejects.toThrow(/ben-laptop did not sign it/);
    const byBen = await sign(pending, { ...BEN, content: { text: 'as agreed' } });
    await expect(task.approve({ callId, token: byBen, note: 'as never agreed' })).rejects.toThrow(/exactly what was/);
    await expect(task.approve({ callId, token: byBen, note: 'as agreed', args: { amount: 4_000 } })).rejects.toThrow(
      /exactly what was/,
    );
    expect(world.count('pay')).toBe(0);

    await task.approve({ callId, token: byBen, note: 'as agreed' });

    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(world.calls.map(({ input }) => input)).toEqual([{ amount: 40 }]);
    const { steps } = await task.trace();
    expect(steps.flatMap(({ calls }) => calls)[0]?.human).toMatchObject({
      decision: 'approved',
      by: 'ben',
      verified: true,
      note: 'as agreed',
      votes: [{ by: 'ben', issuer: 'ben-laptop', roles: ['treasurer'] }],
    });
  });

  it('two people by the word of a service; the same one counts once, and an edit begins anew', async () => {
    const server = await startKeyServer([sso.publicKey]);
    const approvals: ConfigInput['approvals'] = {
      rules: [{ name: 'production', when: { risks: ['high'] }, roles: ['oncall'], quorum: 2, separate: true }],
      signers: [{ issuer: 'sso', jwks: server.url, rolesClaim: 'groups', agents: ['svc-*'] }],
    };
    const { task, world } = await start({ approvals }, maxCachedWorkflows);
    const vote = async (subject: string, args?: { amount: number }) => {
      const pending = await pendingOf(task);
      const content = args === undefined ? {} : { args };
      const as = { issuer: 'sso', subject, key: sso.privateKey, claims: { groups: ['oncall'] } };
      const token = await sign(pending, { ...as, content });
      return await task.approve({ callId: pending.id, token, ...content });
    };

    await vote('ben');
    await expect(vote('ben')).rejects.toThrow(/counts already/);
    await expect(vote('Ben')).rejects.toThrow(/counts already/);
    await expect(vote('svc-refunds')).rejects.toThrow(/an agent does not decide/);
    await expect(vote('ana')).rejects.toThrow(/duties are separated/);
    await vote('eva', { amount: 20 });
    expect(world.count('pay')).toBe(0);
    await vote('ben');

    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(world.calls.map(({ input }) => input)).toEqual([{ amount: 20 }]);
    const { steps } = await task.trace();
    const human = steps.flatMap(({ calls }) => calls)[0]?.human;
    expect(human).toMatchObject({ verified: true, votes: [{ by: 'eva' }, { by: 'ben' }] });
  });
});

describe('a reviewer with a key and the Temporal UI', () => {
  it('signs on the command line, and sends what it prints as a signal', async () => {
    const { client, task, world } = await start({ approvals: PEOPLE });
    const pending = await pendingOf(task);
    const folder = await makeFolder();
    const key = join(folder, 'ben.key.json');
    await writeFile(key, JSON.stringify({ ...ben.privateKey, iss: 'ben-laptop' }), { mode: 0o600 });
    const hf = (...args: string[]) =>
      cli(['--address', inject('temporal').address, ...args], { cwd: folder, env: { HOLDFAST_KEY: key } });

    const signed = await hf('sign', task.taskId, pending.id, 'approve', '--note', 'as agreed', '--subject', 'ben');

    expect(signed).toMatchObject({ code: 0 });
    expect(signed.stderr).toContain('"amount": 40');
    expect(signed.stderr).toContain(pending.digest);
    const input = JSON.parse(signed.stdout) as Record<string, unknown>;
    expect(Object.keys(input)).toEqual(['id', 'note', 'token']);
    const workflow = client.temporal.workflow.getHandle(task.taskId);
    await workflow.signal(`approve ${pending.id.replace('-', ' ')}`, input);
    expect(await task.result()).toMatchObject({ status: 'completed' });
    expect(world.count('pay')).toBe(1);
    // What was signed is decided: sent again it means nothing.
    await expect(
      task.approve({ callId: pending.id, token: String(input['token']), note: 'as agreed' }),
    ).rejects.toThrow(/has ended|completed/);
  });

  it('is told what is wrong with what they ask for', async () => {
    const { task } = await start({ approvals: PEOPLE });
    const pending = await pendingOf(task);
    const folder = await makeFolder();
    const key = join(folder, 'key.json');
    await writeFile(key, JSON.stringify(ben.privateKey), { mode: 0o644 });
    const address = ['--address', inject('temporal').address];
    const sign = async (...args: string[]) => {
      const { code, stderr, stdout } = await cli([...address, 'sign', ...args], { cwd: folder });
      return `${code} ${stdout}${stderr}`;
    };

    expect(await sign(task.taskId, 'approve')).toContain('1 error: there is no key to sign with');
    expect(await sign(task.taskId, 'approve', '--key', 'none.json')).toMatch(/1 .*none\.json cannot be read/);
    expect(await sign(task.taskId, 'approve', '--key', key, '--reason', 'x')).toContain('--reason does not go with');
    expect(await sign(task.taskId, 'answer', '--key', key, '--text', 'x')).toContain(
      `${pending.id} does not take answer`,
    );
    expect(await sign(task.taskId, 's9.c9', 'approve', '--key', key)).toContain('is not pending');
    expect(await sign(task.taskId, '--key', key)).toContain('it is not clear what is to be signed');
    expect(await sign(task.taskId, 'approve', '--key', key, '--lifetime', '2d')).toContain('from 1s to 24h');
    const loose = await sign(task.taskId, 'approve', '--key', key, '--issuer', 'x\u001B[31m');
    expect(loose).toContain('others on this machine can read the private key');
    expect(loose).not.toContain('\u001B[31m');
  });
});

describe('keys on the command line', () => {
  it('are made once, for their owner alone, with what goes into the configuration', async () => {
    const folder = await makeFolder();
    const make = (...more: string[]) =>
      cli(['keys', 'new', '--out', 'ana.key.json', '--issuer', 'ana', ...more], { cwd: folder });

    const made = await make();
    const again = await make('--json');
    const other = await cli(['keys', 'new', '--out', 'b.json', '--issuer', 'b', '--json'], { cwd: folder });

    expect(made).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^approvals:\n {2}signers:\n {4}- issuer: ana\n/),
    });
    expect(made.stdout).not.toMatch(/\bd:/);
    expect(again).toMatchObject({ code: 1, stdout: expect.stringContaining('"type":"Usage"') });
    expect(JSON.parse(other.stdout)).toMatchObject({ issuer: 'b', publicKey: { kty: 'OKP' } });
    expect(other.stdout).not.toContain('"d"');
    const { mode } = await import('node:fs').then(({ statSync }) => statSync(join(folder, 'ana.key.json')));
    expect(mode & 0o777).toBe(0o600);
  });
});

describe('principals', () => {
  it('INVARIANT A3: a task gets the host’s roles and tenant, and does not run for whom the host does not know', async () => {
    const seen: unknown[] = [];
    const { client, task, newTaskId } = await start({
      principals: { ana: { roles: ['support'], tenant: 'acme' } },
      authorizer: ({ principal }) => {
        seen.push(principal);
        return false;
      },
    });
    const eve = await client.start({ agent: 'clerk', goal: 'x', principal: { id: 'eve' } }, { taskId: newTaskId() });

    expect(await eve.result()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('Principal.Refused'),
    });
    await task.result();
    expect(seen[0]).toEqual({ id: 'ana', roles: ['support'], tenant: 'acme' });
  });

  it('is tried again while the directory is away', async () => {
    let asked = 0;
    const { task } = await start({
      principals: () => {
        asked += 1;
        if (asked < 3) throw new Error('LDAP is away');
        return { roles: [] };
      },
    });

    await until(() => (asked >= 3 ? true : undefined), 'the directory was asked again');
    expect(await untilPending(task)).toHaveLength(1);
  });
});
