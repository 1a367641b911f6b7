import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { create } from 'tar';
import { describe, expect, it, onTestFinished } from 'vitest';
import { boundPort } from '../../src/dev/ports.ts';
import { StackError } from '../../src/dev/stack-error.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';
import { failureOf, isAlive, makeFolder, waitFor } from './support.ts';

const CLI = '#!/bin/sh\necho "temporal version 9.9.9 (Server 1.99.0, UI 2.99.0)"\n';
const NOWHERE = 'http://127.0.0.1:1/cli';

const writeProgram = async (path: string, text: string): Promise<string> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
};

// The scripts need sh, cat and sleep; no `temporal` and no `go` is there.
const makeSearch = async () => {
  const dir = await makeFolder();
  const bin = join(dir, 'bin');
  await mkdir(bin);
  const lines: string[] = [];
  const options = {
    cacheDir: join(dir, 'cache'),
    env: { PATH: bin },
    downloadUrl: NOWHERE,
    onProgress: (line: string) => void lines.push(line),
  };
  return { dir, bin, lines, options, cached: join(options.cacheDir, 'temporal-cli-1.5.1', 'temporal') };
};

const serveFile = async (content: Buffer): Promise<string> => {
  const server = createServer((_request, response) => response.end(content)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${boundPort(server)}/archive`;
};

const archiveOf = async (dir: string, name: string): Promise<Buffer> => {
  await writeProgram(join(dir, 'packed', name), CLI);
  await create({ gzip: true, file: join(dir, 'archive.tar.gz'), cwd: join(dir, 'packed') }, [name]);
  return await readFile(join(dir, 'archive.tar.gz'));
};

describe.runIf(process.platform !== 'win32')('findTemporalBinary', { timeout: 30_000 }, () => {
  it('lists every attempt with its reason when nothing is found', async () => {
    const { options, cached } = await makeSearch();

    const error = await failureOf(findTemporalBinary(options));

    expect(error).toBeInstanceOf(StackError);
    expect((error as StackError).attempts).toEqual([
      { what: '`temporal` on PATH', reason: 'not there' },
      { what: `cache ${cached}`, reason: 'not there' },
      { what: `download ${NOWHERE}`, reason: expect.stringContaining('fetch failed') },
      { what: "build of the CLI's Go module 1.5.1", reason: expect.stringContaining('no `go` on PATH') },
    ]);
    expect(error.message).toContain('--address');
    expect(error.message).toContain('https://go.dev/dl');
  });

  it('takes the one on PATH first', async () => {
    const { options, bin } = await makeSearch();
    const path = await writeProgram(join(bin, 'temporal'), CLI);

    const found = await findTemporalBinary(options);

    expect(found).toEqual({ path, version: '9.9.9 (Server 1.99.0, UI 2.99.0)', source: 'path' });
  });

  it.each([
    { name: 'fails', text: '#!/bin/sh\necho broken >&2\nexit 3\n', reason: 'exit code 3: broken' },
    { name: 'is something else', text: '#!/bin/sh\necho date 1.0\n', reason: 'is not the Temporal CLI' },
  ])('skips one on PATH that $name', async ({ text, reason }) => {
    const { options, bin, cached } = await makeSearch();
    await writeProgram(join(bin, 'temporal'), text);
    const failure = (await failureOf(findTemporalBinary(options))) as StackError;
    await writeProgram(cached, CLI);

    const found = await findTemporalBinary(options);

    expect(failure.attempts[0]?.reason).toContain(reason);
    expect(found).toMatchObject({ path: cached, source: 'cache' });
  });

  it('downloads into the cache once', async () => {
    const { dir, options, cached } = await makeSearch();
    const downloadUrl = await serveFile(await archiveOf(dir, 'temporal'));

    const first = await findTemporalBinary({ ...options, downloadUrl });
    const second = await findTemporalBinary(options);

    expect([first.source, second.source]).toEqual(['download', 'cache']);
    expect(await readdir(dirname(cached))).toEqual(['temporal']);
  });

  it.each([
    {
      name: 'an archive without the program',
      content: async (dir: string) => await archiveOf(dir, 'other'),
      reason: 'holds no temporal',
    },
    { name: 'a web page', content: async () => Buffer.from('<html>blocked</html>'), reason: 'not a gzip archive' },
  ])('refuses $name', async ({ content, reason }) => {
    const { dir, options, cached } = await makeSearch();
    const downloadUrl = await serveFile(await content(dir));

    const error = (await failureOf(findTemporalBinary({ ...options, downloadUrl }))) as StackError;

    expect(error.attempts[2]?.reason).toContain(reason);
    expect(await readdir(dirname(cached))).toEqual([]);
  });

  it('builds once when two want it at the same time', async () => {
    const { dir, bin, options, cached } = await makeSearch();
    const body = `[ "$1" = version ] && exit 0\necho "$2" >> ${dir}/builds\n/bin/sleep 0.5\n/bin/cp ${dir}/made "$GOBIN/temporal"`;
    await writeProgram(join(dir, 'made'), CLI);
    await writeProgram(join(bin, 'go'), `#!/bin/sh\n${body}\n`);

    const found = await Promise.all([findTemporalBinary(options), findTemporalBinary(options)]);

    expect(found.map(({ source, path }) => ({ source, path }))).toEqual(
      [1, 2].map(() => ({ source: 'build', path: cached })),
    );
    expect(await readFile(join(dir, 'builds'), 'utf8')).toBe('github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
  });

  it('ends the build with all its children when it is cancelled', async () => {
    const { dir, bin, options, cached, lines } = await makeSearch();
    const body = `[ "$1" = version ] && exit 0\n/bin/sleep 60 &\necho $! > ${dir}/pid\nwait`;
    await writeProgram(join(bin, 'go'), `#!/bin/sh\n${body}\n`);
    const control = new AbortController();
    const pid = async (): Promise<number> => Number(await readFile(join(dir, 'pid'), 'utf8').catch(() => '0'));

    const failure = failureOf(findTemporalBinary({ ...options, signal: control.signal }));
    await waitFor(async () => (await pid()) > 0);
    control.abort(new Error('enough'));

    expect((await failure).message).toBe('enough');
    await waitFor(async () => !(await isAlive(await pid())));
    expect(await readdir(dirname(cached))).toEqual([]);
    expect(await readdir(options.cacheDir)).toEqual(['temporal-cli-1.5.1']);
    expect(lines[0]).toContain('about 3 minutes, once');
  });
});
