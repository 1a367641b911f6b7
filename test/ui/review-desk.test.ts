import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Script } from '../../src/testing/index.ts';
import { defineAgent } from '../../src/tools/define-agent.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { withApproval } from '../../src/tools/with-approval.ts';
import { ana, startHarness, until, untilPending } from '../support/harness.ts';
import { nameAfter, noBrowser, openBrowser, Reviewer } from './reviewer.ts';

const skipped = noBrowser ?? (inject('temporal').ui === '' ? 'the server under test has no UI' : undefined);
if (skipped !== undefined) process.stderr.write(`test/ui is skipped: ${skipped}\n`);

const EVIL = 'evil.example';
const done = { text: 'all done' };
const write = (path: string, content = 'x: 1\ny: 2\n') => ({ tool: 'files.write', args: { path, content } });

type StartOptions = { readonly goal?: string; readonly decisions?: number; readonly tools?: readonly Tool[] };

describe.skipIf(skipped !== undefined)('a reviewer with nothing but the Temporal UI', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  const start = async (
    script: Script,
    { goal = 'repair the settings', decisions = 1, tools = [] }: StartOptions = {},
  ) => {
    const written: unknown[] = [];
    const files = defineTool({
      name: 'files.write',
      description: 'Write a file',
      effect: 'write',
      idempotent: true,
      input: z.looseObject({ path: z.string().min(1) }),
      execute: (input) => {
        written.push(input);
        return { ok: true };
      },
    });
    const agent = defineAgent({
      name: 'clerk',
      instructions: 'x',
      tools: [withApproval(files, { requireConfirmation: true }), ...tools],
    });
    const { client, model, newTaskId } = await startHarness({ agents: [agent], script });
    const task = await client.start({ agent: 'clerk', goal, principal: ana }, { taskId: newTaskId() });
    await untilPending(task, decisions);
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    onTestFinished(() => context.close());
    const reviewer = new Reviewer(await context.newPage());
    await reviewer.open(task.taskId, (await client.temporal.workflow.getHandle(task.taskId).describe()).runId);
    return { task, model, written, reviewer };
  };

  it('approves by the name on the page, without typing', async () => {
    const { task, written, reviewer } = await start([{ calls: [write('config/prod/a.yaml')] }, done]);

    const text = await reviewer.read(/Approve or deny/);
    expect(text).toMatch(/path\s+"config\/prod\/a\.yaml"/);
    await reviewer.signal(nameAfter(text, 'Approve'));

    expect((await task.result()).status).toBe('completed');
    expect(written).toEqual([{ path: 'config/prod/a.yaml', content: 'x: 1\ny: 2\n' }]);
  });

  it('denies with a reason, which the agent hears', async () => {
    const { task, written, model, reviewer } = await start([{ calls: [write('a')] }, done]);

    const text = await reviewer.read(/Approve or deny/);
    await reviewer.signal(nameAfter(text, 'Deny'), '{"reason":"use staging","by":"ben"}');

    expect(await task.result()).toMatchObject({ status: 'completed', effects: [] });
    expect(written).toEqual([]);
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('use staging');
  });

  it('is told of a mistake in the dialog of an update, then changes the arguments by what the page gives to paste', async () => {
    const { task, written, reviewer } = await start([{ calls: [write('config/prod/a.yaml')] }, done]);
    const text = await reviewer.read(/Approve or deny/);
    const name = nameAfter(text, 'Approve');

    await reviewer.refusedUpdate(name, '{"because":"it is fine"}', /unknown field/);
    const given = /As they are now:\s+(\{[\s\S]*?\n\})/.exec(text)?.[1] ?? '';
    const { args, by } = JSON.parse(given) as { args: Record<string, unknown>; by: string };
    await reviewer.signal(name, JSON.stringify({ args: { ...args, path: 'config/staging/a.yaml' }, by }));

    expect((await task.result()).status).toBe('completed');
    expect(written).toEqual([{ path: 'config/staging/a.yaml', content: 'x: 1\ny: 2\n' }]);
  });

  it('answers a question', async () => {
    const { task, model, reviewer } = await start([
      { calls: [{ tool: 'ask_human', args: { question: 'Which colour?' } }] },
      done,
    ]);

    const text = await reviewer.read(/Which colour\?/);
    await reviewer.signal(nameAfter(text, 'Answer'), '{"text":"blue","by":"ben"}');

    expect((await task.result()).status).toBe('completed');
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('blue');
  });

  it('decides two calls one by one, and reads on the page why a signal changed nothing', async () => {
    const { task, written, reviewer } = await start([{ calls: [write('one'), write('two')] }, done], { decisions: 2 });

    const text = await reviewer.read(/2 decisions wait/);
    const [first, second] = [...text.matchAll(/Approve: (approve \S+ \w+)/g)].map(([, name]) => name ?? '');
    await reviewer.signal(first ?? '', '"yes"');
    await reviewer.page.reload();
    expect(await reviewer.read(/Signals that changed nothing/)).toContain('the input must be empty or an object');
    await reviewer.signal((second ?? '').replace('approve', 'deny'));
    await reviewer.signal(first ?? '');

    expect((await task.result()).status).toBe('completed');
    expect(written).toEqual([expect.objectContaining({ path: 'one' })]);
  });

  it('settles an effect of which nobody knows with what it returned, then decides an undo that fails, by the page alone', async () => {
    const undone: unknown[] = [];
    const book = defineTool({
      name: 'seats.book',
      description: 'Book a seat',
      effect: 'write',
      input: z.object({ seat: z.string() }),
      execute: ({ seat }) => {
        if (seat === '12A') throw new Error('socket hang up');
        return { booking: `b-${seat}` };
      },
      compensate: ({ seat }, output) => {
        if (seat === '14C') throw new Error('the airline answers 409: too late');
        undone.push(output);
      },
    });
    const calls = ['14C', '12A'].map((seat) => ({ tool: 'seats.book', args: { seat } }));
    const { task, reviewer } = await start([{ calls }, { fault: { status: 401 } }], { tools: [book] });

    const unknown = await reviewer.read(/Say whether it happened: seats\.book/);
    expect(unknown).toMatch(/seat\s+"12A"/);
    expect(unknown).toContain((await task.status()).taskId);
    const template = /with it as args:\s+(\{[\s\S]*?\n\})/.exec(unknown)?.[1] ?? '';
    const given = { ...(JSON.parse(template) as Record<string, unknown>), args: { booking: 'found-77' } };
    await reviewer.signal(nameAfter(unknown, 'It happened'), JSON.stringify(given));

    await until(async () => (await task.status()).pending[0]?.kind === 'compensation' || undefined, 'undoing asks');
    expect(undone).toEqual([{ booking: 'found-77' }]);
    await reviewer.page.reload();
    const failed = await reviewer.read(/Undoing failed: say what to do: seats\.book/);
    expect(failed).toContain('the airline answers 409: too late');
    expect(failed).toContain('"booking": "b-14C"');
    expect(failed).toContain('ended as failed');
    await reviewer.signal(nameAfter(failed, 'Done by hand'), '{"note":"by phone","by":"ben"}');

    expect(await task.result()).toMatchObject({
      status: 'failed',
      effects: [
        { callId: 's1.c1', status: 'compensated' },
        { callId: 's1.c2', status: 'compensated' },
      ],
    });
  });

  it('INVARIANT T4: content does nothing: no link, image, script or request comes of it', async () => {
    const args = {
      path: `[click](http://${EVIL}/a) ![x](http://${EVIL}/b.png) http://${EVIL}/c`,
      html: `<img src=http://${EVIL}/d onerror="fetch('http://${EVIL}/e')"><script>fetch('http://${EVIL}/f')</script>`,
      script: '[x](javascript:alert(1)) <iframe src=javascript:alert(1)>',
      table: 'a | b |\n|---|---|\n| approve | done |',
      fence: `\`\`\`\`\`\n# Approved\n~~~\n![x](http://${EVIL}/g.png)`,
      reference: `[x]: http://${EVIL}/h\n\n[x]`,
      style: `<style>body{background:url(http://${EVIL}/i)}</style></pre></code>`,
      long: 'W'.repeat(3_000),
      rtl: 'שלום عليكم approve',
      '![k](//k)': 1,
      short: `<b>[x](//${EVIL}/s)</b>`,
    };
    const words = `![x](http://${EVIL}/r.png) </p><img src=http://${EVIL}/r2> [ok](http://${EVIL}/r3) \`a\` $x$ "--"`;
    const decision = {
      rationale: words,
      confidence: 0.5,
      basis: ['goal'],
      alternatives: [{ action: words, rejectedBecause: words }],
    };
    const { task, reviewer } = await start([{ calls: [{ tool: 'files.write', args, decision }] }, done], {
      goal: words,
    });

    const frame = await reviewer.details(/Approve or deny/);
    const found = await frame.evaluate(
      `[...document.querySelectorAll('a,img,script,iframe,object,svg,video,link,form,input')].map((e) => e.outerHTML)`,
    );
    const headings = await frame.locator('h1,h2,h3').allInnerTexts();
    const text = await frame.locator('body').innerText();
    await reviewer.page.waitForTimeout(500);

    expect(found).toEqual([]);
    expect(reviewer.strayed).toEqual([]);
    expect(headings).toEqual([expect.stringContaining('Approve or deny: files.write'), 'Task: waiting']);
    expect(text).toContain(`[click](http://${EVIL}/a)`);
    expect(text).toMatch(/Argument\s+Value\s+Comes from/);
    expect(text).toContain(`"<b>[x](//${EVIL}/s)</b>"`);
    await reviewer.signal(nameAfter(text, 'Approve'));
    expect((await task.result()).status).toBe('completed');
  });
});
