import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { ConfigInput } from '../../src/config.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import type { Script } from '../../src/testing/index.ts';
import { type AgentDefinition, defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { cli, makeFolder } from '../cli/support.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';
import { nameAfter, noBrowser, openBrowser, pasteAfter, Reviewer } from './reviewer.ts';

const done = { text: 'all done' };
const write = (content: string, path = 'prod.yaml') => ({ tool: 'files.write', args: { path, content } });

type Options = {
  readonly agent?: Partial<AgentDefinition>;
  readonly spec?: Record<string, unknown>;
  readonly approvals?: ConfigInput['approvals'];
};

const isSkipped = noBrowser !== undefined || inject('temporal').ui === '';

describe.skipIf(isSkipped)('a reviewer who has read only the page', { timeout: 120_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  const start = async (script: Script, { agent = {}, spec = {}, approvals }: Options = {}) => {
    const files = new Map([['prod.yaml', 'pool: 20\nretries: 3\n']]);
    const tool = defineTool({
      name: 'files.write',
      description: 'Write a file',
      effect: 'write',
      idempotent: true,
      input: z.object({ path: z.string(), content: z.string() }),
      snapshot: ({ path }) => files.get(path) ?? null,
      preview: ({ content }) => content,
      execute: ({ path, content }) => {
        files.set(path, content);
        return { ok: true };
      },
    });
    const look = defineTool({
      name: 'look',
      description: 'Look',
      effect: 'read',
      input: z.object({}),
      execute: () => 'nothing new',
    });
    const clerk = defineAgent({
      name: 'clerk',
      instructions: 'x',
      tools: [withApproval(tool, { requireConfirmation: true }), look],
      ...agent,
    });
    const { client, model, newTaskId } = await startHarness({
      agents: [clerk],
      script,
      ...(approvals === undefined ? {} : { config: { approvals } }),
    });
    const task = await client.start(
      { agent: 'clerk', goal: 'repair the settings', principal: ana, ...spec },
      { taskId: newTaskId() },
    );
    await untilPending(task);
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    onTestFinished(() => context.close());
    const reviewer = new Reviewer(await context.newPage());
    const { runId } = await client.temporal.workflow.getHandle(task.taskId).describe();
    await reviewer.open(task.taskId, runId);
    return { task, model, files, reviewer, runId };
  };

  it('reads what a write would change, line by line, and approves it', async () => {
    const { task, files, reviewer } = await start([{ calls: [write('pool: 40\nretries: 3\n')] }, done]);

    const text = await reviewer.read(/What it changes/);
    expect(text).toMatch(/^-pool: 20$/m);
    expect(text).toMatch(/^\+pool: 40$/m);
    expect(text).toMatch(/^ retries: 3$/m);
    expect(text).toContain('Risk: medium');
    await reviewer.signal(nameAfter(text, 'Approve'));

    expect((await task.result()).status).toBe('completed');
    expect(files.get('prod.yaml')).toBe('pool: 40\nretries: 3\n');
  });

  it('INVARIANT A3: learns that a plain signal does not count, runs the command of the page, and pastes what two people signed', async () => {
    const [ben, eva] = await Promise.all([createKeyPair('ben'), createKeyPair('eva')]);
    const folder = await makeFolder();
    const signers = await Promise.all(
      Object.entries({ ben, eva }).map(async ([issuer, { publicKey, privateKey }]) => {
        await writeFile(join(folder, `${issuer}.json`), JSON.stringify(privateKey), { mode: 0o600 });
        return { issuer, publicKey: publicKey as { kty: 'OKP' }, roles: ['finance'] };
      }),
    );
    const rules = [{ name: 'production', roles: ['finance'], quorum: 2, separate: true }];
    const { task, files, reviewer } = await start([{ calls: [write('pool: 40\n')] }, done], {
      approvals: { rules, signers },
    });
    const signedBy = async (command: string, name: string): Promise<string> => {
      const words = command
        .replace('FILE', join(folder, `${name}.json`))
        .split(' ')
        .slice(1);
      const { stdout, stderr, code } = await cli([...words, '--address', inject('temporal').address]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return stdout;
    };

    const text = await reviewer.read(/plain signal does not count/);
    expect(text).toContain(
      'Who may decide: 2 different people with the role finance; signed; not ana · 0 of 2 approved; one denial denies',
    );
    const name = nameAfter(text, 'Approve');
    await reviewer.signal(name, '{"by":"ben"}');
    expect(await reviewer.readAgain(/Signals that changed nothing/)).toContain('sign');

    const command = /^holdfast sign .*$/m.exec(text)?.[0] ?? '';
    await reviewer.signal(name, await signedBy(command, 'ben'));
    expect(await reviewer.readAgain(/1 of 2 approved/)).toMatch(/1 of 2 approved: ben at \d\d:\d\d/);
    expect(files.get('prod.yaml')).toBe('pool: 20\nretries: 3\n');
    await reviewer.signal(name, await signedBy(command, 'eva'));

    expect((await task.result()).status).toBe('completed');
    expect(files.get('prod.yaml')).toBe('pool: 40\n');
  });

  it('gives a yes that reaches further, sees it stand, takes it back, and is asked again', async () => {
    const { task, files, reviewer } = await start(({ step }) =>
      step <= 2
        ? { calls: [write(`pool: ${step}\n`)] }
        : step === 3
          ? { calls: [{ tool: 'ask_human', args: { question: 'Go on?' } }] }
          : step === 4
            ? { calls: [write('pool: 4\n')] }
            : done,
    );

    const text = await reviewer.read(/A yes may reach further/);
    expect(text).toContain('{"scope":"tool"}: calls whatever the arguments are');
    await reviewer.signal(nameAfter(text, 'Approve'), '{"scope":"tool","by":"ben"}');

    const asked = await reviewer.readAgain(/Answer the agent/);
    expect(files.get('prod.yaml')).toBe('pool: 2\n');
    expect(asked).toContain('every call of files.write: by ben (claimed), let 1 call run');
    await reviewer.signal(nameAfter(asked, 'Take back'));
    const after = await reviewer.readAgain(/taken back/);
    expect(after).not.toContain('every call of files.write');
    await reviewer.signal(nameAfter(after, 'Answer'), '{"text":"yes","by":"ben"}');

    const [pending] = await until(async () => {
      const { pending: all } = await task.status();
      return all[0]?.kind === 'approval' ? all : undefined;
    }, 'it asks again');
    expect(pending?.tool).toBe('files.write');
    await reviewer.signal(nameAfter(await reviewer.readAgain(/Approve or deny/), 'Deny'));
    expect((await task.result()).status).toBe('completed');
    expect(files.get('prod.yaml')).toBe('pool: 2\n');
  });

  it('allows another share of a budget by the input of the page, and says what to do with it', async () => {
    const script: Script = ({ step }) => ({
      usage: { inputTokens: 600, outputTokens: 0 },
      ...(step < 4 ? { calls: [{ tool: 'look', args: {} }] } : done),
    });
    const { task, model, reviewer } = await start(script, {
      spec: { limits: { tokens: 1_000 }, onLimit: 'escalate', reviewAt: 1 },
    });

    const text = await reviewer.read(/Allow more\?/);
    expect(text).toMatch(/limit tokens reached: 12\d\d of 1000/);
    expect(text).toMatch(/no input: allows \d+ tokens more/);
    const given = pasteAfter(text, 'To allow another share');
    const input = { ...given, args: { ...(given['args'] as object), tokens: 9_000 }, note: 'be brief' };
    await reviewer.signal(nameAfter(text, 'Allow more'), JSON.stringify(input));

    expect((await task.result()).status).toBe('completed');
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('be brief');
  });

  it('leads an agent that goes in circles out of them, and sends a result back that is not good', async () => {
    const look = { tool: 'look', args: {} };
    const script: Script = ({ step }) => (step <= 5 ? { calls: [look] } : { text: step === 6 ? 'poor' : 'better' });
    const { task, model, reviewer } = await start(script, { agent: { reviewOutput: true } });

    const loop = await reviewer.read(/It seems to go in circles/);
    await reviewer.signal(nameAfter(loop, 'Go on'), '{"note":"nothing will change, answer"}');

    await until(async () => (await task.status()).pending[0]?.callId === 's6' || undefined, 'the result is reviewed');
    const poor = await reviewer.readAgain(/Review the result/);
    expect(poor).toMatch(/The result\s+poor/);
    await reviewer.signal(nameAfter(poor, 'Send it back'), '{"reason":"say why"}');

    await until(
      async () => (await task.status()).pending[0]?.callId === 's7' || undefined,
      'the next result is reviewed',
    );
    const better = await reviewer.readAgain(/The result\s+better/);
    await reviewer.signal(nameAfter(better, 'Accept it'));
    expect(await task.result()).toMatchObject({ status: 'completed', output: 'better' });
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('say why');
  });

  it('is told on the page that a decision came too late', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- the word of the configuration; it is no function
    const expire = { after: '1500ms', then: 'deny' } as const;
    const rules = [{ name: 'quick', when: { tools: ['files.*'] }, expire }];
    const script: Script = [
      { calls: [write('pool: 40\n')] },
      { calls: [{ tool: 'ask_human', args: { question: 'What now?' } }] },
      done,
    ];
    const { task, files, reviewer } = await start(script, { approvals: { rules } });

    const text = await reviewer.read(/then denied|What now\?/);
    expect(text).toMatch(/Until \d\d:\d\d UTC on \d{4}-\d\d-\d\d, then denied|nobody decided in time/);
    const [late] = await until(async () => {
      const { pending } = await task.status();
      return pending[0]?.kind === 'answer' ? [(await task.trace()).events] : undefined;
    }, 'it expired');
    const id = JSON.stringify(late).match(/"id":"(s1\.c1-\w+)"/)?.[1] ?? '';
    await reviewer.signalByHand(`approve ${id.replace('-', ' ')}`);
    const told = await reviewer.readAgain(/Signals that changed nothing/);
    expect(told).toContain(`approve ${id.replace('-', ' ')}`);
    expect(told).toMatch(new RegExp(`ignored: .*${id} expired at 20.*; this changed nothing`));
    expect(told).toContain(`${id}: nobody decided in time`);
    await reviewer.signal(nameAfter(told, 'Answer'), '{"text":"leave it","by":"ben"}');
    expect((await task.result()).status).toBe('completed');
    expect(files.get('prod.yaml')).toBe('pool: 20\nretries: 3\n');
  });

  it('finds what waits for the own group in the list, and only that', async () => {
    const role = `finance-${Date.now()}`;
    const rules = [{ name: 'money', when: { tools: ['files.*'] }, roles: [role] }];
    const { task, reviewer } = await start([{ calls: [write('pool: 40\n')] }, done], { approvals: { rules } });
    const running = 'ExecutionStatus="Running"';
    const { task: open } = await start([{ calls: [write('pool: 40\n')] }, done]);

    expect(await reviewer.list(`HoldfastWaitingRoles="${role}" AND ${running}`, task.taskId)).toEqual([task.taskId]);
    expect(await reviewer.list(`HoldfastWaitingRoles IN ("none","${role}") AND ${running}`, task.taskId)).toEqual([
      task.taskId,
    ]);
    const anybody = `HoldfastStatus="waiting" AND HoldfastWaitingRoles IS NULL AND ${running}`;
    expect(await reviewer.list(anybody, open.taskId)).not.toContain(task.taskId);
    await open.cancel();
    await task.cancel();
    await task.result();
  });
});
