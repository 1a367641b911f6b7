import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileTools } from '../../src/tools/built-in/file-tools.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';
import { approve, makeGateway, newContext } from './support.ts';

/** A folder with a file in it, and tools for it that ask before they change anything. */
const makeFolder = async (content: string | Buffer = 'limit: 5\nowner: ana\n') => {
  const root = await mkdtemp(join(tmpdir(), 'files-'));
  const path = join(root, 'a.txt');
  await writeFile(path, content);
  const tools: Tool[] = fileTools({ root }).tools.map((tool) =>
    tool.effect === 'read' ? tool : withApproval(tool, { requireConfirmation: true }),
  );
  return { root, path, tools, read: () => readFile(path, 'utf8') };
};

const write = (content: string) => ({ path: 'a.txt', content });

describe('a person who approves a file tool is shown', () => {
  it('what is written, as a diff of texts', async () => {
    const { tools } = await makeFolder();
    const { review } = await makeGateway(tools);

    const { change } = await review('files.write', newContext(), { args: write('limit: 5000\nowner: ana\n') });

    expect(change).toEqual({
      diff: '--- before\n+++ after\n@@ -1,2 +1,2 @@\n-limit: 5\n+limit: 5000\n owner: ana',
    });
  });

  it('what is removed, and that a file is new', async () => {
    const { tools } = await makeFolder();
    const { review } = await makeGateway(tools);

    const removed = await review('files.remove', newContext(), { args: { path: 'a.txt' } });
    const made = await review('files.write', newContext(), { args: { path: 'b.txt', content: 'x\n' } });

    expect(removed.change?.diff).toMatch(/\+\+\+ \/dev\/null\n[^]*-limit: 5\n-owner: ana/);
    expect(made.change?.diff).toMatch(/^--- \/dev\/null\n\+\+\+ after\n[^]*\+x$/);
  });

  it('the size of what is no text', async () => {
    const { tools } = await makeFolder(Buffer.from([0, 1, 2, 255]));
    const { review } = await makeGateway(tools);

    const { change } = await review('files.write', newContext(), { args: write('x\n') });

    expect(change?.diff).toMatch(/-\(no text: 4 bytes, SHA-256 [0-9a-f]{16}…\)\n\+x/);
  });

  it('a file of 200 KB, cut', async () => {
    const { tools } = await makeFolder('old\n'.repeat(50_000));
    const { review } = await makeGateway(tools);

    const { change } = await review('files.write', newContext(), { args: write('new\n'.repeat(10_000)) });

    expect(change?.isCut).toBe(true);
    expect(change?.diff).toMatch(/~ \d+ more lines removed\n\+new/);
  });

  it('nothing that was secret', async () => {
    const { tools } = await makeFolder('token: ghp_0123456789abcdefghijABCDEFGHIJ012345\nlimit: 5\n');
    const { review } = await makeGateway(tools);

    const { change } = await review('files.write', newContext(), { args: write('limit: 6\n') });

    expect(change?.diff).toContain('-token: [redacted');
    expect(JSON.stringify(change)).not.toContain('ghp_');
  });

  it('and looking changes nothing', async () => {
    const { tools, read } = await makeFolder();
    const { review } = await makeGateway(tools);

    await review('files.write', newContext(), { args: write('x') });

    expect(await read()).toBe('limit: 5\nowner: ana\n');
  });
});

describe('INVARIANT A1: a file that somebody else has written since it was approved', () => {
  it('is not overwritten: asked again, with what stands there now, and put back as it was then', async () => {
    const { tools, path, read } = await makeFolder();
    const { gateway, review, run, store } = await makeGateway(tools);
    const context = newContext();
    const args = write('limit: 6\n');
    const asked = await review('files.write', context, { args });
    await writeFile(path, 'somebody else\n');

    const again = await run('files.write', context, { approval: approve(context, asked), args });

    expect(again.ask?.change?.diff).toContain('-somebody else\n+limit: 6');
    expect(await read()).toBe('somebody else\n');
    if (again.ask === undefined) throw new Error('not asked');
    await run('files.write', context, { approval: approve(context, again.ask), args });
    expect(await read()).toBe('limit: 6\n');
    const [row] = await store.ledger.ofTask(context, { limit: 1 });
    const call = { id: 's1.c1', tool: 'files.write', args };
    const runContext = { signal: new AbortController().signal, attempt: 1, heartbeat: () => undefined };
    await gateway.compensate({ call, context, key: row?.key ?? '', run: runContext });
    expect(await read()).toBe('somebody else\n');
  });

  it('asks the person at the desk again, and is written once', async () => {
    const { tools, path, read } = await makeFolder();
    const writes: string[] = [];
    const counted = tools.map((tool) => ({
      ...tool,
      execute: async (...given: Parameters<Tool['execute']>) => {
        writes.push(tool.name);
        return tool.execute(...given);
      },
    }));
    const { client, newTaskId } = await startHarness({
      agents: [defineAgent({ name: 'editor', instructions: 'Edit.', tools: counted })],
      script: [{ calls: [{ tool: 'files.write', args: write('limit: 5000\nowner: ana\n') }] }, { text: 'done' }],
    });
    const task = await client.start({ agent: 'editor', goal: 'Raise it.', principal: ana }, { taskId: newTaskId() });
    const [first] = await untilPending(task);
    if (first === undefined) throw new Error('nothing is pending');
    expect(first.change?.diff).toContain('-limit: 5\n+limit: 5000');

    await writeFile(path, 'limit: 7\nowner: ana\n');
    await task.approve({ callId: first.id, by: 'ben' });
    const second = await until(
      async () => (await task.status()).pending.find(({ id }) => id !== first.id),
      'it is asked again',
    );

    expect(second.change?.diff).toContain('-limit: 7\n+limit: 5000');
    expect(second.reasons.map(({ code }) => code)).toEqual(['confirmation_required', 'asks_again']);
    expect(second.reasons[1]?.message).toMatch(
      /approved at .* by ben, and asks again: what is there now is not what was/,
    );
    expect(await read()).toBe('limit: 7\nowner: ana\n');
    expect(writes).toEqual([]);

    await task.approve({ callId: second.id, by: 'ben' });
    expect((await task.result()).status).toBe('completed');
    expect(await read()).toBe('limit: 5000\nowner: ana\n');
    expect(writes).toEqual(['files.write']);
  });
});
