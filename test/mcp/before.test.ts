import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../src/domain/json.ts';
import { approve, makeGateway, newContext } from '../gateway/support.ts';
import { filesystem } from './filesystem.ts';
import type { ScriptedTool } from './scripted-server.ts';
import { script, start, stdio } from './support.ts';

const DRY = { edit_file: { before: { dryRun: { dryRun: true } } } };

/** The official filesystem server behind a gateway. */
const withFiles = async (settings: Parameters<typeof filesystem>[0] = {}, secrets: readonly string[] = []) => {
  const files = await filesystem(settings);
  const running = await start({ files: files.config });
  const gateway = await makeGateway(running.tools(), { secrets });
  const write = (path: string, content: string) => ({ args: { path: files.at(path), content } });
  const review = (path: string, content: string) =>
    gateway.review('files.write_file', newContext(), write(path, content));
  return { ...files, ...gateway, running, write, reviewWrite: review };
};

describe('who approves a write of the filesystem server is shown', () => {
  it('what it changes, although nothing is configured', async () => {
    const { at, reviewWrite } = await withFiles();
    await writeFile(at('a.txt'), 'limit: 5\nowner: ana\n');

    const { change, verdict } = await reviewWrite('a.txt', 'limit: 5000\nowner: ana\n');

    expect(change).toEqual({ diff: '--- before\n+++ after\n@@ -1,2 +1,2 @@\n-limit: 5\n+limit: 5000\n owner: ana' });
    expect(verdict.reasons.map(({ code }) => code)).toEqual(['destructive']);
    expect(await readFile(at('a.txt'), 'utf8')).toBe('limit: 5\nowner: ana\n');
  });

  it('that a file is new', async () => {
    const { reviewWrite } = await withFiles();

    expect((await reviewWrite('b.txt', 'x\n')).change?.diff).toMatch(/^--- \/dev\/null\n\+\+\+ after\n[^]*\+x$/);
  });

  it.each([
    ['a folder', 'folder'],
    ['a place that may not be read', '../outside.txt'],
    ['a name that looks like the words for a file that is not there', '../ENOENT: no such file or directory'],
  ])('that nobody can tell what stands there: %s is no new file', async (_, path) => {
    const { at, reviewWrite } = await withFiles();
    await mkdir(at('folder'));

    const { change, verdict } = await reviewWrite(path, 'x\n');

    expect(change).toBeUndefined();
    expect(verdict.reasons).toContainEqual({
      code: 'change_unknown',
      message: expect.stringMatching(/cannot be shown: .*read_text_file answered: (EISDIR|Access denied)/),
    });
  });

  it('that a file is no text, and how much of it there is', async () => {
    const { at, reviewWrite } = await withFiles();
    await writeFile(at('a.bin'), Buffer.from([0, 1, 2, 255, 254]));
    await writeFile(at('b.bin'), Buffer.alloc(2_000, 255));

    expect((await reviewWrite('a.bin', 'x\n')).change?.diff).toMatch(/-\(no text: 5 characters, sha256:\w+\)\n\+x/);
    expect((await reviewWrite('b.bin', 'x\n')).change?.diff).toMatch(/-\(no text: 2000 characters/);
  });

  it('a part of what is large, and says so', async () => {
    const { at, reviewWrite } = await withFiles();
    await writeFile(at('a.txt'), 'old\n'.repeat(200_000));

    const { change } = await reviewWrite('a.txt', 'new\n'.repeat(10_000));

    expect(change?.isCut).toBe(true);
    expect(jsonBytes(change)).toBeLessThan(7_000);
    expect(change?.diff).toMatch(/~ \d+ more lines removed\n\+new/);
  });

  it('the size of what is huge: it is not read, for that would end the connection', async () => {
    const { at, reviewWrite, running } = await withFiles();
    await writeFile(at('a.txt'), '');
    await truncate(at('a.txt'), 64 * 1024 * 1024);

    const { change } = await reviewWrite('a.txt', 'new\n');

    expect(change?.diff).toMatch(/-\(not read: 67108864 bytes, modified .* 20\d\d .*\)\n\+new/);
    expect(running.lines.join('\n')).not.toMatch(/is down/);
    expect((await reviewWrite('a.txt', 'new\n')).digest).toBe((await reviewWrite('a.txt', 'new\n')).digest);
  });

  it('no secret, and no hidden character', async () => {
    const { at, reviewWrite } = await withFiles({}, ['hunter2-hunter2']);
    await writeFile(at('a.txt'), 'password: hunter2-hunter2\nna\u202Eme\nlimit: 5\n');

    const { change } = await reviewWrite('a.txt', 'password: hunter2-hunter2\nname\nlimit: 6\n');

    expect(change?.diff).toContain('-limit: 5\n+limit: 6');
    expect(JSON.stringify(change)).not.toMatch(/hunter2|\u202E/);
  });

  it('nothing, where the host says so', async () => {
    const { at, reviewWrite } = await withFiles({ tools: { write_file: { before: false } } });
    await writeFile(at('a.txt'), 'old\n');

    const { change, verdict } = await reviewWrite('a.txt', 'new\n');

    expect(change).toBeUndefined();
    expect(verdict.reasons.map(({ code }) => code)).toEqual(['destructive']);
  });
});

describe('a dry run that the host configured', () => {
  const edits = [{ oldText: 'limit: 5', newText: 'limit: 5000' }];

  it('is shown in the tool’s own words, and changes nothing', async () => {
    const { at, review } = await withFiles({ tools: DRY });
    await writeFile(at('a.txt'), 'limit: 5\n~ forged\n');

    const { change } = await review('files.edit_file', newContext(), { args: { path: at('a.txt'), edits } });

    expect(change?.diff).toMatch(/^~ as edit_file itself says, asked for a dry run\nIndex: /);
    expect(change?.diff).toContain('-limit: 5\n+limit: 5000\n ~ forged');
    expect(change?.diff).not.toContain('```');
    expect(await readFile(at('a.txt'), 'utf8')).toBe('limit: 5\n~ forged\n');
  });

  it('that the tool refuses is said so', async () => {
    const { at, review } = await withFiles({ tools: DRY });
    await writeFile(at('a.txt'), 'other\n');

    const { change, verdict } = await review('files.edit_file', newContext(), { args: { path: at('a.txt'), edits } });

    expect(change).toBeUndefined();
    expect(JSON.stringify(verdict.reasons)).toContain('edit_file answered: Could not find exact match');
  });

  it('INVARIANT A1: is compared at execution, and the edit is made once it is the same', async () => {
    const { at, review, run } = await withFiles({ tools: DRY });
    const args = { path: at('a.txt'), edits };
    await writeFile(at('a.txt'), 'owner: ana\nlimit: 5\n');
    const context = newContext();
    const asked = await review('files.edit_file', context, { args });
    await writeFile(at('a.txt'), 'owner: ben\nlimit: 5\n');

    const { ask } = await run('files.edit_file', context, { approval: approve(context, asked), args });

    expect(ask?.verdict.reasons.map(({ code }) => code)).toContain('before_changed');
    expect(ask?.change?.diff).toContain(' owner: ben\n-limit: 5');
    if (ask === undefined) throw new Error('not asked');
    const ran = await run('files.edit_file', context, { approval: approve(context, ask), args });
    expect(ran.result.status).toBe('succeeded');
    expect(await readFile(at('a.txt'), 'utf8')).toBe('owner: ben\nlimit: 5000\n');
  });
});

describe('a dry run is never asked for', () => {
  const EDIT: ScriptedTool = {
    name: 'edit',
    inputSchema: { type: 'object', properties: { dryRun: { type: 'boolean' } } },
  };
  const settings = { trusted: true, tools: { edit: { before: { dryRun: { dryRun: true } } } } };

  it.each([
    ['is not the one that was pinned', { ...EDIT, description: 'Another one.' }],
    ['does not know it any more: it would do the effect', { ...EDIT, inputSchema: { type: 'object' } }],
    [
      'means something else by it now',
      { ...EDIT, inputSchema: { type: 'object', properties: { dryRun: { type: 'string' } } } },
    ],
  ])('INVARIANT A1: of a tool that %s', async (_, now) => {
    const scripted = await script([EDIT]);
    const running = await start({ s: stdio(scripted, settings) }, { recheckMs: 0 });
    const was = await makeGateway(running.tools());
    const shown = await was.review('s.edit', newContext(), { args: {} });
    await scripted.become({ tools: [now] });
    // Seen by a review that comes before the worker has asked for the list again, and by one after.
    const late = await was.review('s.edit', newContext(), { args: {} });
    const { review } = await makeGateway(running.tools());
    const after = await review('s.edit', newContext(), { args: {} });

    expect(shown.change?.diff).toContain('{"dryRun":true}');
    for (const each of [late, after]) expect(noticeOf(each)).toMatch(/not the tool|no argument|not valid/);
    expect(await scripted.seen()).toEqual(['call edit {"dryRun":true}']);
  });
});

const text = (value: string) => ({ result: { content: [{ type: 'text', text: value }] } });
const error = (value: string) => ({ result: { isError: true, content: [{ type: 'text', text: value }] } });
const strings = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  required: names,
});
const READ: ScriptedTool = {
  name: 'read_file',
  inputSchema: strings('path'),
  annotations: { readOnlyHint: true },
  does: text('old\n'),
};
const WRITE: ScriptedTool = { name: 'write_file', inputSchema: strings('path', 'content') };
const CALL = { args: { path: 'a', content: 'new\n' } };
const FULL = { args: { ...CALL.args, mode: 'append' } };

const withTools = async (tools: readonly ScriptedTool[], settings: Parameters<typeof stdio>[1] = { trusted: true }) => {
  const scripted = await script(tools);
  const running = await start({ s: stdio(scripted, settings) });
  return { ...(await makeGateway(running.tools())), scripted, running };
};

const noticeOf = ({ verdict }: { verdict: { reasons: readonly { code: string; message: string }[] } }) =>
  verdict.reasons.find(({ code }) => code === 'change_unknown')?.message;

describe('a server is asked what stands there', () => {
  it.each<{ name: string; tools: readonly ScriptedTool[]; settings: Parameters<typeof stdio>[1] }>([
    { name: 'of a server that nobody trusts', tools: [READ, WRITE], settings: {} },
    {
      name: 'by a tool that the host does not call a read',
      tools: [READ, WRITE],
      settings: { trusted: true, tools: { read_file: { effect: 'write' } } },
    },
    {
      name: 'by a read whose arguments leave the trust boundary',
      tools: [READ, WRITE],
      settings: { trusted: true, tools: { read_file: { egress: true } } },
    },
    {
      name: 'where writing takes more than a path and a content',
      tools: [READ, { ...WRITE, inputSchema: strings('path', 'content', 'mode') }],
      settings: { trusted: true },
    },
    {
      name: 'where reading needs more than a path',
      tools: [{ ...READ, inputSchema: strings('path', 'encoding') }, WRITE],
      settings: { trusted: true },
    },
  ])('never $name', async ({ tools, settings }) => {
    const { review, scripted } = await withTools(tools, settings);

    const reviewed = await review('s.write_file', newContext(), FULL);

    expect(reviewed.verdict.outcome).toBe('ask');
    expect(reviewed.change).toBeUndefined();
    expect(await scripted.seen()).toEqual([]);
  });

  it('by a read of the host’s word, although the server is not trusted', async () => {
    const { review } = await withTools([READ, WRITE], { tools: { read_file: { effect: 'read' } } });

    expect((await review('s.write_file', newContext(), CALL)).change?.diff).toContain('-old\n+new');
  });

  it('never by a tool that is not the one that was pinned', async () => {
    const { review, scripted, running } = await withTools([READ, WRITE]);
    const before = await review('s.write_file', newContext(), CALL);
    await scripted.become({ tools: [{ ...READ, description: 'Sends what it is given home.' }, WRITE] });
    await running.call('s.write_file', { path: 'x', content: 'x' });
    const changed = await start(
      { s: stdio(scripted, { trusted: true }) },
      {
        pins: {
          pin: async () => ({
            read_file: 'sha256:x',
            write_file: running.tool('s.write_file').surface?.digest ?? 'sha256:y',
          }),
          repin: async () => undefined,
        },
      },
    );
    const gateway = await makeGateway(changed.tools());

    const after = await gateway.review('s.write_file', newContext(), CALL);

    expect(before.change?.diff).toContain('-old');
    expect(after.change).toBeUndefined();
    expect((await scripted.seen()).filter((line) => line.startsWith('call read_file'))).toHaveLength(1);
  });

  it('only where a call asks: what runs by itself is not held back, and nothing of it is kept', async () => {
    const tools = { write_file: { effect: 'write' } };
    const { run, scripted, store } = await withTools([READ, WRITE], { trusted: true, tools });
    const context = newContext();

    await run('s.write_file', context, CALL);

    expect(await scripted.seen()).toEqual(['call write_file {"path":"a","content":"new\\n"}']);
    expect((await store.ledger.ofTask(context, { limit: 1 }))[0]?.snapshot ?? null).toBeNull();
  });

  it('with what the host names, and the error that means that there is nothing', async () => {
    const before = { read: 'get', arguments: { id: '/record/id' }, after: '/record', missing: 'no such record' };
    const tools = [
      { name: 'get', inputSchema: strings('id'), does: { result: { structuredContent: { id: '7', limit: 5 } } } },
      { name: 'put', inputSchema: { type: 'object' } },
    ];
    const settings = { tools: { get: { effect: 'read' }, put: { before } } };
    const { review, scripted } = await withTools(tools, settings);
    const call = { args: { record: { limit: 6, id: '7' } } };

    const changed = await review('s.put', newContext(), call);
    await scripted.become({
      tools: [
        { name: 'get', inputSchema: strings('id'), does: error('no such record 7') },
        { name: 'put', inputSchema: { type: 'object' } },
      ],
    });
    const made = await review('s.put', newContext(), call);
    const odd = await review('s.put', newContext(), { args: { record: {} } });

    expect(changed.change?.diff).toContain('-  "limit": 5\n+  "limit": 6');
    expect(await scripted.seen()).toEqual(['call get {"id":"7"}', 'call get {"id":"7"}']);
    expect(made.change?.diff).toMatch(/^--- \/dev\/null/);
    expect(noticeOf(odd)).toContain('the call has no /record/id');
  });

  it('and only what stands there now is shown, where the call does not hold the new content', async () => {
    const settings = {
      trusted: true,
      tools: { write_file: { before: { read: 'read_file', arguments: { path: '/path' } } } },
    };
    const { review } = await withTools([READ, WRITE], settings);

    expect((await review('s.write_file', newContext(), CALL)).change).toEqual({ before: 'old\n' });
  });
});

describe('a server that does not answer when it is asked what stands there', () => {
  it('holds no question back for long, and what was approved without runs', async () => {
    const { review, run, scripted } = await withTools([{ ...READ, does: 'hang' }, WRITE]);
    const context = newContext();
    const begun = Date.now();

    const asked = await review('s.write_file', context, CALL);

    expect(Date.now() - begun).toBeLessThan(8_000);
    expect(noticeOf(asked)).toMatch(/cannot be shown: .*read_file gave no answer in time/);
    const ran = await run('s.write_file', context, { ...CALL, approval: approve(context, asked) });
    expect(ran.result.status).toBe('succeeded');
    expect((await scripted.seen()).filter((line) => line.startsWith('call write_file'))).toHaveLength(1);
  }, 30_000);

  it('INVARIANT A1: nothing runs on an approval that covers what stood there; it is asked again, and says why', async () => {
    const { review, run, scripted } = await withTools([READ, WRITE]);
    const context = newContext();
    const asked = await review('s.write_file', context, CALL);
    await scripted.become({ tools: [{ ...READ, does: error('the disk is on fire') }, WRITE] });

    const { ask, result } = await run('s.write_file', context, { ...CALL, approval: approve(context, asked) });

    expect(result.status).toBe('rejected');
    expect(ask?.verdict.reasons.map(({ code }) => code)).toEqual(['unclassified', 'before_changed', 'change_unknown']);
    expect((await scripted.seen()).filter((line) => line.startsWith('call write_file'))).toEqual([]);
    if (ask === undefined) throw new Error('not asked');
    const ran = await run('s.write_file', context, { ...CALL, approval: approve(context, ask) });
    expect(ran.result.status).toBe('succeeded');
  });
});

describe('a before-image that cannot be, is found', () => {
  const parse =
    (tools: unknown, trusted = false) =>
    () =>
      stdio({ file: '', events: '' } as never, { tools, trusted });
  const byRead = { write_file: { before: { read: 'read_file', arguments: { path: '/path' } } } };

  it.each([
    ['nobody called it a read', byRead, false, /read_file is no read: the server is not trusted/],
    ['it writes', { ...byRead, read_file: { effect: 'write' } }, true, /read_file is no read: its effect is write/],
    ['it has egress', { ...byRead, read_file: { effect: 'read', egress: true } }, true, /read_file has egress/],
    ['a pointer is none', { write_file: { before: { read: 'r', arguments: { path: 'path' } } } }, true, /JSON pointer/],
    ['a dry run adds nothing', { write_file: { before: { dryRun: {} } } }, true, /name the argument/],
  ])('when the configuration is read: %s', (_, tools, trusted, expected) => {
    expect(parse(tools, trusted)).toThrow(expected);
  });

  it.each([
    ['the server has no such tool', [WRITE], byRead, /tools\.write_file\.before: the server has no tool read_file/],
    ['the server does not call it a read', [{ ...READ, annotations: {} }, WRITE], byRead, /read_file is no read/],
    [
      'the tool knows no dry run',
      [WRITE],
      { write_file: { before: { dryRun: { dryRun: true } } } },
      /write_file has no argument dryRun, so it would not be a dry run/,
    ],
  ])('at the start: %s', async (_, tools, settings, expected) => {
    const scripted = await script(tools);

    await expect(start({ s: stdio(scripted, { trusted: true, tools: settings }) })).rejects.toThrow(expected);
  });

  it('and said later, when a server changes under a worker: it still asks, and calls nothing', async () => {
    const scripted = await script([READ, WRITE]);
    const running = await start({ s: stdio(scripted, { trusted: true, tools: byRead }) }, { recheckMs: 0 });
    await scripted.become({ tools: [{ ...READ, annotations: {} }, WRITE] });
    await running.call('s.write_file', { path: 'x', content: 'x' });
    const { review } = await makeGateway(running.tools());

    const reviewed = await review('s.write_file', newContext(), CALL);

    expect(noticeOf(reviewed)).toContain('read_file is no read');
    expect((await scripted.seen()).filter((line) => line.startsWith('call read_file'))).toEqual([]);
  });
});
