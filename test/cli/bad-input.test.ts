import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, makeFolder } from './support.ts';

// No server listens there: what is wrong with the input must be found before anything is connected.
const NOWHERE = ['--address', '127.0.0.1:9'];

const CASES = [
  { name: 'a missing task', args: ['show'], says: "missing required argument 'task'" },
  { name: 'a missing reason', args: ['deny', 't'], says: "required option '--reason <text>' not specified" },
  { name: 'arguments that are no JSON', args: ['approve', 't', '--args', '{'], says: 'This is not JSON' },
  { name: 'arguments that are no object', args: ['approve', 't', '--args', '[1]'], says: 'Expected a JSON object' },
  { name: 'a limit that is no number', args: ['list', '--limit', 'many'], says: 'whole number from 1 to 1000' },
  { name: 'a scope that does not exist', args: ['approve', 't', '--scope', 'all'], says: 'once, values, tool' },
  { name: 'pointers without their scope', args: ['approve', 't', '--same', '/to'], says: '--same goes with --scope' },
  { name: 'a share of what is no limit', args: ['approve', 't', '--allow', 'lunch=1'], says: 'costUsd, steps' },
  { name: 'a share that is nothing', args: ['approve', 't', '--allow', 'steps=0'], says: 'an amount above 0' },
  { name: 'a share of time without a unit', args: ['approve', 't', '--allow', 'duration=30'], says: 'duration=30m' },
  {
    name: 'arguments and a share',
    args: ['approve', 't', '--args', '{}', '--allow', 'steps=1'],
    says: '--args and --allow cannot stand together',
  },
  { name: 'a token that is none', args: ['approve', 't', '--token', 'x'], says: 'this is no signed decision' },
  {
    name: 'a token and a key',
    args: ['approve', 't', '--token', 'a.b.c', '--key', 'none.json'],
    says: '--token and a key cannot stand together',
  },
  {
    name: 'a key that is not there',
    args: ['approve', 't', '--key', 'none.json'],
    says: 'the key file none.json cannot be read: there is no such file',
  },
  {
    name: 'a key file that is none',
    args: ['approve', 't', '--key', '/etc/hostname'],
    says: 'holdfast keys new --out',
  },
  {
    name: 'a name without a key',
    args: ['approve', 't', '--subject', 'ana'],
    says: 'A key file holds the private key',
  },
  { name: 'a key where nothing is signed', args: ['inbox', '--key', 'a.json'], says: '--key goes with --decide' },
  { name: 'a name where nothing is decided', args: ['inbox', '--by', 'ana'], says: '--by goes with --decide' },
  { name: 'an age that is none', args: ['inbox', '--older-than', 'long'], says: 'such as 90s, 30m, 2h or 7d' },
  { name: 'a risk that does not exist', args: ['inbox', '--risk', 'huge'], says: 'low, medium, high' },
  { name: 'a role and anybody', args: ['inbox', '--anybody', '--role', 'a'], says: 'cannot stand together' },
  { name: 'deciding without a terminal', args: ['inbox', '--decide'], says: '--decide asks in a terminal' },
  { name: 'nothing to revoke', args: ['revoke', 't'], says: "missing required argument 'id'" },
  {
    name: 'a kind that does not exist',
    args: ['inbox', '--kind', 'lunch'],
    says: 'Allowed choices are approval, answer',
  },
  {
    name: 'a status that does not exist',
    args: ['list', '--status', 'lunch'],
    says: 'Allowed choices are running, waiting',
  },
  { name: 'two views of a trace', args: ['trace', 't', '--step', '1', '--prompt', '1'], says: 'cannot stand together' },
  { name: 'an agent without a goal', args: ['run', 'clerk'], says: 'GOAL is missing' },
  { name: 'nothing to run', args: ['run'], says: 'which agent' },
  {
    name: 'a specification and a goal',
    args: ['run', 'clerk', 'x', '--spec', 'a.json'],
    says: 'cannot stand together',
  },
  {
    name: 'a specification that is not there',
    args: ['run', '--spec', '/no/such.json'],
    says: '/no/such.json cannot be read',
  },
  { name: 'a history that is not there', args: ['replay', 'none.json'], says: 'there is no file none.json' },
  { name: 'a schema that does not exist', args: ['schema', 'lunch'], says: 'there is no schema "lunch"' },
  { name: 'a port that is none', args: ['dev', '--port', '70000'], says: 'whole number from 0 to 65535' },
] as const;

describe('bad input', { timeout: 30_000 }, () => {
  it.each(CASES)('ends with 1 and says what is wrong: $name', async ({ args, says }) => {
    const { code, stdout, stderr } = await cli([...args, ...NOWHERE]);

    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('names a server that cannot be reached, and where its address comes from', async () => {
    const { code, stdout, stderr } = await cli(['list', '--json', ...NOWHERE]);

    expect(code).toBe(1);
    expect(stderr).toContain('Temporal at 127.0.0.1:9 cannot be reached (address from: option)');
    expect(JSON.parse(stdout)).toMatchObject({
      error: { type: 'Config.Invalid', message: expect.any(String), help: expect.any(String) },
    });
  });

  it('shows a stack trace only when asked', async () => {
    const { stderr } = await cli(['schema', 'lunch'], { env: { HOLDFAST_DEBUG: '1' } });

    expect(stderr).toMatch(/^ +at /m);
  });

  it.each([
    { name: 'no JSON', content: 'export default 1' },
    { name: 'no history', content: '{"a":1}' },
    {
      name: 'the history of another workflow',
      content:
        '{"events":[{"eventId":"1","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED","workflowExecutionStartedEventAttributes":{"workflowType":{"name":"other"}}}]}',
    },
  ])('refuses to replay a file that is $name', async ({ content }) => {
    const file = join(await makeFolder(), 'history.json');
    await writeFile(file, content);

    const { code, stdout, stderr } = await cli(['replay', file, '--json']);

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'History.Invalid' } });
    expect(stderr).toContain('temporal workflow show');
  });

  it.each([
    { args: ['run', '--spec', '-'], what: 'the specification on stdin' },
    { args: ['policy', 'test', 'broken.yaml'], what: 'broken.yaml' },
  ])('says on one line what is wrong with $what', async ({ args, what }) => {
    const cwd = await makeFolder();
    await writeFile(join(cwd, 'broken.yaml'), 'x: [\n');

    const { code, stderr } = await cli([...args, ...NOWHERE], { cwd, stdin: 'x: [\n' });

    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .* at line 2, column 1\n {2}\S.*\n$/);
    expect(stderr).toContain(what);
  });

  it('doctor names what cures a server that cannot be reached, not itself', async () => {
    const { code, stdout } = await cli(['doctor', '--json', ...NOWHERE]);

    expect(code).toBe(1);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; fix: string[] }[] };
    expect(checks.find(({ name }) => name === 'Temporal')?.fix).toEqual([expect.stringContaining('holdfast dev')]);
  });
});
