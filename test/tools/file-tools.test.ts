import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePath } from '../../src/tools/built-in/file-path.ts';
import { fileTools } from '../../src/tools/built-in/file-tools.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { makeContext } from './support.ts';

let base: string;
let root: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-files-'));
  root = join(base, 'root');
  await mkdir(join(root, 'sub'), { recursive: true });
  await mkdir(join(base, 'outside'));
  await writeFile(join(base, 'outside', 'secret.txt'), 'outside');
  await writeFile(join(root, 'a.txt'), 'old');
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

const tool = (name: string, options: { maxBytes?: number } = {}): Tool => {
  const found = fileTools({ root, ...options }).tools.find((each) => each.name === `files.${name}`);
  if (found === undefined) throw new Error(name);
  return found;
};

/** What the gateway does with a call, in its order; the effect's undo comes back too. */
const run = async (name: string, args: Record<string, unknown>, options: { maxBytes?: number } = {}) => {
  const it = tool(name, options);
  const parsed = await it.input.parse(args);
  if (!parsed.ok) throw new Error(parsed.problems);
  const problem = await it.check?.(parsed.value);
  if (problem !== undefined) throw new Error(problem);
  const snapshot = await it.snapshot?.(parsed.value, makeContext());
  const output = (await it.execute(parsed.value, makeContext())) as Record<string, unknown>;
  const undo = async () =>
    await it.compensate?.(parsed.value, output, makeContext({ snapshot, idempotencyKey: 't/e1/s1.c1/undo' }));
  return { output, undo, verify: () => it.verify?.(parsed.value, output, makeContext()) };
};

const textOf = async (path: string) => await readFile(join(root, path), 'utf8');
const leftovers = async () => (await readdir(root, { recursive: true })).filter((name) => name.includes('.tmp'));

describe('paths', () => {
  it.each([
    '../outside/secret.txt',
    'sub/../../outside/secret.txt',
    'sub/..',
    '/etc/passwd',
    '//server/share',
    'C:/Windows/win.ini',
    'c:secret',
    '..\\outside\\secret.txt',
    '\\\\?\\C:\\x',
    'a.txt\u0000.png',
    'a.txt::$DATA',
    'NUL',
    'sub/con.txt',
    'COM1',
    'a.txt.',
    'a.txt ',
    '.. /x',
    'sub/\n',
    `.holdfast-${'0'.repeat(16)}-1.tmp`,
    'x'.repeat(2_000),
  ])('that may lead out, or mean something else, are refused: %j', async (path) => {
    for (const [name, args] of [
      ['read', { path }],
      ['list', { path }],
      ['write', { path, content: 'x' }],
      ['remove', { path }],
    ] as const) {
      expect((await tool(name).input.parse(args)).ok).toBe(false);
    }
  });

  it('are taken apart into names of which none leads up, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('..', '.', '/', 'a', '\\', ':', '\u0000', ' ', 'nul'), { maxLength: 8 }),
        (parts) => {
          const names = parsePath(parts.join(''));
          if (typeof names === 'string') return;
          for (const name of names)
            expect(
              ['', '.', '..'].includes(name) || ['/', '\\', ':', '\u0000'].some((char) => name.includes(char)),
            ).toBe(false);
        },
      ),
    );
  });

  it.each([
    { name: 'a link to a file', make: () => symlink(join(base, 'outside', 'secret.txt'), join(root, 'x')), path: 'x' },
    { name: 'a link on the way', make: () => symlink(join(base, 'outside'), join(root, 'x')), path: 'x/secret.txt' },
    { name: 'a relative link on the way', make: () => symlink('../outside', join(root, 'x')), path: 'x/secret.txt' },
    { name: 'a link that stays inside', make: () => symlink(join(root, 'a.txt'), join(root, 'x')), path: 'x' },
    {
      name: 'a link to what is not there',
      make: () => symlink(join(base, 'outside', 'new.txt'), join(root, 'x')),
      path: 'x',
    },
    { name: 'a folder', make: () => mkdir(join(root, 'x')), path: 'x' },
    { name: 'a pipe', make: async () => void execFileSync('mkfifo', [join(root, 'x')]), path: 'x' },
    { name: 'a file on the way', make: () => writeFile(join(root, 'x'), ''), path: 'x/y' },
  ])('are not followed through $name', async ({ make, path }) => {
    await make();

    for (const [name, args] of [
      ['read', { path }],
      ['write', { path, content: 'x' }],
      ['remove', { path }],
    ] as const) {
      await expect(run(name, args)).rejects.toThrow(/^"x/);
      // The effect itself refuses too, not only the check before it.
      await expect(tool(name).execute(args, makeContext())).rejects.toThrow(/^"x/);
    }
    expect(await readFile(join(base, 'outside', 'secret.txt'), 'utf8')).toBe('outside');
    expect(await readdir(join(base, 'outside'))).toEqual(['secret.txt']);
    expect(await textOf('a.txt')).toBe('old');
  });

  it('never lead out while somebody swaps a folder for a link again and again', async () => {
    await mkdir(join(root, 'd'));
    await writeFile(join(root, 'd', 'secret.txt'), 'inside');
    await symlink(join(base, 'outside'), join(root, 'l'));
    const swapper = new AbortController();
    // A write in the gap makes a folder of its own, which is in the way.
    const move = async (from: string, to: string): Promise<void> =>
      await rm(join(root, to), { recursive: true, force: true })
        .then(() => rename(join(root, from), join(root, to)))
        .catch(() => move(from, to));
    const swap = async () => {
      while (!swapper.signal.aborted) {
        await move('d', 'e');
        await move('l', 'd');
        await move('d', 'l');
        await move('e', 'd');
      }
    };
    const swapping = swap();
    let reads = 0;
    for (let n = 0; n < 300; n++) {
      const output = await run('read', { path: 'd/secret.txt' }).then(
        (done) => done.output,
        () => undefined,
      );
      if (output !== undefined) reads += 1;
      expect(output?.['text'] ?? 'inside').not.toBe('outside');
      await run('write', { path: 'd/secret.txt', content: 'inside' }).catch(() => undefined);
      await run('write', { path: `d/n${n}.txt`, content: 'x' }).catch(() => undefined);
    }
    swapper.abort();
    await swapping;

    expect(reads).toBeGreaterThan(0);
    expect(await readdir(join(base, 'outside'))).toEqual(['secret.txt']);
    expect(await readFile(join(base, 'outside', 'secret.txt'), 'utf8')).toBe('outside');
  });

  it('in errors are those that the model gave', async () => {
    await expect(run('read', { path: 'none/x.txt' })).rejects.toThrow('"none/x.txt": is not there');
    await expect(run('read', { path: 'none/x.txt' })).rejects.not.toThrow(base);
    await expect(tool('write').execute({ path: 'sub', content: 'x' }, makeContext())).rejects.toMatchObject({
      kind: 'permanent',
      nothingHappened: true,
    });
  });
});

describe('read and list', () => {
  it('gives a text in pages, each character once', async () => {
    const text = 'aé漢😀\n'.repeat(4_000);
    await writeFile(join(root, 'big.txt'), text);
    let whole = '';
    for (let offset: unknown = 0; offset !== undefined; ) {
      const { output } = await run('read', { path: 'big.txt', offset, limit: 1_001 });
      whole += String(output['text']);
      offset = output['next'];
    }

    expect(whole === text).toBe(true);
  });

  it('gives what is no text as an attachment', async () => {
    await writeFile(join(root, 'p.png'), Buffer.from([0x89, 0x50, 0, 1]));

    expect((await run('read', { path: 'p.png' })).output).toEqual({
      path: 'p.png',
      bytes: 4,
      content: { $attachment: { mediaType: 'image/png', base64: 'iVAAAQ==' } },
    });
  });

  it('gives an empty file, and the end of a file', async () => {
    await writeFile(join(root, 'empty'), '');

    expect((await run('read', { path: 'empty' })).output).toEqual({ path: 'empty', bytes: 0, offset: 0, text: '' });
    expect((await run('read', { path: 'a.txt', offset: 99 })).output).toMatchObject({ text: '' });
  });

  it('lists names in order, a page at a time, with links shown as such', async () => {
    await symlink(join(base, 'outside'), join(root, 'link'));
    for (let n = 0; n < 250; n++) await writeFile(join(root, 'sub', `f${String(n).padStart(3, '0')}`), '');

    expect((await run('list', {})).output).toEqual({
      entries: [
        { name: 'a.txt', kind: 'file', bytes: 3 },
        { name: 'link', kind: 'link' },
        { name: 'sub', kind: 'folder' },
      ],
      total: 3,
    });
    expect((await run('list', { path: 'sub' })).output).toMatchObject({ total: 250, next: 200 });
    expect((await run('list', { path: 'sub', offset: 200 })).output['next']).toBeUndefined();
    await expect(run('list', { path: 'link' })).rejects.toThrow(/not followed/);
  });
});

describe('write', () => {
  it('replaces a file, keeps its mode, makes folders, and reads back', async () => {
    await chmod(join(root, 'a.txt'), 0o600);
    const { verify } = await run('write', { path: 'a.txt', content: 'new ü' });
    await run('write', { path: 'x/y/z.txt', content: 'deep' });

    expect(await verify()).toBe(true);
    expect(await textOf('a.txt')).toBe('new ü');
    expect((await stat(join(root, 'a.txt'))).mode & 0o777).toBe(0o600);
    expect(await textOf('x/y/z.txt')).toBe('deep');
    expect(await leftovers()).toEqual([]);
  });

  it('finds that a file does not hold what was written', async () => {
    const { verify } = await run('write', { path: 'a.txt', content: 'new' });
    await writeFile(join(root, 'a.txt'), 'other');

    expect(await verify()).toMatch(/does not hold what was written/);
  });

  it('takes away what an attempt left that was killed', async () => {
    const write = tool('write');
    await write.execute({ path: 'a.txt', content: '1' }, makeContext());
    const name = async () => {
      // A folder in the place of the target makes the last step fail after the temporary file was written.
      await mkdir(join(root, 'sub', 't'));
      await expect(write.execute({ path: 'sub/t', content: '1' }, makeContext())).rejects.toThrow(/folder/);
    };
    await name();

    expect(await leftovers()).toEqual([]);
  });

  it.each([
    'a\n[redacted: known secret]\n',
    'x [redacted: github token]',
    'head\n[cut: 100 of 200 bytes shown; the whole is',
  ])('refuses what was put in the place of real content: %j', async (content) => {
    await expect(run('write', { path: 'a.txt', content })).rejects.toThrow(/mark/);
    expect(await textOf('a.txt')).toBe('old');
  });
});

describe('undo', () => {
  it('puts the old content back, once', async () => {
    const { undo } = await run('write', { path: 'a.txt', content: 'new' });

    expect(await undo()).toEqual({ restored: true });
    expect(await undo()).toEqual({ restored: false });
    expect(await textOf('a.txt')).toBe('old');
  });

  it('removes a file that was not there', async () => {
    const { undo } = await run('write', { path: 'n/new.txt', content: 'new' });
    await undo();

    expect(existsSync(join(root, 'n/new.txt'))).toBe(false);
    expect(await undo()).toEqual({ restored: false });
  });

  it('puts a removed file back, bytes that are no text included', async () => {
    const bytes = Buffer.from([0xff, 0, 0xfe]);
    await writeFile(join(root, 'b'), bytes);
    const { output, verify, undo } = await run('remove', { path: 'b' });

    expect(output).toEqual({ path: 'b', removed: true });
    expect(await verify()).toBe(true);
    await undo();
    expect(await readFile(join(root, 'b'))).toEqual(bytes);
  });

  it('does nothing for the removal of what was not there', async () => {
    const { output, undo } = await run('remove', { path: 'none' });

    expect(output).toEqual({ path: 'none', removed: false });
    expect(await undo()).toEqual({ restored: false });
  });

  it.each([
    { name: 'somebody has changed it since', change: () => writeFile(join(root, 'a.txt'), 'theirs') },
    { name: 'somebody has removed it since', change: () => rm(join(root, 'a.txt')) },
  ])('fails, and leaves the file alone, when $name', async ({ change }) => {
    const { undo } = await run('write', { path: 'a.txt', content: 'new' });
    await change();

    await expect(undo()).rejects.toThrow(/changed since/);
    expect(existsSync(join(root, 'a.txt')) ? await textOf('a.txt') : 'gone').not.toBe('old');
  });

  it('fails when somebody has made another file in the place of a removed one', async () => {
    const { undo } = await run('remove', { path: 'a.txt' });
    await writeFile(join(root, 'a.txt'), 'theirs');

    await expect(undo()).rejects.toThrow(/changed since/);
    expect(await textOf('a.txt')).toBe('theirs');
  });

  it('is possible for every file that is changed: larger ones are refused before', async () => {
    await writeFile(join(root, 'big'), 'x'.repeat(101));

    for (const [name, args] of [
      ['write', { path: 'big', content: 'x' }],
      ['remove', { path: 'big' }],
    ] as const) {
      await expect(run(name, args, { maxBytes: 100 })).rejects.toThrow(/101 bytes; more than 100 cannot be put back/);
      await expect(tool(name, { maxBytes: 100 }).snapshot?.(args, makeContext())).rejects.toThrow(/cannot be put back/);
    }
    expect((await stat(join(root, 'big'))).size).toBe(101);
  });

  it('needs a before-image', async () => {
    const write = tool('write');

    await expect(write.compensate?.({ path: 'a.txt' }, {}, makeContext())).rejects.toThrow(/no before-image/);
    expect(await textOf('a.txt')).toBe('old');
  });
});

describe('the toolset', () => {
  it('is refused for a root that is no folder, and for bounds that do not fit', () => {
    expect(() => fileTools({ root: join(root, 'none') })).toThrow(/is no folder/);
    expect(() => fileTools({ root: join(root, 'a.txt') })).toThrow(/is no folder/);
    expect(() => fileTools({ root, maxBytes: 1e9 })).toThrow(/maxBytes/);
  });

  it('takes another name', () => {
    expect(fileTools({ root, name: 'docs' }).tools.map(({ name }) => name)).toEqual([
      'docs.read',
      'docs.list',
      'docs.write',
      'docs.remove',
    ]);
  });
});
