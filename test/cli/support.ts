import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Temporal's own settings of this machine must not decide where a test goes. */
const EMPTY_ENV = {
  PATH: process.env['PATH'],
  HOME: tmpdir(),
  NO_COLOR: '1',
  TEMPORAL_CONFIG_FILE: join(tmpdir(), 'none.toml'),
  // Half of what a short command costs is compiling; all of them compile the same.
  NODE_COMPILE_CACHE: join(dirname(inject('bundle')), 'compiled'),
};

export type CliOptions = { readonly cwd?: string; readonly env?: Record<string, string>; readonly stdin?: string };
export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunningCli = {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Waits for a line on either stream. */
  readonly line: (pattern: RegExp) => Promise<string>;
};

export const startCli = (args: readonly string[], { cwd = tmpdir(), env = {}, stdin }: CliOptions = {}): RunningCli => {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...EMPTY_ENV, ...env } });
  const seen: string[] = [];
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[name] }).on('line', (line) => {
      texts[name] += `${line}\n`;
      seen.push(line);
      for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line);
    });
  }
  child.stdin.end(stdin ?? '');
  const ended = new Promise<CliResult>((resolve) => child.once('close', (code) => resolve({ code, ...texts })));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    child,
    ended,
    line: async (pattern) =>
      await new Promise<string>((resolve, reject) => {
        const already = seen.find((line) => pattern.test(line));
        if (already !== undefined) resolve(already);
        else waiting.push({ pattern, resolve });
        void ended.then(({ stderr }) => reject(new Error(`ended without a line like ${pattern}: ${stderr}`)));
      }),
  };
};

export const cli = async (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
  await startCli(args, options).ended;

export const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
};
