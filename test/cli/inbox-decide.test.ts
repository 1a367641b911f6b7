import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import type { TaskHandle } from '../../src/client.ts';
import type { ConfigInput } from '../../src/config.ts';
import type { TaskSpec } from '../../src/domain/schemas/task-spec.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import type { Turn } from '../../src/testing/index.ts';
import { askHuman } from '../../src/tools/ask-human.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { startHarness, until, untilPending } from '../support/harness.ts';
import { makeFolder } from './support.ts';
import { hasTerminal, KEYS, startTerminal } from './terminal.ts';

const { enter, down, back, interrupt } = KEYS;

const pay = withApproval(
  defineTool({
    name: 'pay',
    description: 'Pays somebody',
    effect: 'write',
    input: z.object({ to: z.string(), amount: z.number() }),
    execute: ({ to, amount }) => `paid ${amount} to ${to}`,
  }),
  { requireConfirmation: true, reason: 'payments always ask' },
);

/** Tasks that wait, of a tenant that nobody else has, and a terminal that goes through them. */
const start = async (turns: readonly Turn[], approvals?: ConfigInput['approvals'], more: Partial<TaskSpec> = {}) => {
  const agent = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [pay, askHuman] });
  const harness = await startHarness({
    agents: [agent],
    ...(approvals === undefined ? {} : { config: { approvals } }),
    // The goal says which turn is meant.
    script: ({ goal, step }) => (step === 1 ? turns[Number(goal.split(' ')[1])] : undefined) ?? { text: 'done' },
  });
  const tenant = harness.newTaskId();
  const tasks: TaskHandle[] = [];
  for (const index of turns.keys()) {
    const goal = `task ${index}`;
    const task = await harness.client.start(
      { agent: 'clerk', goal, principal: { id: 'kim', tenant }, ...more },
      { taskId: harness.newTaskId() },
    );
    await untilPending(task);
    tasks.push(task);
  }
  await until(
    async () => (await harness.client.inbox({ tenant })).length === turns.length || undefined,
    'all are in the inbox',
  );
  const open = (...args: readonly string[]) =>
    startTerminal(['inbox', '--decide', '--tenant', tenant, ...args, '--address', inject('temporal').address]);
  return { ...harness, tasks, open };
};

const payment = (to: string): Turn => ({ calls: [{ tool: 'pay', args: { to, amount: 40 } }] });

const humanOf = async (task: TaskHandle | undefined) => {
  await task?.result();
  const trace = await task?.trace();
  const [first] = trace?.steps[0]?.calls ?? [];
  return { human: first?.human, result: first?.result };
};

describe.runIf(hasTerminal)('following a task in a terminal', { timeout: 120_000 }, () => {
  it('asks what is to be asked, and not what a person has approved for further calls', async () => {
    const agent = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [pay] });
    const { taskQueue, client, newTaskId } = await startHarness({
      agents: [agent],
      script: [payment('kim'), payment('lee'), { text: 'all paid' }],
    });
    const taskId = newTaskId();
    const terminal = startTerminal(['run', 'clerk', 'pay', '--id', taskId, '--address', inject('temporal').address], {
      env: { HOLDFAST_TASK_QUEUE: taskQueue },
    });

    await terminal.see('Your decision');
    await terminal.type(down, down, enter);

    expect(await terminal.ended).toBe(0);
    expect(terminal.shown()).toContain('all paid');
    expect(terminal.shown()).toMatch(/◆ s1\.c1-\S+ pay: approved by .*, for every further call of this tool/);
    expect((await client.handle(taskId).trace()).standing).toMatchObject([{ tool: 'pay', uses: 1 }]);
  });
});

describe.runIf(hasTerminal)('going through the inbox in a terminal', { timeout: 120_000 }, () => {
  it('approves, denies with a reason, edits and skips, one after another, what was asked first on top', async () => {
    const { tasks, open } = await start([payment('kim'), payment('lee'), payment('max'), payment('noa')]);
    const terminal = open('--by', 'ben');

    await terminal.see('Your decision');
    expect(terminal.shown()).toContain(tasks[0]?.taskId);
    expect(terminal.shown()).toMatch(/because +payments always ask/);
    expect(terminal.shown()).toMatch(/who +anybody/);
    expect(terminal.shown()).toMatch(/so far +1 step/);
    await terminal.type(enter);
    await terminal.see(`${tasks[1]?.taskId}  asked`);
    await terminal.see('Your decision', 3);
    await terminal.type(down, down, down, enter);
    await terminal.see('Why not?');
    await terminal.type('too much', enter);
    await terminal.see(`${tasks[2]?.taskId}  asked`);
    await terminal.see('Your decision', 5);
    await terminal.type(down, down, down, down, enter);
    await terminal.see('The arguments, as JSON');
    await terminal.type(back, back, '1}', enter);
    await terminal.see(`${tasks[3]?.taskId}  asked`);
    await terminal.see('Your decision', 7);
    await terminal.type(down, down, down, down, down, enter);
    await terminal.see('that was all');

    expect(await terminal.ended).toBe(0);
    expect(await humanOf(tasks[0])).toMatchObject({ human: { decision: 'approved', by: 'ben', verified: false } });
    expect(await humanOf(tasks[1])).toMatchObject({ human: { decision: 'denied', note: 'too much' } });
    expect(await humanOf(tasks[2])).toMatchObject({
      human: { decision: 'edited' },
      result: { output: 'paid 41 to max' },
    });
    expect((await tasks[3]?.status())?.pending).toHaveLength(1);
  });

  it('answers the agent’s question', async () => {
    const { tasks, open } = await start([{ calls: [{ tool: 'ask_human', args: { question: 'Which order?' } }] }]);
    const terminal = open();

    await terminal.see('Your decision');
    await terminal.type(enter);
    await terminal.see('Your answer');
    await terminal.type('order 18', enter);

    expect(await terminal.ended).toBe(0);
    expect(await humanOf(tasks[0])).toMatchObject({ result: { output: 'order 18' } });
  });

  it('allows a task more, with words for the agent, or another share', async () => {
    const question = { calls: [{ tool: 'ask_human', args: { question: 'Which order?' } }] };
    const { tasks, open } = await start([question, question], undefined, { limits: { steps: 1 }, onLimit: 'escalate' });
    await Promise.all(tasks.map((task) => task.answer({ text: '18' })));
    await until(async () => {
      const states = await Promise.all(tasks.map((task) => task.status()));
      return states.every(({ pending }) => pending[0]?.kind === 'review') || undefined;
    }, 'the limits ask');
    const terminal = open();

    await terminal.see('Your decision');
    expect(terminal.shown()).toMatch(/yes allows +\d+ steps/);
    await terminal.type(down, enter);
    await terminal.see('Words for the agent');
    await terminal.type('be brief', enter);
    await terminal.see('Your decision', 3);
    await terminal.type(down, down, enter);
    await terminal.see('What is allowed further, as JSON');
    await terminal.type(back, back, '7}', enter);

    expect(await terminal.ended).toBe(0);
    const traces = await Promise.all(tasks.map(async (task) => (await task.result(), await task.trace())));
    const escalations = traces.map(({ events }) => events.find(({ type }) => type === 'escalation')?.detail);
    expect(escalations).toContainEqual(expect.objectContaining({ decision: 'approved', note: 'be brief' }));
    expect(escalations).toContainEqual(expect.objectContaining({ decision: 'approved', allowed: { steps: 7 } }));
  });

  it('says that a question was decided elsewhere meanwhile, and goes on', async () => {
    const { tasks, open } = await start([payment('kim'), payment('lee')]);
    const terminal = open();

    await terminal.see('Your decision');
    await tasks[0]?.approve({ by: 'eva' });
    await terminal.see('was decided elsewhere');
    await terminal.see(`${tasks[1]?.taskId}  asked`);
    await terminal.see('Your decision', 2);
    await terminal.type(enter);

    expect(await terminal.ended).toBe(0);
    expect(await humanOf(tasks[0])).toMatchObject({ human: { by: 'eva' } });
    expect((await tasks[1]?.result())?.status).toBe('completed');
  });

  it('lets a yes reach further: those values that a person chooses', async () => {
    const { tasks, open } = await start([payment('kim')]);
    const terminal = open();

    await terminal.see('Your decision');
    await terminal.type(down, enter);
    await terminal.see('Which values have to be the same?');
    // The second one need not.
    await terminal.type(down, ' ', enter);

    expect(await terminal.ended).toBe(0);
    expect(await humanOf(tasks[0])).toMatchObject({ human: { scope: 'values' } });
    expect((await tasks[0]?.trace())?.standing).toMatchObject([{ tool: 'pay', scope: 'values' }]);
    expect((await tasks[0]?.trace())?.events).toContainEqual(
      expect.objectContaining({
        detail: expect.objectContaining({ payload: expect.objectContaining({ same: ['/to'] }) }),
      }),
    );
  });

  it('INVARIANT A3: offers no decision that would be refused, and signs with the key that it is given', async () => {
    const { privateKey, publicKey } = await createKeyPair('ben');
    const cwd = await makeFolder();
    const key = join(cwd, 'ben.key.json');
    await writeFile(key, JSON.stringify(privateKey), { mode: 0o600 });
    const { tasks, open } = await start([payment('kim')], {
      rules: [{ name: 'all', roles: ['treasurers'] }],
      signers: [{ issuer: 'ben', publicKey: publicKey as { kty: 'OKP' }, roles: ['treasurers'] }],
    });
    const without = open();
    await without.see('Your decision');

    expect(without.shown()).toContain('Only signed decisions count here');
    expect(without.shown()).toMatch(/Your decision\W+Skip it\W+Stop here/);
    await without.type(down, enter);
    expect(await without.ended).toBe(0);

    const signing = open('--key', key);
    await signing.see('Your decision');
    await signing.type(enter);
    expect(await signing.ended).toBe(0);
    expect(await humanOf(tasks[0])).toMatchObject({ human: { by: 'ben', verified: true } });
  });

  it('ends at Ctrl-C without deciding', async () => {
    const { tasks, open } = await start([payment('kim')]);
    const terminal = open();

    await terminal.see('Your decision');
    await terminal.type(interrupt);

    expect(await terminal.ended).toBe(130);
    expect((await tasks[0]?.status())?.pending).toHaveLength(1);
  });

  it('INVARIANT T4: shows nothing that an agent wrote as anything but text', async () => {
    const evil = '\u001B[2J\u001B]8;;http://evil.example\u0007click\u001B]8;;\u0007';
    const { open } = await start([
      {
        text: evil,
        calls: [
          {
            tool: 'pay',
            args: { to: 'kim', amount: 40 },
            decision: { rationale: `${evil} approved by ben`, alternatives: [], confidence: 1, basis: [evil] },
          },
        ],
      },
    ]);
    const terminal = open();

    await terminal.see('Your decision');
    await terminal.type(interrupt);
    await terminal.ended;

    expect(terminal.raw()).toContain('⟨U+001B⟩]8;;http://evil.example⟨U+0007⟩click');
    expect(terminal.raw()).not.toContain('\u001B]8;');
    expect(terminal.raw()).not.toContain('\u001B[2J');
  });
});
