import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';
import { shellWord } from '../../src/domain/shell-word.ts';
import { until } from '../support/waiting.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Whether this machine can open a pseudo-terminal: `script` of util-linux, which Linux has and macOS has otherwise. */
export const hasTerminal =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

export const KEYS = { enter: '\r', down: '\u001B[B', back: '\u007F', interrupt: '\u0003', end: '\u0004' } as const;

export type Terminal = {
  /** Everything that was shown, without colours and cursor movements. */
  readonly shown: () => string;
  /** The same, as it came. */
  readonly raw: () => string;
  /** Presses keys, one after another; of words, each character. */
  readonly type: (...keys: readonly string[]) => Promise<void>;
  /** Waits until this is shown so many times. */
  readonly see: (words: string, times?: number) => Promise<void>;
  readonly ended: Promise<number | null>;
};

/** The command line in a pseudo-terminal. */
export const startTerminal = (
  args: readonly string[],
  { cwd = tmpdir(), env = {} }: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Terminal => {
  // Of a pseudo-terminal that no window shows, nobody says how large it is.
  const command = `stty cols 200 rows 60; exec ${[process.execPath, MAIN, ...args].map(shellWord).join(' ')}`;
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: tmpdir(),
      TERM: 'xterm-256color',
      TEMPORAL_CONFIG_FILE: join(tmpdir(), 'none.toml'),
      ...env,
    },
  });
  let raw = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    raw += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const shown = (): string => stripVTControlCharacters(raw);
  return {
    shown,
    raw: () => raw,
    type: async (...keys) => {
      for (const key of keys.flatMap((each) => (each.startsWith('\u001B') ? [each] : Array.from(each)))) {
        child.stdin.write(key);
        // A key at a time, as a person types: several in one piece are read as one.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    see: async (words, times = 1) => {
      await until(() => shown().split(words).length > times || undefined, `the terminal shows: ${words}`).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\n${shown().slice(-2_000)}`);
        },
      );
    },
    ended,
  };
};
