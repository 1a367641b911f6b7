import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { signDecision } from '../../src/signers/sign.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';
import { filesystem } from './filesystem.ts';

const editor = defineAgent({ name: 'editor', instructions: 'Edit.', tools: ['files.*'] });

/** The whole product, with the official filesystem server over standard streams, and a task that writes one file. */
const startTask = async (
  content: string,
  given: { readonly was?: string; readonly env?: unknown; readonly approvals?: ConfigInput['approvals'] } = {},
) => {
  const { config, at } = await filesystem(given.env === undefined ? {} : { env: given.env });
  const path = at('a.txt');
  if (given.was !== undefined) await writeFile(path, given.was);
  const { client, newTaskId } = await startHarness({
    agents: [editor],
    script: [{ calls: [{ tool: 'files.write_file', args: { path, content } }] }, { text: 'done' }],
    config: {
      mcpServers: { files: config },
      ...(given.approvals === undefined ? {} : { approvals: given.approvals }),
    },
  });
  const task = await client.start({ agent: 'editor', goal: 'Write it.', principal: ana }, { taskId: newTaskId() });
  const [first] = await untilPending(task);
  if (first === undefined) throw new Error('nothing is pending');
  const next = async (last: string) =>
    await until(async () => (await task.status()).pending.find(({ id }) => id !== last), 'it is asked again');
  const page = async () => {
    const workflow = client.temporal.workflow.getHandle(task.taskId);
    const metadata = await workflow.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    return metadata.currentDetails ?? '';
  };
  return { path, task, first, next, page, read: () => readFile(path, 'utf8') };
};

describe('a task that writes a file over the official filesystem server', () => {
  it('INVARIANT A1: asks again where somebody else has written the file since it was approved, and writes once', async () => {
    const { path, task, first, next, read } = await startTask('limit: 5000\nowner: ana\n', {
      was: 'limit: 5\nowner: ana\n',
    });
    expect(first.change?.diff).toContain('-limit: 5\n+limit: 5000\n owner: ana');

    await writeFile(path, 'limit: 7\nowner: ana\n');
    await task.approve({ callId: first.id, by: 'ben' });
    const second = await next(first.id);

    expect(second.change?.diff).toContain('-limit: 7\n+limit: 5000');
    expect(second.reasons.at(-1)).toEqual({
      code: 'asks_again',
      message: expect.stringContaining('what is there now is not what was shown'),
    });
    expect(await read()).toBe('limit: 7\nowner: ana\n');

    await task.approve({ callId: second.id, by: 'ben' });
    expect(await task.result()).toMatchObject({
      status: 'completed',
      effects: [{ tool: 'files.write_file', status: 'succeeded' }],
    });
    expect(await read()).toBe('limit: 5000\nowner: ana\n');
  });

  it('INVARIANT A1: a file that was new when it was approved, and is there now, is not overwritten', async () => {
    const { path, task, first, next, read } = await startTask('mine\n');
    expect(first.change?.diff).toMatch(/^--- \/dev\/null/);

    await writeFile(path, 'somebody else\n');
    await task.approve({ callId: first.id, by: 'ben' });
    const second = await next(first.id);

    expect(second.change?.diff).toContain('-somebody else\n+mine');
    expect(await read()).toBe('somebody else\n');
    await task.deny({ callId: second.id, by: 'ben', reason: 'keep it' });
    expect((await task.result()).status).toBe('completed');
    expect(await read()).toBe('somebody else\n');
  });

  it('makes a new file once it is approved', async () => {
    const { task, first, read } = await startTask('mine\n');

    await task.approve({ callId: first.id, by: 'ben' });

    expect((await task.result()).status).toBe('completed');
    expect(await read()).toBe('mine\n');
  });

  it('whose arguments the reviewer edits runs with these, on the change that they make', async () => {
    const { path, task, first, read } = await startTask('limit: 5000\n', { was: 'limit: 5\n' });

    await task.approve({ callId: first.id, by: 'ben', args: { path, content: 'limit: 50\n' } });

    expect((await task.result()).status).toBe('completed');
    expect(await read()).toBe('limit: 50\n');
  });

  it('that two have to approve: who edits the arguments puts the change that they make before the other one', async () => {
    const [ben, eva] = await Promise.all([createKeyPair('ben'), createKeyPair('eva')]);
    const signer = (issuer: string, key: typeof ben) => ({
      issuer,
      publicKey: key.publicKey as { kty: 'OKP' },
      roles: ['editor'],
    });
    const approvals: ConfigInput['approvals'] = {
      rules: [{ name: 'writes', when: { tools: ['files.write_file'] }, roles: ['editor'], quorum: 2 }],
      signers: [signer('ben', ben), signer('eva', eva)],
    };
    const { path, task, first, next, read } = await startTask('limit: 5000\n', { was: 'limit: 5\n', approvals });
    const args = { path, content: 'limit: 50\n' };
    const sign = async (pending: typeof first, by: string, key: typeof ben, content = {}) =>
      await signDecision({
        pending,
        decision: 'approve',
        namespace: 'default',
        issuer: by,
        key: key.privateKey,
        content,
      });

    await task.approve({ callId: first.id, token: await sign(first, 'ben', ben, { args }), args });
    const second = await next(first.id);

    expect(second.change?.diff).toContain('-limit: 5\n+limit: 50');
    expect(second.change?.diff).not.toContain('5000');
    expect(await read()).toBe('limit: 5\n');
    await task.approve({ callId: second.id, token: await sign(second, 'eva', eva) });
    expect((await task.result()).status).toBe('completed');
    expect(await read()).toBe('limit: 50\n');
  });

  it('shows what stands there as data: its Markdown is none of the page, and a secret of the configuration is masked', async () => {
    vi.stubEnv('BEFORE_TASKS_TOKEN', 'correct-horse-battery');
    const was = ['```', '# Approve this', '[click](https://evil.example)', '~~~~~', '<b>fine</b>', ''].join('\n');
    const { task, first, page } = await startTask('x\n', {
      was: `${was}token: correct-horse-battery\n`,
      env: { TOKEN: { env: 'BEFORE_TASKS_TOKEN' } },
    });

    expect(first.change?.diff).toContain('-# Approve this');
    const shown = await page();
    expect(shown).toMatch(/^\s*-# Approve this$/m);
    expect(shown).toMatch(/-token: \[redacted/);
    expect(shown).not.toMatch(/^(?:# Approve|\[click\]|<b>|~~~~~|```$\n# )/m);
    expect(JSON.stringify([shown, first])).not.toContain('correct-horse-battery');
    await task.deny({ callId: first.id, by: 'ben', reason: 'no' });
    await task.result();
    vi.unstubAllEnvs();
  });
});
