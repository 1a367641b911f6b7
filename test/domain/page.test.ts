import { describe, expect, it } from 'vitest';
import { findHiddenIn } from '../../src/domain/hidden-text.ts';
import { renderPage } from '../../src/domain/page.ts';
import { makePending, makeView } from '../support/page-view.ts';

/** The page without what the UI shows literally: blocks and code spans. */
const outsideOfCode = (page: string): string =>
  page.replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, '').replace(/(`+)[^`].*?[^`]?\1(?!`)/g, '');

const urlBytes = (page: string): number => encodeURIComponent(page).length;

describe('INVARIANT T4: the page', () => {
  it('says what can be done first, with the exact names, and arguments before rationale', () => {
    const page = renderPage(makeView([makePending()]));

    expect(page.startsWith('## Approve or deny')).toBe(true);
    expect(page).toContain('`approve s1.c1 7f3a`');
    expect(page.indexOf('config')).toBeLessThan(page.indexOf('because'));
    expect(page.indexOf('because')).toBeLessThan(page.indexOf('## Task'));
  });

  it.each([
    { name: 'a link', text: '[click](http://evil.example)' },
    { name: 'an image', text: '![x](http://evil.example/p.png)' },
    { name: 'HTML', text: '<img src=http://evil.example onerror=alert(1)>' },
    { name: 'a bare address', text: 'http://evil.example' },
    { name: 'a table break', text: 'a | b\n| approve | now |' },
    { name: 'a heading', text: '\n# Approved already' },
    { name: 'a fence', text: '```\n# out of the fence\n```' },
  ])('shows $name from arguments, tool names, goals and reasons as text only', ({ text }) => {
    const pending = makePending({ tool: text, args: { path: text }, reasons: [{ code: 'x', message: text }] });
    const page = renderPage(makeView([pending], { goal: text, agent: text, doing: text }));

    expect(outsideOfCode(page)).not.toMatch(/\]\(|<img|https?:\/\/|\n# |\| approve \|/);
  });

  it('holds long content in a fence that the content cannot close', () => {
    const evil = `${'x'.repeat(200)}\n\`\`\`\`\`\n# Approved\n\`\`\`\`\``;
    const page = renderPage(makeView([makePending({ args: { content: evil } })]));

    const fence = /(`{3,})text\nx{64}\n↪ x{64}/.exec(page)?.[1] ?? '';
    expect(fence.length).toBeGreaterThan(5);
  });

  it('shows hidden characters as what they are', () => {
    const page = renderPage(makeView([makePending({ args: { path: 'a\u202Eb' } })]));

    expect(page).not.toContain('\u202E');
    expect(page).toContain('U');
    expect(page).toContain('202E');
  });

  it('does not let content pass for a line break of the page', () => {
    const page = renderPage(makeView([makePending({ args: { content: `${'x'.repeat(64)}\n↪ y` } })]));

    expect(page).toContain(`${'x'.repeat(64)}\n⟨U+21AA⟩ y`);
  });

  it('shows a lone carriage return as what it is', () => {
    expect(renderPage(makeView([makePending({ args: { cr: 'a\rb' } })]))).toContain('a⟨U+000D⟩b');
  });

  it('tells the sender of an ignored message why, first, until something is decided', () => {
    const ignored = {
      at: '2026-01-01T10:20:30.000Z',
      type: 'ignored',
      detail: { message: 'approve', reason: 'several `are` "pending"' },
    };
    const decided = { at: '2026-01-01T10:20:31.000Z', type: 'decision', detail: {} };

    const page = renderPage(makeView([makePending()], { events: [ignored] }));
    expect(page.indexOf('several `are` "pending"')).toBeLessThan(page.indexOf('## Approve'));
    expect(renderPage(makeView([makePending()], { events: [ignored, decided] }))).not.toContain('several');
  });

  it('says how many of a list it leaves out', () => {
    const many = <T>(count: number, of: T): readonly T[] => Array.from({ length: count }, () => of);
    const decision = {
      rationale: 'because',
      confidence: 0.9,
      basis: Array.from({ length: 12 }, (_, n) => `s${n}.c1`),
      alternatives: many(6, { action: 'wait', rejectedBecause: 'late' }),
    };
    const ignored = { at: '2026-01-01T10:20:30.000Z', type: 'ignored', detail: { message: 'approve', reason: 'why' } };
    const reasons = many(7, { code: 'policy', message: 'a rule' });
    const page = renderPage(makeView([makePending({ decision, reasons })], { events: many(4, ignored) }));

    expect(page).toContain('- and 1 more');
    expect(page).toContain('s9&#46;c1, and 2 more)');
    expect(page).toContain('a rule; and 2 more');
    expect(page).toContain('(UTC, last first; 2 of 4)\n\n- 10:20:30 ignored: ` approve `: ` why `');
  });

  it.each([
    {
      name: 'ASCII',
      text: 'Two orders match the blue lamp: A-1009 of 2 November and one more, A-1044 of 14 November. Which?',
    },
    {
      name: 'other letters',
      text: 'Two orders match “the blue lamp”: A-1009 (2 November) and another: A-1044 (14 November). Which?',
    },
  ])('breaks long lines between words, so that no number reads as another one: $name', ({ text }) => {
    const page = renderPage(makeView([makePending({ kind: 'answer', question: text, may: ['answer'] })]));
    const [, shown = ''] = /\*\*The question\*\*\n\n```text\n([\s\S]*?)\n```/.exec(page) ?? [];

    expect(shown.split('\n↪ ').join('')).toBe(text);
    expect(shown.split('\n↪ ').length).toBe(2);
    for (const line of shown.split('\n')) expect(line.replace('↪ ', '').length).toBeLessThanOrEqual(64);
    expect(shown).toMatch(/ \n↪ /);
  });

  it('gives the input that changes arguments, to paste, when they are short', () => {
    const args = { path: 'config/prod/a.yaml', content: 'x: 1\ny: 2\n' };
    const page = renderPage(makeView([makePending({ args })]));

    const pasted = /As they are now:\n\n```text\n([\s\S]*?)\n```/.exec(page)?.[1] ?? '';
    expect(JSON.parse(pasted)).toEqual({ args, by: 'your name' });
    expect(renderPage(makeView([makePending({ args: { content: 'x'.repeat(2_000) } })]))).toContain(
      'too long for this page',
    );
  });

  it('offers only what may be done, in the words of the question', () => {
    const effect = renderPage(makeView([makePending({ kind: 'effect', may: ['approve', 'deny'] })]));
    const answer = renderPage(makeView([makePending({ kind: 'answer', question: 'Which?', may: ['answer', 'deny'] })]));

    expect(effect).toContain('**It happened**: `approve s1.c1 7f3a`');
    expect(effect).not.toContain('change the arguments');
    expect(answer).toContain('**Answer**: `answer s1.c1 7f3a`');
    expect(answer).not.toContain('`approve s1.c1');
  });

  it.each([
    {
      code: 'undo_task',
      tool: '',
      yes: 'Undo it',
      no: 'Keep it',
      heading: '## Decide whether to undo what the task did (',
    },
    {
      code: 'undo_shared',
      tool: 'book',
      yes: 'Undo it all the same',
      no: 'Leave it',
      heading: 'undo it all the same? book (',
    },
    {
      code: 'undo_failed',
      tool: 'book',
      yes: 'Done by hand',
      no: 'Leave it',
      heading: 'Undoing failed: say what to do: book (',
    },
  ])('says what each answer means where undoing asks: $code', ({ code, tool, yes, no, heading }) => {
    const reasons = [{ code, message: 'because' }];
    const pending = makePending({ kind: 'compensation', tool, reasons, decision: undefined, may: ['approve', 'deny'] });
    const page = renderPage(makeView([pending]));

    expect(page).toContain(heading);
    expect(page).toContain(`**${yes}**: \`approve s1.c1 7f3a\``);
    expect(page).toContain(`**${no}**: \`deny s1.c1 7f3a\``);
    expect(page).toContain('because');
  });

  it('warns above the arguments, names the rule, and says whose text a value comes from', () => {
    const page = renderPage(
      makeView([
        makePending({
          reasons: [{ code: 'surface_changed', message: 'it changed', policy: 'default.changed' }],
          provenance: {
            '/path': { source: 'untrusted', item: 's1.c1' },
            '/mode': { source: 'principal', item: 'goal' },
          },
          sources: { 's1.c1': { tool: 'mail.read', trust: 'untrusted' } },
          decision: { rationale: 'because', alternatives: [], confidence: 0.9, basis: ['s1.c1'] },
        }),
      ]),
    );

    expect(page.indexOf('**Careful**')).toBeLessThan(page.indexOf('`"config/prod/a.yaml"`'));
    expect(page).toContain('(rule ` default.changed `)');
    expect(page).toContain('`&#160; | **text that an outsider may have written**: s1&#46;c1 (mail&#46;read) |\n');
    expect(page).toContain('resting on s1&#46;c1 (mail&#46;read, untrusted)');
  });

  it('gives what is needed to find out and to undo by hand: the key, what the call returned, the input to paste', () => {
    const effects = [{ callId: 's1.c1', tool: 'book', status: 'unknown', key: 't/e1/s1.c1/abc' }] as const;
    const pending = { may: ['approve', 'deny'], output: { booking: 'b-1' } } as const;
    const unknown = renderPage(makeView([makePending({ ...pending, kind: 'effect' })], { effects }));
    const undo = { ...pending, kind: 'compensation', reasons: [{ code: 'undo_failed', message: 'too late' }] } as const;
    const failed = renderPage(
      makeView([makePending(undo)], { effects, end: { status: 'failed', reason: 'no model' } }),
    );

    expect(unknown).toContain('t/e1/s1.c1/abc');
    const template = /with it as `args`:\n\n```text\n([\s\S]*?)\n```/.exec(unknown)?.[1] ?? '';
    expect(JSON.parse(template)).toMatchObject({ args: {}, by: 'your name' });
    expect(failed).toContain('"booking": "b-1"');
    expect(failed).toContain('t/e1/s1.c1/abc');
    expect(failed).toContain('| ended as failed | no model |');
  });

  it('lists what would be undone a line each, and at the end what came of undoing and what people refused', () => {
    const whole = {
      callId: 'task',
      tool: '',
      args: { effects: ['s2.c1 book {"seat":"b"}', 's1.c1 book {"seat":"a"}'] },
    };
    const reasons = [{ code: 'undo_task', message: 'it failed' }];
    expect(renderPage(makeView([makePending({ kind: 'compensation', reasons, ...whole })]))).toContain(
      's2.c1 book {"seat":"b"}\ns1.c1 book {"seat":"a"}\n',
    );

    const ended = renderPage(
      makeView([], {
        status: 'failed',
        effects: [{ callId: 's1.c1', tool: 'book', status: 'compensation_failed', key: 'k' }],
        compensations: new Map([['s1.c1', { status: 'compensation_failed', message: 'too late' }]]),
        denied: [{ callId: 's2.c1', tool: 'pay', reason: 'fraud' }],
        end: { status: 'failed', reason: 'no model' },
      }),
    );
    expect(ended).toContain('compensation_failed &#40;too late&#41;');
    expect(ended).toContain('- s2.c1 pay: fraud');
  });

  it('says where to look when nothing is asked and nothing happens', () => {
    expect(renderPage(makeView([], { status: 'running' }))).toContain('**Pending Activities**');
  });

  it('says that a task is being undone, and shows the plan as text only', () => {
    const page = renderPage(
      makeView([], { status: 'compensating', plan: { goal: '[click](http://evil.example)\n```\n# Approved' } }),
    );

    expect(page).toContain('being undone');
    expect(page).toContain('The agent’s plan');
    expect(outsideOfCode(page)).not.toMatch(/\]\(|https?:\/\/|\n# /);
  });

  it('names all decisions when several wait, and says what a paused or ended task needs', () => {
    const two = renderPage(makeView([makePending(), makePending({ id: 's1.c2-e4ef', callId: 's1.c2' })]));

    expect(two.startsWith('**2 decisions wait.**')).toBe(true);
    expect(two).toContain('`deny s1.c2 e4ef`');
    expect(renderPage(makeView([], { status: 'paused' }))).toContain('`resume`');
    expect(renderPage(makeView([], { status: 'completed' }))).toContain('The task has ended: completed');
  });
});

describe('the page fits the URL in which the UI sends it to its renderer', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`argument_${n}`, `value ${n} {"x":"漢字"}`]));
  const long = { content: Array.from({ length: 5_000 }, (_, n) => `line_${n}: "value"`).join('\n') };
  const blocks = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`block_${n}`, '漢字\n'.repeat(500)]));
  const words = '"*漢*"'.repeat(400);
  const decision = {
    rationale: words,
    alternatives: Array.from({ length: 30 }, () => ({ action: words, rejectedBecause: words })),
    confidence: 0.5,
    basis: Array.from({ length: 50 }, () => words),
  };

  it.each([
    { name: '200 arguments', args: many },
    { name: 'a long text', args: long },
    { name: '30 long texts', args: blocks },
  ])('with $name, also ten times, and says what is left out', ({ args }) => {
    const pending = makePending({
      args,
      decision,
      reasons: Array.from({ length: 30 }, () => ({ code: 'x', message: words })),
    });
    for (const count of [1, 10, 40]) {
      const all = Array.from({ length: count }, (_, n) => ({ ...pending, id: `s1.c${n + 1}-7f3a` }));
      const page = renderPage(makeView(all, { goal: words, agent: words, principal: words }));

      expect(urlBytes(page)).toBeLessThanOrEqual(14_000);
      expect(page).toContain('`approve s1.c1 7f3a`');
      expect(page).toContain('query `pending`');
    }
  });

  it('takes lone surrogates, which a URL cannot hold', () => {
    expect(
      urlBytes(renderPage(makeView([makePending({ tool: 'a\uD800', args: { '\uD800': '\uDFFF' } })]))),
    ).toBeGreaterThan(0);
  });
});

describe('INVARIANT T3: hidden characters in arguments', () => {
  it.each([
    { name: 'right-to-left override', value: { a: 'x\u202Ey' }, path: '/a' },
    { name: 'zero width space in a list', value: { a: ['ok', 'x\u200By'] }, path: '/a/1' },
    { name: 'tag characters', value: { a: `x${String.fromCodePoint(0xe0041)}` }, path: '/a' },
    { name: 'a hidden key', value: { 'a\u2066': 1 }, path: '/a⟨U+2066⟩' },
    { name: 'a lone surrogate', value: 'x\uD800', path: '/' },
    { name: 'an escape character', value: { a: '\u001b[31m' }, path: '/a' },
  ])('finds $name', ({ value, path }) => {
    expect(findHiddenIn(value)).toMatchObject({ path });
  });

  it('leaves ordinary text alone: line feeds, tabs, umlauts, emoji, right-to-left scripts', () => {
    expect(findHiddenIn({ a: 'line\nline\ttab äöü 漢字 שלום 😀' })).toBeUndefined();
  });
});
