import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli/support.ts';
import { makeFolder } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const TOOLS = 'tools: { refund: { effect: write, args: { type: object, properties: { amount: { type: number } } } } }';

describe('holdfast policy test', { timeout: 30_000 }, () => {
  it('the examples of this project pass', async () => {
    const { code, stdout } = await cli(
      ['policy', 'test', 'policies/default.test.yaml', 'policies/examples/refunds.test.yaml'],
      { cwd: root },
    );

    expect(stdout).toMatch(/\d+ cases passed\n$/);
    expect(code).toBe(0);
  });

  it('an expectation that is not met ends with 1, and is shown', async () => {
    const cwd = await makeFolder({
      'a.test.yaml': `${TOOLS}\ncases:\n  - { name: one, tool: refund, expect: { call: deny, policies: [mine] } }\n  - { name: two, tool: refund }\n`,
    });

    const { code, stdout } = await cli(['policy', 'test', 'a.test.yaml', '--json'], { cwd });

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      files: [
        {
          file: 'a.test.yaml',
          cases: [
            {
              name: 'one',
              call: { decision: 'allow', policies: ['default.call'] },
              callUnattended: { decision: 'allow', policies: ['default.write'] },
              failures: ['expected call deny, got allow', 'expected policy mine to determine it'],
            },
            { name: 'two', failures: [] },
          ],
        },
      ],
    });
  });

  it.each([
    ['is no YAML', 'cases: [', /a\.test\.yaml: cannot be read/],
    [
      'has a misspelt expectation',
      `${TOOLS}\ncases: [{ tool: refund, expect: { cal: deny } }]`,
      /a\.test\.yaml: .*cal/s,
    ],
    ['names no tool', `${TOOLS}\ncases: [{ tool: nothing }]`, /there is no tool nothing/],
    [
      'names policies that are not there',
      `policies: [x.cedar]\n${TOOLS}\ncases: [{ tool: refund }]`,
      /is named by "x\.cedar"/,
    ],
  ])('a file that %s ends with 1', async (_name, text, message) => {
    const cwd = await makeFolder({ 'a.test.yaml': text });

    const { code, stdout, stderr } = await cli(['policy', 'test', 'a.test.yaml'], { cwd });

    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(message);
  });

  it('a policy with a mistake is named with line and column', async () => {
    const cwd = await makeFolder({
      'a.cedar': 'forbid (principal, action, resource is Tool::refund)\nwhen { resource.args.amout == 1 };',
      'a.test.yaml': `policies: [a.cedar]\n${TOOLS}\ncases: [{ tool: refund }]`,
    });

    const { code, stdout, stderr } = await cli(['policy', 'test', 'a.test.yaml', '--json'], { cwd });

    expect(code).toBe(1);
    expect(stderr).toMatch(/a\.cedar:2:8: attribute `args\.amout`/);
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'Policy.Invalid' } });
  });
});

describe('holdfast policy check', { timeout: 30_000 }, () => {
  const CONFIG = {
    models: { default: { model: 'm' } },
    agents: { clerk: { instructions: 'Work.' } },
    policies: ['rules.cedar'],
  };

  it('lists the policies and prints the vocabulary', async () => {
    const cwd = await makeFolder({ 'rules.cedar': '@id("night") forbid (principal, action, resource);' });
    await writeFile(join(cwd, 'holdfast.config.json'), JSON.stringify(CONFIG));

    const checked = await cli(['policy', 'check', '--json'], { cwd });
    const schema = await cli(['policy', 'check', '--schema'], { cwd });

    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      digest: expect.stringMatching(/^sha256:/),
      policies: expect.arrayContaining([{ id: 'night', effect: 'forbid', where: 'rules.cedar:1:1' }]),
    });
    expect(schema.stdout).toContain('action "callUnattended"');
  });

  it('ends with 1 where a policy has a mistake', async () => {
    const cwd = await makeFolder({ 'rules.cedar': 'forbid (principal action);' });
    await writeFile(join(cwd, 'holdfast.config.json'), JSON.stringify(CONFIG));

    const { code, stderr } = await cli(['policy', 'check'], { cwd });

    expect(code).toBe(1);
    expect(stderr).toMatch(/rules\.cedar:1:\d+: unexpected token/);

    // The message names the command that prints the vocabulary, so that one must work now.
    const schema = await cli(['policy', 'check', '--schema'], { cwd });
    expect(schema.code).toBe(0);
    expect(schema.stdout).toContain('action "callUnattended"');
  });
});
