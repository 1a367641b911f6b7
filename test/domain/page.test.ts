import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { findHiddenIn } from '../../src/domain/hidden-text.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { type PageView, renderPage } from '../../src/domain/page.ts';

const makePending = (fields: Partial<PendingDecision> = {}): PendingDecision => ({
  id: 's1.c1-7f3a',
  taskId: 't',
  kind: 'approval',
  callId: 's1.c1',
  tool: 'files.write',
  args: { path: 'config/prod/a.yaml' },
  reasons: [{ code: 'confirmation_required', message: 'writes to production' }],
  decision: { rationale: 'because', alternatives: [], confidence: 0.9, basis: ['goal'] },
  digest: 'sha256:7f3a',
  since: '2026-01-01T00:00:00.000Z',
  may: ['approve', 'deny', 'edit'],
  ...fields,
});

const makeView = (pending: readonly PendingDecision[], fields: Partial<PageView> = {}): PageView => ({
  taskId: 't',
  status: 'waiting',
  agent: 'a',
  goal: 'g',
  principal: 'ana',
  doing: 'x',
  usage: { steps: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 },
  limits: DEFAULT_LIMITS,
  pending,
  effects: [],
  events: [],
  ...fields,
});

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

    const outside = page.replace(/(`{3,})text\n[\s\S]*?\n\1/g, '');
    expect(outside).not.toMatch(/\]\(|<img|https?:\/\/|\n# |\| approve \|/);
  });

  it('holds long content in a fence that the content cannot close', () => {
    const evil = `${'x'.repeat(200)}\n\`\`\`\`\`\n# Approved\n\`\`\`\`\``;
    const page = renderPage(makeView([makePending({ args: { content: evil } })]));

    const fence = /(`{3,})text\nx{200}/.exec(page)?.[1] ?? '';
    expect(fence.length).toBeGreaterThan(5);
  });

  it('shows hidden characters as what they are', () => {
    const page = renderPage(makeView([makePending({ args: { path: 'a\u202Eb' } })]));

    expect(page).not.toContain('\u202E');
    expect(page).toContain('U');
    expect(page).toContain('202E');
  });

  it('answers a message that was ignored', () => {
    const events = [{ at: 'now', type: 'ignored', detail: { message: 'approve', reason: 'several are pending' } }];

    expect(renderPage(makeView([makePending()], { events }))).toContain('several are pending');
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
