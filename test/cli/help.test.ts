import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { cli } from './support.ts';

const COMMANDS = [
  'init',
  'dev',
  'worker',
  'doctor',
  'run',
  'list',
  'show',
  'pause',
  'resume',
  'cancel',
  'compensate',
  'inbox',
  'approve',
  'deny',
  'answer',
  'revoke',
  'trace',
  'replay',
  'audit',
  'decisions',
  'sign',
  'keys',
  'mcp',
  'policy',
  'schema',
];

describe('help', { timeout: 30_000 }, () => {
  it('lists every command', () => {
    expect(
      buildProgram()
        .commands.map((command) => command.name())
        .toSorted(),
    ).toEqual(COMMANDS.toSorted());
  });

  it.each(COMMANDS)('of %s has a description, an example and the options that every command takes', async (name) => {
    const { code, stdout } = await cli([name, '--help']);

    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Usage: holdfast ${name}[^]+Examples?:\n  \\$ .*holdfast ${name}`));
    for (const option of ['--config', '--address', '--namespace', '--json']) expect(stdout).toContain(option);
  });

  it('tells the exit codes', async () => {
    const { stdout } = await cli(['--help']);

    for (const code of [0, 1, 2, 3, 130]) expect(stdout).toMatch(new RegExp(`^ +${code} +\\w`, 'm'));
  });

  it('suggests the command that was meant', async () => {
    const { code, stderr } = await cli(['lsit']);

    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean list?');
  });

  it('suggests the option that was meant, and keeps stdout for JSON', async () => {
    const { code, stdout, stderr } = await cli(['list', '--staus', 'waiting', '--json']);

    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean --status?');
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'Usage', message: expect.stringContaining('--staus') } });
  });
});
