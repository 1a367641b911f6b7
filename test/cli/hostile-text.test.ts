import { Ansis } from 'ansis';
import { describe, expect, it } from 'vitest';
import { decideLines } from '../../src/cli/decide-lines.ts';
import { deskLines } from '../../src/cli/desk-lines.ts';
import { changeLines, diffLines } from '../../src/cli/diff-lines.ts';
import { eventText } from '../../src/cli/event-text.ts';
import { pendingLines } from '../../src/cli/pending-lines.ts';
import { progressLines } from '../../src/cli/progress-lines.ts';
import { standingLines } from '../../src/cli/standing-lines.ts';
import { editable } from '../../src/cli/text.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';

/** Recolours, clears, links, sets the title, goes back to the start of the line, reorders, hides. */
const EVIL =
  'a\u001B[2J\u001B]8;;http://evil.example\u0007b\u001B]0;t\u0007\r\u202Ec\u200B\u009B31m\u0008d\nvotes: 2 of 2';
const plain = new Ansis(0);
const coloured = new Ansis(3);

// oxlint-disable-next-line no-control-regex -- the control characters are what is looked for
const HIDDEN = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B-\u200F\u202A-\u202E]/;

const evil: PendingDecision = {
  id: EVIL,
  taskId: EVIL,
  kind: 'approval',
  callId: EVIL,
  tool: EVIL,
  args: { [EVIL]: EVIL },
  question: EVIL,
  reasons: [{ code: EVIL, message: EVIL, policy: EVIL }],
  decision: { rationale: EVIL, alternatives: [{ action: EVIL, rejectedBecause: EVIL }], confidence: 1, basis: [EVIL] },
  provenance: { [EVIL]: { source: 'untrusted', item: EVIL } },
  sources: { [EVIL]: { tool: EVIL, trust: 'untrusted' } },
  output: EVIL,
  digest: 'sha256:00',
  since: '2026-01-01T00:00:00.000Z',
  may: ['approve', 'deny', 'edit'],
  agent: EVIL,
  risk: 'high',
  rule: EVIL,
  who: { roles: [EVIL, 'managers'], quorum: 2, verified: true, not: [EVIL] },
  votes: [{ by: EVIL, issuer: EVIL, roles: [EVIL], at: '2026-01-01T00:00:00.000Z' }],
  scopes: ['once', 'tool'],
  timeline: [{ at: '2026-01-01T00:00:00.000Z', do: 'escalate', roles: [EVIL] }],
  deadline: EVIL,
  change: { diff: `--- ${EVIL}\n@@ -1 +1 @@\n-${EVIL}\n+${EVIL}`, before: EVIL, isCut: true },
  share: { [EVIL]: 1 },
};

const human = { decision: 'approved', by: EVIL, verified: false, at: EVIL, note: EVIL, standing: EVIL } as const;
const atDesk = {
  type: 'desk',
  id: EVIL,
  code: EVIL,
  allowed: { [EVIL]: 1 },
  kind: 'approval',
  tool: EVIL,
  why: EVIL,
  rule: EVIL,
  quorum: 2,
} as const;

const EVENTS: readonly (readonly [type: string, detail: unknown])[] = [
  ['asked', { id: EVIL, tool: EVIL, why: EVIL, roles: [EVIL], quorum: 2, rule: EVIL }],
  ['decision', { id: EVIL, ...human, votes: evil.votes }],
  ['decision', { id: EVIL, decision: EVIL, by: EVIL, votes: EVIL, verified: EVIL }],
  ['vote', { id: EVIL, votes: EVIL, by: EVIL, issuer: EVIL }],
  ['review', { code: EVIL, decision: EVIL, by: EVIL, note: EVIL, allowed: { [EVIL]: EVIL } }],
  ['replaced', { id: EVIL, by: EVIL, next: EVIL }],
  ['refused', { id: EVIL, decision: EVIL, reason: EVIL }],
  ['ignored', { message: EVIL, reason: EVIL }],
  ['expired', { id: EVIL, tool: EVIL, votes: EVIL, approvers: [EVIL], then: EVIL }],
  ['escalation', { code: EVIL, decision: 'expired', votes: EVIL, approvers: [EVIL], then: EVIL }],
  ['report_failed', { events: [EVIL, 7], reason: EVIL }],
  ['message', { name: EVIL, payload: { token: EVIL, by: EVIL, note: EVIL }, from: EVIL }],
  [EVIL, { what: EVIL }],
  ['constructor', { what: EVIL }],
];

describe('INVARIANT T4: what models, people and strangers wrote', () => {
  it.each([
    { name: 'a question', lines: [...pendingLines(evil, plain), ...decideLines(evil, plain, null)] },
    { name: 'a review', lines: pendingLines({ ...evil, kind: 'review' }, plain) },
    { name: 'what would change', lines: changeLines({ before: EVIL }, plain) },
    {
      name: 'what happened to it',
      lines: (['decided', 'voted', 'escalated', 'revoked', 'expired'] as const).flatMap((what) =>
        deskLines({ ...atDesk, what, roles: [EVIL], approvals: 1, approvers: [EVIL], then: 'deny', human }, plain),
      ),
    },
    {
      name: 'what stands',
      lines: standingLines([{ id: EVIL, tool: EVIL, scope: 'tool', by: EVIL, verified: false, at: EVIL, uses: 0 }], {
        taskId: EVIL,
        paint: plain,
        isOpen: true,
      }),
    },
    {
      name: 'a decision that did not count',
      lines: progressLines({ at: EVIL, type: 'refused', id: EVIL, decision: EVIL, reason: EVIL }, plain),
    },
    ...EVENTS.map(([type, detail]) => ({
      name: `the event ${JSON.stringify(type)}`,
      lines: [eventText({ type, detail })],
    })),
  ])('reaches the terminal as text only: $name', ({ lines }) => {
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(HIDDEN);
  });

  it('forges no line of the question: names, roles and rules stay on theirs', () => {
    const lines = pendingLines({ ...evil, args: {}, question: '', output: undefined, change: {} }, plain);

    expect(lines.filter((line) => line.startsWith('votes:'))).toEqual([]);
  });

  it('says so where not all of it is shown', () => {
    const long = { ...evil, change: { isCut: true } };
    const args = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key${index}`, index]));

    for (const each of [
      { ...long, args },
      { ...long, args: 'cut…' },
      { ...long, args: undefined },
    ]) {
      const text = pendingLines(each, plain).join('\n');
      expect(text).toContain('not all of the arguments are shown');
      expect(text).toContain('not all of the change is shown');
    }
    expect(pendingLines({ ...evil, args: { a: 1 } }, plain).join('\n')).not.toContain('arguments are shown');
  });

  it('gives a person arguments to edit in which everything can be seen', () => {
    const args = { to: `a\u202Eb\u200B\u{E0041}"` };

    expect(editable(args)).toBe('{"to":"a\\u202eb\\u200b\\udb40\\udc41\\""}');
    expect(JSON.parse(editable(args))).toEqual(args);
  });
});

describe('a diff', () => {
  const DIFF = ['--- a.txt', '+++ a.txt', '@@ -1,2 +1,2 @@', ' same', '--- was this', '+++ is this', '-old', '+new'];

  it('has what goes in red and what comes in green, also where it looks like a header', () => {
    const { bold, cyan, red, green } = coloured;

    expect(diffLines(DIFF.join('\n'), coloured)).toEqual([
      bold('--- a.txt'),
      bold('+++ a.txt'),
      cyan('@@ -1,2 +1,2 @@'),
      ' same',
      red('--- was this'),
      green('+++ is this'),
      red('-old'),
      green('+new'),
    ]);
  });

  it('says how much of it is left out', () => {
    const lines = diffLines(['@@ -0,0 +1,200 @@', ...Array.from({ length: 200 }, (_, n) => `+${n}`)].join('\n'), plain);

    expect(lines).toHaveLength(81);
    expect(lines.at(-1)).toBe('… 121 more lines');
    expect(diffLines(`@@ @@\n+${'x'.repeat(1_000)}`, plain)[1]).toMatch(/x… \+601 characters$/);
  });
});
