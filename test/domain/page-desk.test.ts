import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { renderPage } from '../../src/domain/page.ts';
import type { Standing } from '../../src/domain/standing.ts';
import { expiry, makePending, makeView } from '../support/page-view.ts';

const ANYBODY = { roles: [], quorum: 1, verified: false, not: [] } as const;
const TWO = { roles: ['finance', 'heads'], quorum: 2, verified: true, not: ['ana'] } as const;
const ben = { by: 'ben', issuer: 'ben', roles: ['finance'], at: '2026-11-21T12:03:10.000Z' } as const;

const pageOf = (fields: Partial<PendingDecision>): string => renderPage(makeView([makePending(fields)]));

/** The lines between heading and instruction. */
const facts = (fields: Partial<PendingDecision>): string => pageOf(fields).split('\n\n')[1] ?? '';

describe('what bears on a decision, above the fold', () => {
  it('is risk, deadline with what follows, and cost', () => {
    const timeline = [
      { at: '2026-11-22T12:00:00.000Z', do: 'remind' },
      { at: '2026-11-22T13:00:00.000Z', do: 'escalate', roles: ['heads'] },
      expiry('2026-11-22T14:05:00.000Z', 'deny'),
    ] as const;

    expect(facts({ risk: 'high', timeline })).toBe(
      '**Risk**: high · **Until** 14:05 UTC on 2026-11-22, then denied; told to ` heads ` at 13:00 UTC · **Cost so far**: 0 of 200000 tokens  \n**Who may decide**: anybody  \n**Why it is asked**: writes to production',
    );
    expect(facts({ timeline, who: TWO })).toContain('; goes to ` heads ` at 13:00 UTC');
    expect(facts({})).toContain('**No deadline** · **Cost so far**');
  });

  it.each([
    { kind: 'approval', what: 'pause', words: 'then the task pauses, and this stays' },
    { kind: 'approval', what: 'fallback', words: 'then the task ends with its fallback' },
    { kind: 'answer', what: 'deny', words: 'then the agent is told that nobody answered' },
    { kind: 'review', what: 'deny', words: 'then the task ends without it' },
  ] as const)('says what becomes of a $kind that nobody decides: $what', ({ kind, what, words }) => {
    expect(facts({ kind, timeline: [expiry('2026-11-22T14:05:00.000Z', what)] })).toContain(words);
  });

  it('says who may decide, who may not, and who has', () => {
    expect(facts({ who: ANYBODY })).toMatch(/\*\*Who may decide\*\*: anybody {2}$/m);
    expect(facts({ who: { ...ANYBODY, roles: ['finance'] } })).toContain('anybody with the role ` finance `; signed');
    expect(facts({ who: TWO, votes: [ben] })).toContain(
      '**Who may decide**: 2 different people with the role ` finance ` or ` heads `; signed; not ` ana ` · **1 of 2** approved: ` ben ` at 12:03; one denial denies',
    );
  });

  it('is why it is asked, above whatever an agent wrote, as long as that is short', () => {
    const args = { to: 'x', body: 'push it out of sight\n'.repeat(200) };
    const short = pageOf({ args, reasons: [{ code: 'untrusted_argument', message: 'from an outsider' }] });
    const long = pageOf({ args, reasons: [{ code: 'unknown_effect', message: 'the server answers '.repeat(20) }] });

    expect(short.indexOf('from an outsider')).toBeLessThan(short.indexOf('`approve s1.c1 7f3a`'));
    expect(short.split('Why it is asked')).toHaveLength(2);
    expect(long.indexOf('`approve s1.c1 7f3a`')).toBeLessThan(long.indexOf('the server answers'));
    expect(long.split('Why it is asked')).toHaveLength(2);
  });
});

describe('INVARIANT A3: where somebody has to be somebody', () => {
  it('the page says that a plain signal does not count, and gives the command that signs', () => {
    const page = pageOf({ who: TWO, taskId: 'refund-17' });

    expect(page).toContain('a plain signal does not count');
    expect(page).toContain('```text\nholdfast sign refund-17 s1.c1-7f3a approve --key FILE\n```');
    expect(page).toContain('**Approve**: `approve s1.c1 7f3a`');
    expect(page).not.toContain('no input needed');
    expect(page).not.toContain('your name');
  });

  it.each(["t'; rm -rf ~ #", '$(reboot)', '-rf', 'a b', '`x`', 't\u202E'])(
    'puts no task id into a command that a shell would read otherwise: %s',
    (taskId) => {
      expect(pageOf({ who: TWO, taskId })).toContain('holdfast sign TASK s1.c1-7f3a approve --key FILE');
    },
  );

  it('gives options of the command in place of input for edits, shares and reach', () => {
    const scopes = ['once', 'values', 'tool'] as const;
    const page = pageOf({ who: TWO, scopes, args: { orderId: 'A-1', amount: 5 } });

    expect(page).toContain('`--scope values --same /orderId`');
    expect(page).toContain("sign with `--args '{…}'`");
  });
});

describe('what a call would change', () => {
  const change = { diff: '--- a\n+++ a\n-pool: 20\n+pool: 40\n' };

  it('stands as a diff between short and long arguments, before the rationale', () => {
    const page = pageOf({ args: { path: 'a.yaml', content: 'x\n'.repeat(200) }, change });

    const at = ['`"a.yaml"`', '-pool: 20\n+pool: 40', '**content**', 'Why the agent wants it'].map((each) =>
      page.indexOf(each),
    );
    expect(at).toEqual(at.toSorted((one, other) => one - other));
    expect(at).not.toContain(-1);
  });

  it('is the before-image where nobody knows what becomes of it', () => {
    expect(pageOf({ change: { before: 'pool: 20' } })).toContain('**What is there now**\n\n```text\npool: 20\n```');
  });

  it.each([
    { name: 'at its source', change: { ...change, isCut: true } },
    { name: 'by the page', change: { diff: '+漢字\n'.repeat(5_000) } },
  ])('says that a part is no base for a yes where it was cut $name', (fields) => {
    const page = pageOf({ change: fields.change });

    expect(page).toContain('Do not approve a part.');
    expect(page.indexOf('Do not approve a part.')).toBeLessThan(page.indexOf('**What it changes**'));
  });

  it('INVARIANT T4: says where writing from right to left changes the order on the screen', () => {
    expect(pageOf({ args: { text: 'שלום 100 200' } })).toContain('from right to left');
    expect(pageOf({ change })).not.toContain('from right to left');
  });
});

describe('how far a yes may reach', () => {
  const scopes = ['once', 'values', 'tool'] as const;

  it('is given with the exact input, and what each allows', () => {
    const page = pageOf({ scopes, args: { 'a b': 1, orderId: 'A-1', amount: 5 } });

    expect(page).toContain('- `{"scope":"values"}`: calls with exactly these arguments');
    expect(page).toContain('- `{"scope":"values","same":["/orderId"]}`: calls with the same `orderId`');
    expect(page).toContain('- `{"scope":"tool"}`: calls whatever the arguments are');
  });

  it.each([
    { name: 'it is asked once only', fields: { scopes: ['once'] } },
    { name: 'nothing was said of it', fields: {} },
    { name: 'a reason is about this call alone', fields: { scopes, reasons: [{ code: 'untrusted', message: 'x' }] } },
  ] as const)('is not offered where $name', ({ fields }) => {
    expect(pageOf(fields)).not.toContain('"scope"');
  });
});

describe('questions about the task itself', () => {
  const review = (code: string, fields: Partial<PendingDecision> = {}): string =>
    pageOf({
      kind: 'review',
      callId: 'task',
      tool: '',
      args: undefined,
      decision: undefined,
      may: ['approve', 'deny', 'edit'],
      reasons: [{ code, message: 'because' }],
      ...fields,
    });

  it.each([
    { code: 'review_point', heading: '## Go on? (', yes: 'Go on', no: 'End the task' },
    { code: 'limit', heading: '## Allow more? (', yes: 'Allow more', no: 'End the task' },
    { code: 'loop', heading: '## It seems to go in circles: go on? (', yes: 'Go on', no: 'End the task' },
    { code: 'final_output', heading: '## Review the result (', yes: 'Accept it', no: 'Send it back' },
  ])('read well: $code', ({ code, heading, yes, no }) => {
    const page = review(code);

    expect(page).toContain(heading);
    expect(page).toContain(`**${yes}**: \`approve s1.c1 7f3a\``);
    expect(page).toContain(`**${no}**: \`deny s1.c1 7f3a\``);
    expect(page).toContain('because');
    expect(page).toMatch(/\n\nIf (it goes on|more is allowed|it is accepted)/);
  });

  it('say what a plain yes allows, and give the input that allows something else', () => {
    const page = review('limit', { share: { costUsd: 0.5, steps: 10, durationMs: 1_800_000 } });

    expect(page).toContain('no input: allows 0.5 USD and 10 steps and 30m more; or another share: see below');
    const pasted = /on top of what there is:\n\n```text\n([\s\S]*?)\n```/.exec(page)?.[1] ?? '';
    expect(JSON.parse(pasted)).toEqual({
      args: { costUsd: 0.5, steps: 10, duration: '30m' },
      note: 'words for the agent',
    });
  });

  it('name no share that cannot be named', () => {
    const page = review('limit', { share: { invalidProposals: 3 } });

    expect(page).toContain('allows 3 attempts more');
    expect(page).not.toContain('another share');
  });

  it('show the result whole, or say that it is a part', () => {
    const whole = review('final_output', { args: { output: { summary: 'done' } }, may: ['approve', 'deny'] });
    expect(whole).toContain('**The result**\n\n```text\n{\n  "summary": "done"\n}\n```');
    expect(whole).not.toContain('another share');
    expect(review('final_output', { args: { output: 'x\n'.repeat(9_000) } })).toContain('Do not accept a part.');
  });
});

describe('the state of the task', () => {
  const standing: Standing = {
    id: 's3.c1-7f3a',
    scope: 'tool',
    tool: 'files.write',
    toolDigest: 'sha256:1',
    reasons: [],
    by: 'ben',
    verified: false,
    at: '2026-11-21T12:03:10.000Z',
    uses: 2,
  };

  it('lists what lets further calls run unasked: what it covers, by whom, how often, how to take it back', () => {
    const values = {
      ...standing,
      scope: 'values',
      values: { '/path': 'sha256:2' },
      votes: [ben],
      verified: true,
    } as const;
    const page = renderPage(makeView([], { status: 'running', standing: [standing, values] }));

    expect(page).toContain(
      '- every call of files&#46;write: by ben (claimed), let 2 calls run. Take back: signal `revoke s3.c1 7f3a`',
    );
    expect(page).toContain('- calls of files&#46;write with ` /path ` as they were then: by ben (proven)');
  });

  it('lists what was decided, and what nobody decided', () => {
    const at = '2026-11-21T12:03:10.000Z';
    const events = [
      { at, type: 'vote', detail: { id: 's1.c1-1', by: 'eva', votes: '1 of 2' } },
      { at, type: 'decision', detail: { id: 's1.c1-1', decision: 'approve', by: 'ben', verified: true } },
      { at, type: 'expired', detail: { id: 's2.c1-2' } },
      { at, type: 'decision', detail: 'nonsense' },
    ];
    const page = renderPage(makeView([], { status: 'running', events }));

    expect(page).toContain('- 12:03:10 s1&#46;c1&#45;1: approved, 1 of 2 by eva (proven)');
    expect(page).toContain('- 12:03:10 s1&#46;c1&#45;1: approve by ben (proven)');
    expect(page).toContain('- 12:03:10 s2&#46;c1&#45;2: nobody decided in time');
  });

  it('says that a decision alone does not let a paused task go on', () => {
    expect(renderPage(makeView([makePending()], { status: 'paused' }))).toContain('**The task is paused, too**');
  });
});
