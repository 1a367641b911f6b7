import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { cli, startCli } from '../cli/support.ts';
import { freshStore } from '../support/store.ts';

const ROOT = join(import.meta.dirname, '../..');

// The example imports `holdfast` as its users do, and that is what was built.
beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/ready.mjs')]);
}, 180_000);

/** The example in a folder of its own, with a scripted model at a free port. */
const makeExample = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-files-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  await cp(join(ROOT, 'examples/files'), folder, { recursive: true });
  // What `npm install` makes of it elsewhere.
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const model = spawn(process.execPath, [join(ROOT, 'examples/files/model.ts')], {
    env: { ...process.env, PORT: '0' },
  });
  onTestFinished(() => void model.kill());
  const [line] = (await once(createInterface({ input: model.stdout }), 'line')) as [string];
  const config = join(folder, 'holdfast.config.yaml');
  const text = await readFile(config, 'utf8');
  const url = /http\S+/.exec(line)?.[0] ?? '';
  await writeFile(config, text.replace('http://127.0.0.1:8790/v1', url));
  return folder;
};

describe('the example in plain configuration', () => {
  it('does a whole task with an MCP server, and shows and pins its tools', async () => {
    const folder = await makeExample();
    const options = {
      cwd: folder,
      env: { HOLDFAST_TASK_QUEUE: `test-${randomUUID()}`, HOLDFAST_STORE_URL: await freshStore() },
    };
    const at = ['--address', inject('temporal').address];

    const listed = await cli(['mcp', 'list', '--json', ...at], options);
    const { servers } = JSON.parse(listed.stdout);
    expect(servers).toMatchObject([{ name: 'files', state: 'up' }]);
    const tool = (name: string) => servers[0].tools.find((each: { name: string }) => each.name === name);
    expect(tool('files.read_text_file')).toMatchObject({ effect: 'read', unattended: true, pin: 'not pinned yet' });
    expect(tool('files.write_file')).toMatchObject({ effect: 'write', unattended: true });
    expect(tool('files.move_file')).toMatchObject({ effect: 'destructive', unattended: false });

    const worker = startCli(['worker', ...at], options);
    await worker.line(/worker ready/);
    const ran = await cli(['run', 'clerk', 'Add up the invoices', '--no-wait', '--json', ...at], options);

    expect(ran).toMatchObject({ code: 0 });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      status: 'completed',
      output: { written: 'summary.md', totalEur: 1729.4 },
      effects: [{ tool: 'files.write_file', status: 'succeeded' }],
    });
    expect(await readFile(join(folder, 'workspace/summary.md'), 'utf8')).toContain('| **total** | **1729.40** |');

    const pinned = await cli(['mcp', 'list', ...at], options);
    expect(pinned.stdout).toMatch(/files\.write_file +write +unattended +pinned/);
    const refused = await cli(['mcp', 'pin', 'files', ...at], options);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('a person has to agree') });
    const again = await cli(['mcp', 'pin', 'files', '--yes', '--json', ...at], options);
    expect(JSON.parse(again.stdout)).toMatchObject({
      server: 'files',
      pinned: { write_file: tool('files.write_file').digest },
    });
    const unknown = await cli(['mcp', 'pin', 'mails', '--yes', ...at], options);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('it has files') });
  }, 120_000);

  it('shows a diff of a write that asks, and asks again where somebody has written the file meanwhile', async () => {
    const folder = await makeExample();
    const config = join(folder, 'holdfast.config.yaml');
    const lines = (await readFile(config, 'utf8')).split('\n');
    await writeFile(config, lines.filter((line) => !line.includes('write_file: {')).join('\n'));
    const summary = join(folder, 'workspace/summary.md');
    await writeFile(summary, 'old\n');
    const options = {
      cwd: folder,
      env: { HOLDFAST_TASK_QUEUE: `test-${randomUUID()}`, HOLDFAST_STORE_URL: await freshStore() },
    };
    const at = ['--address', inject('temporal').address];
    const worker = startCli(['worker', ...at], options);
    await worker.line(/worker ready/);
    const taskId = `t-${randomUUID()}`;
    await cli(['run', 'clerk', 'Add up the invoices', '--id', taskId, '--no-wait', ...at], options);
    const asked = async (words: string) =>
      await expect
        .poll(async () => (await cli(['show', taskId, ...at], options)).stdout, { timeout: 30_000 })
        .toContain(words);

    await asked('-old');
    await writeFile(summary, 'somebody else\n');
    await cli(['approve', taskId, ...at], options);
    await asked('-somebody else');

    expect(await readFile(summary, 'utf8')).toBe('somebody else\n');
    await cli(['approve', taskId, ...at], options);
    await expect.poll(() => readFile(summary, 'utf8'), { timeout: 30_000 }).toContain('| **total** | **1729.40** |');
  }, 120_000);
});
