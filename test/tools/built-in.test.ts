import { describe, expect, it } from 'vitest';
import { digestText } from '../../src/domain/digest.ts';
import { jsonBytes } from '../../src/domain/json.ts';
import { SIZES } from '../../src/domain/sizes.ts';
import { BUILT_IN_TOOLS, readArtifact } from '../../src/tools/built-in/index.ts';
import { plan } from '../../src/tools/built-in/plan.ts';
import { wait } from '../../src/tools/built-in/wait.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { makeContext } from './support.ts';

const builtIn = async (tool: Tool, args: unknown) => {
  const parsed = await tool.input.parse(args);
  return parsed.ok ? tool.builtIn?.(parsed.value) : parsed.problems;
};

describe('wait', () => {
  it('is a timer of the workflow', async () => {
    expect(await builtIn(wait, { duration: '2h' })).toEqual({ kind: 'wait', ms: 7_200_000 });
    expect(await builtIn(wait, { duration: '30d' })).toEqual({ kind: 'wait', ms: 2_592_000_000 });
    expect(wait).toMatchObject({ effect: 'read', openWorld: false });
  });

  it.each(['31d', '0s', '-1s', 'soon', '', '1e3s', 30])('refuses %j', async (duration) => {
    expect(await builtIn(wait, { duration })).toMatch(/^duration: /);
  });
});

describe('plan', () => {
  it('is kept by the workflow, as it was given', async () => {
    const given = { goal: 'g', steps: [{ title: 'one', status: 'doing', note: 'n' }], notes: 'x' };

    expect(await builtIn(plan, given)).toEqual({ kind: 'plan', plan: given });
  });

  it.each([
    { steps: [{ title: 'x', status: 'later' }] },
    { steps: [{ title: '', status: 'todo' }] },
    { steps: Array.from({ length: 51 }, () => ({ title: 'x', status: 'todo' })) },
    { steps: [], extra: 1 },
    { notes: 'x' },
  ])('refuses %j', async (given) => {
    expect(typeof (await builtIn(plan, given))).toBe('string');
  });
});

describe('the built-in tools', () => {
  it('can be named in plain configuration, and given to an agent', () => {
    const agent = defineAgent({ name: 'a', instructions: 'x', tools: Object.values(BUILT_IN_TOOLS) });

    expect([...agent.tools.keys()]).toEqual(expect.arrayContaining(['wait', 'plan']));
  });
});

describe('read_artifact', () => {
  const id = `a-${'0'.repeat(24)}`;
  const tool = readArtifact({ get: async () => undefined });
  const read = async (bytes: Uint8Array | undefined, at: { offset?: number; limit?: number } = {}, epoch = 'e1') => {
    const reader = readArtifact({
      get: async (task) =>
        bytes === undefined || task.taskId !== 't' || task.epoch !== 'e1'
          ? undefined
          : { artifact: { id, digest: digestText(id), mediaType: 'text/plain', bytes: bytes.length }, bytes },
    });
    const page = await reader.execute({ id, ...at }, makeContext({ epoch }));
    return page as { text?: string; next?: number; offset: number; note?: string };
  };

  it.each([
    { name: 'plain text', text: 'line\n'.repeat(20_000), limit: 10_000 },
    { name: 'text that JSON makes twice as long', text: '"\\'.repeat(40_000), limit: 32_768 },
    { name: 'characters of several bytes', text: 'aé漢😀'.repeat(3_000), limit: 7 },
  ])('gives the whole in pages, each character once, each page fit for a result: $name', async ({ text, limit }) => {
    let whole = '';
    for (let offset: number | undefined = 0; offset !== undefined; ) {
      const page = await read(Buffer.from(text), { offset, limit });
      expect(jsonBytes(page)).toBeLessThanOrEqual(SIZES.toolOutput);
      whole += page.text;
      offset = page.next;
    }

    expect(whole === text).toBe(true);
  });

  it('begins at the next whole character, and ends at the end', async () => {
    expect(await read(Buffer.from('é!'), { offset: 1 })).toMatchObject({ offset: 2, text: '!' });
    expect(await read(Buffer.from('abc'), { offset: 99 })).toMatchObject({ offset: 3, text: '' });
  });

  it('says when there is nothing to read: no text, or no such artifact of this task', async () => {
    expect(await read(Buffer.from([0xff, 0xd8, 0]))).toMatchObject({ note: 'not text; it cannot be read here' });
    await expect(read(undefined)).rejects.toThrow(/this task has no artifact/);
    await expect(read(Buffer.from('x'), {}, 'e2')).rejects.toThrow(/this task has no artifact/);
    expect((await tool.input.parse({ id: '../other' })).ok).toBe(false);
  });

  it('is untrusted: an artifact does not say who wrote it', () => {
    expect(tool.openWorld).toBe(true);
  });
});
