import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Tool, ToolContext } from '../../src/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/config-repair');
const PAYMENTS = 'config/prod/payments.yaml';

// The example imports `holdfast` as its users do, and that is what was built.
beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/ready.mjs')]);
}, 180_000);

const load = async () => ({
  tools: await import('../../examples/config-repair/tools.ts'),
  service: await import('../../examples/config-repair/service.ts'),
  ledger: await import('../../examples/config-repair/ledger.ts'),
});

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'config-repair-test-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const root = join(folder, 'work');
  await cp(join(EXAMPLE, 'workspace'), root, { recursive: true });
  return root;
};

const makeContext = (over: Partial<ToolContext> = {}): ToolContext => ({
  taskId: 't-1',
  callId: 's1.c1',
  principal: { id: 'ana' },
  idempotencyKey: 't-1/e/s1.c1/abc',
  attempt: 1,
  signal: new AbortController().signal,
  heartbeat: () => undefined,
  log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  ...over,
});

const makeTools = async (over: { readonly serviceUrl?: string; readonly afterEffect?: () => Promise<void> } = {}) => {
  const { tools, ledger } = await load();
  const root = await makeFolder();
  const settings = { root, serviceUrl: 'http://127.0.0.1:9', ...over };
  const all: readonly Tool[] = [
    ...tools.createFileTools(settings).tools,
    tools.createProbe(settings),
    tools.createSummaryTool(settings),
  ];
  const find = (name: string): Tool => {
    const tool = all.find((each) => each.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    return tool;
  };
  const run = async (name: string, input: unknown, context: Partial<ToolContext> = {}): Promise<unknown> => {
    const parsed = await find(name).input.parse(input);
    if (!parsed.ok) throw new TypeError(parsed.problems);
    return find(name).execute(parsed.value, makeContext(context));
  };
  const confirm = async (input: unknown): Promise<unknown> => await find('files.write').confirm?.(input);
  /** What stands there, and what a write would put there, as whoever approves it is shown both. */
  const change = async (input: unknown): Promise<unknown> => {
    const write = find('files.write');
    const before = (await write.snapshot?.(input, makeContext({}))) as string | null;
    return { before, after: await write.preview?.(input, before) };
  };
  return {
    root,
    run,
    confirm,
    change,
    outbox: join(root, tools.OUTBOX),
    readLedger: async () => await ledger.readLedger(root),
  };
};

describe('tools of the example', () => {
  it.each([
    ['..', /leads out/],
    ['../outside.txt', /leads out/],
    ['config/../../outside.txt', /leads out/],
    ['/etc/hostname', /absolute/],
    ['config\\..\\..\\outside.txt', /no path/],
    ['.effects.log', /hidden/],
    ['config/.git/hooks', /hidden/],
    ['gate/outside.txt', /link/],
    ['gate', /link/],
    ['shortcut', /link/],
    ['dangling', /link/],
    ['dangling/new.txt', /link/],
  ])('keep to the working folder: %s', async (path, message) => {
    const { root, run } = await makeTools();
    const outside = join(root, '..', 'elsewhere');
    await mkdir(outside);
    await writeFile(join(outside, 'outside.txt'), 'secret');
    await symlink(outside, join(root, 'gate'));
    await symlink(join(outside, 'outside.txt'), join(root, 'shortcut'));
    await symlink(join(outside, 'not-there'), join(root, 'dangling'));

    await expect(run('files.read', { path })).rejects.toThrow(message);
    await expect(run('files.list', { path })).rejects.toThrow(message);
    await expect(run('files.search', { path, text: 'secret' })).rejects.toThrow(message);
    await expect(run('files.write', { path, content: 'x' })).rejects.toThrow(message);
    expect(await readdir(outside)).toEqual(['outside.txt']);
    expect(await readFile(join(outside, 'outside.txt'), 'utf8')).toBe('secret');
  });

  it('lists and searches what is there, and follows no link', async () => {
    const { root, run } = await makeTools();
    await symlink('/etc', join(root, 'config', 'etc'));

    expect(await run('files.list', { path: 'config/staging' })).toMatchObject({
      files: [
        { path: 'config/staging/checkout.yaml' },
        { path: 'config/staging/inventory.yaml' },
        { path: 'config/staging/payments.yaml' },
      ],
    });
    expect(await run('files.search', { text: 'TIMEOUT_ms', path: 'config' })).toEqual({
      hits: [
        { path: PAYMENTS, line: 4, text: 'timeout_ms: 600' },
        { path: 'config/staging/payments.yaml', line: 4, text: 'timeout_ms: 2000' },
      ],
      more: false,
    });
  });

  it('replaces a file in one piece: a reader sees the old text or the new one', async () => {
    const { root, run } = await makeTools();
    const file = join(root, PAYMENTS);
    const [small, large] = ['timeout_ms: 1\n', 'timeout_ms: 2000\n'.repeat(3_000)];
    await writeFile(file, small);
    const seen = new Set<string>();
    const writing = new AbortController();
    const watch = async (): Promise<void> => {
      while (!writing.signal.aborted) seen.add(await readFile(file, 'utf8'));
    };
    const watching = watch();

    for (let n = 0; n < 20; n++)
      await run('files.write', { path: PAYMENTS, content: n % 2 === 0 ? large : small }, { idempotencyKey: `k${n}` });
    writing.abort();
    await watching;

    expect([...seen].every((text) => text === small || text === large)).toBe(true);
    expect(await readdir(join(root, 'config/prod'))).toEqual(['checkout.yaml', 'inventory.yaml', 'payments.yaml']);
  });

  it('shows what a write changes, before it does', async () => {
    const { root, change } = await makeTools();
    await writeFile(join(root, PAYMENTS), 'timeout_ms: 600\n');

    expect(await change({ path: PAYMENTS, content: 'timeout_ms: 2000\n' })).toEqual({
      before: 'timeout_ms: 600\n',
      after: 'timeout_ms: 2000\n',
    });
    expect(await change({ path: 'config/new.yaml', content: 'x' })).toEqual({ before: null, after: 'x' });
  });

  it('writes once for a key, however often it is called', async () => {
    const { root, run, readLedger } = await makeTools();
    const input = { path: PAYMENTS, content: 'timeout_ms: 2000\n' };

    const first = await run('files.write', input);
    const { ino } = await stat(join(root, PAYMENTS));
    const second = await run('files.write', input, { attempt: 2 });

    expect(second).toEqual(first);
    expect((await stat(join(root, PAYMENTS))).ino).toBe(ino);
    expect((await readLedger()).map(({ event, attempt }) => `${event} ${attempt}`)).toEqual([
      'applied 1',
      'repeated 2',
    ]);
  });

  it('does not write again what a killed attempt has written, when only its line in the ledger is missing', async () => {
    const { root, run, readLedger } = await makeTools();
    const content = 'timeout_ms: 2000\n';
    await writeFile(join(root, PAYMENTS), content);
    const { ino } = await stat(join(root, PAYMENTS));

    await run('files.write', { path: PAYMENTS, content }, { attempt: 2 });

    expect((await stat(join(root, PAYMENTS))).ino).toBe(ino);
    expect(await readLedger()).toMatchObject([{ event: 'applied', attempt: 2 }]);
  });

  it('posts a summary once for a key', async () => {
    const { run, outbox } = await makeTools();
    const input = { incident: 'INC-1', text: 'done' };

    await run('post_summary', input);
    await run('post_summary', input, { attempt: 2 });
    await run('post_summary', input, { idempotencyKey: 'another call' });

    expect((await readFile(outbox, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  it('does nothing for a call that was given up before', async () => {
    const { root, run } = await makeTools();
    const before = await readFile(join(root, PAYMENTS), 'utf8');

    await expect(run('files.write', { path: PAYMENTS, content: 'x' }, { signal: AbortSignal.abort() })).rejects.toThrow(
      /abort/i,
    );

    expect(await readFile(join(root, PAYMENTS), 'utf8')).toBe(before);
  });

  it.each([
    { path: PAYMENTS, answer: expect.stringContaining('it changes production, config/prod/payments.yaml') },
    { path: 'config/staging/../prod/payments.yaml', answer: expect.stringContaining('config/prod/payments.yaml') },
    { path: './config//prod/new.yaml', answer: expect.stringContaining('config/prod/new.yaml') },
    { path: 'live/payments.yaml', answer: expect.stringContaining('config/prod/payments.yaml') },
    { path: 'config/staging/payments.yaml', answer: false },
    { path: 'config/production.md', answer: false },
  ])('asks a person for production only: $path', async ({ path, answer }) => {
    const { root, confirm } = await makeTools();
    await symlink(join(root, 'config/prod'), join(root, 'live'));

    expect(await confirm({ path, content: 'timeout_ms: 2000\n' })).toEqual(answer);
  });

  it('says in the reason what would change', async () => {
    const { root, confirm } = await makeTools();
    const content = (await readFile(join(root, PAYMENTS), 'utf8')).replace('600', '2000');

    expect(await confirm({ path: PAYMENTS, content })).toBe(
      `it changes production, ${PAYMENTS}: “timeout_ms: 600” becomes “timeout_ms: 2000”`,
    );
  });
});

describe('service of the example', () => {
  it.each([
    { timeoutMs: 600, errorRate: 0.052, status: 'degraded' },
    { timeoutMs: 2_000, errorRate: 0.026, status: 'ok' },
    { timeoutMs: 60_000, errorRate: 0.024, status: 'ok' },
    { timeoutMs: 1, errorRate: 1, status: 'degraded' },
  ])('fails as its configuration says, at $timeoutMs ms', async ({ timeoutMs, errorRate, status }) => {
    const { service } = await load();
    const root = await makeFolder();
    await writeFile(join(root, PAYMENTS), `timeout_ms: ${timeoutMs}\n`);

    expect(await service.measureHealth(join(root, 'config/prod'))).toMatchObject({ errorRate, status });
  });

  it('reads its configuration for every request, and says when it cannot be used', async () => {
    const { service } = await load();
    const root = await makeFolder();
    const { url, close } = await service.startService(join(root, 'config/prod'));
    onTestFinished(close);
    const { run } = await makeTools({ serviceUrl: url });

    expect(await run('probe_service', {})).toMatchObject({ errorRate: 0.052 });
    await writeFile(join(root, PAYMENTS), 'timeout_ms: 2000\n');
    expect(await run('probe_service', {})).toMatchObject({ errorRate: 0.026 });
    await writeFile(join(root, PAYMENTS), 'timeout_ms: soon\n');
    await expect(run('probe_service', {})).rejects.toThrow(/503.*payments\.yaml/);
  });
});

describe('main.ts --auto --json', () => {
  it('repairs the setting and does nothing twice, although the worker is killed twice', async () => {
    const child = spawn(process.execPath, [join(EXAMPLE, 'main.ts'), '--auto', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));

    const [code] = await once(child, 'close');

    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { effects: { key: string }[] };
    expect(outcome).toMatchObject({
      status: 'completed',
      output: {
        file: PAYMENTS,
        setting: 'timeout_ms',
        before: 600,
        after: 2000,
        errorRateBefore: 0.052,
        errorRateAfter: 0.026,
        repaired: true,
      },
      effects: [
        { callId: 's5.c1', tool: 'files.write', status: 'succeeded' },
        { callId: 's7.c1', tool: 'post_summary', status: 'succeeded' },
      ],
      proof: {
        workerKills: 2,
        effects: [
          { key: outcome.effects[0]?.key, executions: 1, calls: 2 },
          { key: outcome.effects[1]?.key, executions: 1, calls: 1 },
        ],
        errorRateBefore: 0.052,
        errorRateAfter: 0.026,
      },
    });
  }, 120_000);
});
