import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nextLine } from '../../src/cli/next-line.ts';
import { makeFolder } from './support.ts';

const stack = { temporal: '127.0.0.1:7233', namespace: 'default' };

describe('what `dev` says is next', () => {
  it('is found by the folder where the state is in it', () => {
    for (const data of [undefined, '.holdfast', '/work/.holdfast'])
      expect(nextLine(stack, { data, cwd: '/work', isServed: true })).toBe(
        "holdfast run AGENT 'GOAL'   in this folder, in another terminal",
      );
  });

  it('names the server where the state is elsewhere', () => {
    const other = { temporal: '127.0.0.1:1', namespace: 'two words' };

    expect(nextLine(stack, { data: '/elsewhere', cwd: '/work', isServed: true })).toBe(
      "holdfast run AGENT 'GOAL' --address 127.0.0.1:7233   in another terminal",
    );
    expect(nextLine(other, { data: 'x', cwd: '/work', isServed: true })).toContain("--namespace 'two words'");
  });

  it('names a store to a worker, and no password: the line runs as it is printed', async () => {
    const data = join(await makeFolder(), 'dev.json');
    const folder = join(data, '..');
    await writeFile(data, JSON.stringify({ store: 'postgres://holdfast:secret@127.0.0.1:1/holdfast' }));
    const line = nextLine(stack, { data: folder, cwd: '/work', isServed: false });
    const [assignment = ''] = line.split(' holdfast worker');

    expect(line).toMatch(/holdfast worker --address 127\.0\.0\.1:7233 /);
    expect(line).not.toContain('secret');
    const told = execFileSync('sh', ['-c', `${assignment}; echo "$HOLDFAST_STORE_URL"`], { encoding: 'utf8' });
    expect(told).toBe('postgres://holdfast:secret@127.0.0.1:1/holdfast\n');
  });
});
