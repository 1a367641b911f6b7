import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, makeFolder } from './support.ts';

const FILES = [
  '.gitignore',
  'README.md',
  'holdfast.config.ts',
  'notes.test.ts',
  'package.json',
  'tools.ts',
  'tsconfig.json',
];

describe('init', { timeout: 30_000 }, () => {
  it('makes a project in a new folder', async () => {
    const cwd = await makeFolder();

    const { code, stdout } = await cli(['init', 'My Agents', '--json'], { cwd });

    expect(code).toBe(0);
    expect((await readdir(join(cwd, 'My Agents'))).toSorted()).toEqual(FILES);
    expect(JSON.parse(stdout)).toMatchObject({ folder: join(cwd, 'My Agents') });
    expect(JSON.parse(await readFile(join(cwd, 'My Agents', 'package.json'), 'utf8'))).toMatchObject({
      name: 'my-agents',
      type: 'module',
    });
  });

  it('writes nothing where one of its files exists', async () => {
    const cwd = await makeFolder();
    await writeFile(join(cwd, 'README.md'), 'mine');

    const { code, stderr } = await cli(['init'], { cwd });

    expect(code).toBe(1);
    expect(stderr).toContain('README.md already; nothing was written');
    expect(await readdir(cwd)).toEqual(['README.md']);
    expect(await readFile(join(cwd, 'README.md'), 'utf8')).toBe('mine');
  });
});
