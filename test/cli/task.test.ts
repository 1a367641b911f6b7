import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import type { TaskHandle } from '../../src/client.ts';
import { ShowSchema, TaskListSchema } from '../../src/domain/schemas/list.ts';
import { OutcomeSchema } from '../../src/domain/schemas/outcome.ts';
import { InboxSchema } from '../../src/domain/schemas/pending.ts';
import { ProgressSchema } from '../../src/domain/schemas/progress.ts';
import { ReplaySchema } from '../../src/domain/schemas/replay.ts';
import { TraceSchema } from '../../src/domain/schemas/trace.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, type Harness, startHarness, untilPending } from '../support/harness.ts';
import { type CliResult, cli, makeFolder, type RunningCli, startCli } from './support.ts';

const writeNote = withApproval(
  defineTool({
    name: 'notes.write',
    description: 'Writes a note',
    effect: 'write',
    input: z.object({ text: z.string() }),
    execute: ({ text }) => `wrote ${text}`,
  }),
  { requireConfirmation: true, reason: 'writes always ask' },
);
const clerk = defineAgent({ name: 'clerk', instructions: 'Be brief.', tools: [writeNote] });
const ESCAPE = '\u001B[31mred\u001B[0m';
const SPEC = { agent: 'clerk', goal: `Write ${ESCAPE}`, principal: ana };

type Session = Harness & {
  readonly taskId: string;
  readonly task: TaskHandle;
  readonly hf: (...args: string[]) => Promise<CliResult>;
  readonly start: (...args: string[]) => RunningCli;
  readonly specFile: string;
};

/** A task that waits for a person, and the command line on the same server. */
const makeSession = async (): Promise<Session> => {
  const harness = await startHarness({
    agents: [clerk],
    script: [{ text: `I am ${ESCAPE}`, calls: [{ tool: 'notes.write', args: { text: 'hello' } }] }, { text: 'done' }],
  });
  const taskId = harness.newTaskId();
  const task = await harness.client.start(SPEC, { taskId });
  await untilPending(task);
  const cwd = await makeFolder();
  const specFile = join(cwd, 'spec.json');
  await writeFile(specFile, JSON.stringify(SPEC));
  const options = { cwd, env: { HOLDFAST_TASK_QUEUE: harness.taskQueue, HOLDFAST_STORE_URL: harness.store } };
  const at = ['--address', inject('temporal').address];
  return {
    ...harness,
    taskId,
    task,
    specFile,
    hf: async (...args) => await cli([...args, ...at], options),
    start: (...args) => startCli([...args, ...at], options),
  };
};

const parse = <T extends z.ZodType>(schema: T, { stdout }: CliResult): z.output<T> =>
  schema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));

describe('the commands of a task', { timeout: 90_000 }, () => {
  it('show, list and inbox tell of one that waits', async () => {
    const { hf, taskId } = await makeSession();

    const shown = parse(ShowSchema, await hf('show', taskId, '--json'));
    const inbox = parse(InboxSchema, await hf('inbox', '--json', '--limit', '1000'));
    const list = parse(TaskListSchema, await hf('list', '--json', '--all', '--principal', 'ana'));
    const text = await hf('show', taskId);

    expect(shown).toMatchObject({
      taskId,
      status: 'waiting',
      pending: [{ tool: 'notes.write', may: ['approve', 'deny', 'edit'] }],
      outcome: null,
    });
    expect(inbox.filter((each) => each.taskId === taskId)).toEqual(shown.pending);
    expect(list.tasks.some((each) => each.taskId === taskId)).toBe(true);
    expect(text.stdout).toContain(`holdfast approve ${taskId} ${shown.pending[0]?.id}`);
  });

  it('run --no-wait ends with 3 while a person is needed', async () => {
    const { hf, specFile, taskId } = await makeSession();

    const result = await hf('run', '--spec', specFile, '--id', taskId, '--no-wait', '--json');

    expect(result.code).toBe(3);
    expect(JSON.parse(result.stdout)).toMatchObject({ taskId, status: 'waiting', pending: [{ callId: 's1.c1' }] });
    expect(result.stderr).toContain(`holdfast approve ${taskId}`);
  });

  it('run --detach prints the id and does not wait', async () => {
    const { hf, specFile, newTaskId } = await makeSession();
    const other = newTaskId();

    const result = await hf('run', '--spec', specFile, '--id', other, '--detach');

    expect(result).toMatchObject({ code: 0, stdout: `${other}\n` });
  });

  it('run ends with 130 at Ctrl-C, says how to come back, and the task goes on', async () => {
    const { start, specFile, taskId, task } = await makeSession();
    const run = start('run', '--spec', specFile, '--id', taskId);
    await run.line(/holdfast approve/);

    run.child.kill('SIGINT');
    const { code, stderr } = await run.ended;

    expect(code).toBe(130);
    expect(stderr).toContain(`holdfast run --spec ${specFile} --id ${taskId}`);
    expect((await task.status()).status).toBe('waiting');
  });

  it('run goes on when the decision is made elsewhere, and ends with the outcome', async () => {
    const { start, hf, specFile, taskId } = await makeSession();
    const run = start('run', '--spec', specFile, '--id', taskId, '--json');
    await run.line(/holdfast approve/);

    const approved = await hf('approve', taskId, 's1.c1', '--by', 'ben', '--json');
    const result = await run.ended;

    expect(JSON.parse(approved.stdout)).toMatchObject({ taskId, pending: [] });
    expect(result.code).toBe(0);
    expect(parse(OutcomeSchema, result)).toMatchObject({
      taskId,
      status: 'completed',
      effects: [{ tool: 'notes.write', status: 'succeeded' }],
    });
  });

  it('run ends with 2 when the task does not complete', async () => {
    const { hf, specFile, taskId } = await makeSession();

    const cancelled = await hf('cancel', taskId, '--json');
    const result = await hf('run', '--spec', specFile, '--id', taskId, '--json');

    expect(JSON.parse(cancelled.stdout)).toMatchObject({ taskId, status: 'cancelled' });
    expect([result.code, parse(OutcomeSchema, result).status]).toEqual([2, 'cancelled']);
  });

  it('refuses a decision on what is not pending, with the name of what is', async () => {
    const { hf, taskId } = await makeSession();

    const { code, stderr, stdout } = await hf('approve', taskId, 's9.c9', '--json');

    expect(code).toBe(1);
    expect(stderr).toContain('s1.c1-');
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'Decision.Refused' } });
  });

  it('pauses and resumes', async () => {
    const { hf, taskId } = await makeSession();

    const paused = await hf('pause', taskId, '--reason', 'lunch', '--json');
    const resumed = await hf('resume', taskId, '--guidance', 'be quick', '--json');

    expect([paused.code, resumed.code]).toEqual([0, 0]);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ taskId });
  });

  it('trace tells why, and gives the exact prompt, harmless to a terminal', async () => {
    const { hf, taskId, task } = await makeSession();
    await task.deny({ reason: 'not now', by: 'ben' });
    await task.result();

    const trace = parse(TraceSchema, await hf('trace', taskId, '--json'));
    const text = await hf('trace', taskId);
    const prompt = await hf('trace', taskId, '--prompt', '2');

    expect(trace.steps[0]?.calls[0]).toMatchObject({
      verdict: { outcome: 'ask' },
      human: { decision: 'denied', by: 'ben', verified: false },
    });
    expect(text.stdout).toMatch(/denied by ben \(unverified\).*: not now/);
    expect(prompt.stdout).toContain('✓ verified');
    for (const { stdout } of [text, prompt]) expect(stdout).not.toContain('\u001B');
  });

  it('progress has the shape of its schema', async () => {
    const { task } = await makeSession();
    await task.approve();

    for await (const event of task)
      expect(ProgressSchema.safeParse(JSON.parse(JSON.stringify(event)))).toMatchObject({ success: true });
  });

  it('says that a task does not exist', async () => {
    const { hf } = await makeSession();

    for (const command of ['show', 'trace', 'replay', 'cancel', 'approve']) {
      const { code, stdout } = await hf(command, 'no-such-task', '--json');
      expect([command, code, JSON.parse(stdout).error.type]).toEqual([command, 1, 'Task.NotFound']);
    }
  });
});

describe('replay', { timeout: 90_000 }, () => {
  const exportHistory = async ({ client, taskId }: Session): Promise<{ events: Record<string, never>[] }> =>
    JSON.parse(historyToJSON(await client.temporal.workflow.getHandle(taskId).fetchHistory()));

  it('confirms a task, and the file of its history', async () => {
    const session = await makeSession();
    await session.task.approve();
    await session.task.result();
    const file = join(await makeFolder(), 'history.json');
    await writeFile(file, JSON.stringify(await exportHistory(session)));

    const ofTask = await session.hf('replay', session.taskId, '--json');
    const ofFile = await session.hf('replay', file, '--json');

    expect([ofTask.code, ofFile.code]).toEqual([0, 0]);
    for (const result of [ofTask, ofFile])
      expect(parse(ReplaySchema, result)).toMatchObject({ ok: true, runs: [{ steps: 2 }], difference: null });
  });

  it('names the first event that differs, also where the SDK does not', async () => {
    const session = await makeSession();
    await session.task.approve();
    await session.task.result();
    const file = join(await makeFolder(), 'history.json');
    await writeFile(file, JSON.stringify(await exportHistory(session)));
    const { events } = JSON.parse(await readFile(file, 'utf8')) as {
      events: { eventId: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
    };
    const changed = events.find((event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'execute');
    if (changed?.activityTaskScheduledEventAttributes === undefined) throw new Error('no execute');
    changed.activityTaskScheduledEventAttributes.activityType.name = 'perform';
    await writeFile(file, JSON.stringify({ events }));

    const result = await session.hf('replay', file, '--json');

    expect(result.code).toBe(1);
    expect(parse(ReplaySchema, result)).toMatchObject({
      ok: false,
      difference: {
        eventId: Number(changed.eventId),
        eventType: 'ActivityTaskScheduled',
        message: expect.stringContaining('perform'),
      },
    });
    expect(result.stderr).toContain(`at event ${changed.eventId} (ActivityTaskScheduled)`);
  });
});

describe('reading', { timeout: 60_000 }, () => {
  it('never runs the code of a configuration', async () => {
    const { taskId, taskQueue } = await makeSession();
    const cwd = await makeFolder();
    const trap =
      "import { writeFileSync } from 'node:fs';\nwriteFileSync('ran', '');\nthrow new Error('it was run');\n";
    await writeFile(join(cwd, 'holdfast.config.ts'), trap);
    const options = { cwd, env: { HOLDFAST_TASK_QUEUE: taskQueue } };
    const at = ['--address', inject('temporal').address];

    for (const args of [
      ['list'],
      ['show', taskId],
      ['inbox'],
      ['trace', taskId],
      ['replay', taskId],
      ['doctor'],
      ['schema', 'config'],
    ]) {
      const { code, stderr } = await cli([...args, ...at], options);
      expect([args[0], code, stderr.includes('it was run')]).toEqual([args[0], 0, false]);
    }
    await expect(readFile(join(cwd, 'ran'))).rejects.toThrow('ENOENT');
    expect((await cli(['doctor', ...at], options)).stdout).toContain('found, not run');
    expect((await cli(['worker', ...at], options)).stderr).toContain('it was run');
  });

  it('doctor says what is broken and ends with 1', async () => {
    const cwd = await makeFolder();
    await writeFile(join(cwd, 'holdfast.config.json'), '{"models":{}}');

    const { code, stdout } = await cli(['doctor', '--json', '--address', '127.0.0.1:9'], { cwd });

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      checks: [
        { name: 'Node.js', status: 'ok' },
        { name: 'configuration', status: 'fail', message: expect.stringContaining('models') },
        { name: 'Temporal', status: 'fail', message: expect.stringContaining('127.0.0.1:9') },
        { name: 'control store', status: 'fail', message: 'none is named' },
      ],
    });
  });
});
