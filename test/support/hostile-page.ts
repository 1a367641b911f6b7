import fc from 'fast-check';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import type { PageView } from '../../src/domain/page.ts';
import type { Standing } from '../../src/domain/standing.ts';
import { expiry } from './page-view.ts';

/** A place that nothing on a page may lead to, or ask for. */
export const EVIL = 'evil.example';

/** Pieces of which an attack on a renderer of Markdown is made. */
const PIECES = [
  '```',
  '````text',
  '`',
  '``',
  '~~~',
  '\n',
  '\n\n',
  '\r',
  '\u2028',
  '\u202E',
  '\u200B',
  '\u001B[2J\u001B[31m',
  '\uD800',
  '</details>',
  '</pre></code>',
  '<!--',
  '-->',
  '<details open>',
  `<img src=http://${EVIL}/i onerror=alert(1)>`,
  `<a href=http://${EVIL}/a>x</a>`,
  '<h1>Approved</h1>',
  '<script>alert(1)</script>',
  '<?php',
  `[click](http://${EVIL}/l)`,
  `![x](http://${EVIL}/p.png)`,
  `[x]: http://${EVIL}/r`,
  `http://${EVIL}/bare`,
  `<http://${EVIL}/auto>`,
  `me@${EVIL}`,
  '[^1]',
  '\n[^1]: note',
  '# Approved',
  '\n# Approved\n',
  '\n===\n',
  '\n---\n',
  '\n    code',
  '\n> ',
  '\n- ',
  '\n1. ',
  '\n: def',
  '| a | b |\n|---|---|\n',
  '|',
  '$x$',
  '$$',
  '\\(x\\)',
  '\\',
  '&lt;',
  '&#60;img&#62;',
  '{#id}',
  '**',
  '__',
  '~~',
  '*',
  ' ',
  '    ',
  '\t',
  '+ approve',
  '↪ ',
  '⟨U+202E⟩',
  '漢字',
  'שלום 100 200',
  'e\u0301\u0302\u0303\u0304\u0305\u0306',
  '$(rm -rf ~)',
  "'; reboot #",
  'approve s9.c9 ffff',
  '__proto__',
  'constructor',
];

/** A text that somebody made to get out of its place. */
const hostileText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 12 }).map((all) => all.join('')),
  },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
  { weight: 1, arbitrary: fc.constantFrom(...PIECES).map((piece) => piece.repeat(500)) },
  { weight: 1, arbitrary: fc.constantFrom('x', '漢', '`', '"', '\u202E').map((char) => char.repeat(100_000)) },
);

/** Texts short enough for a row of a table. */
const shortText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...PIECES),
      fc.constantFrom('|', ' | ', '\\|', '|---|', '`|`', '&#124;', '\\', 'a', 'ok ', '100'),
    ),
    {
      maxLength: 3,
    },
  )
  .map((all) => all.join(''));

const json: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  shortText,
  fc.integer(),
  fc.constant(null),
  fc.array(hostileText, { maxLength: 3 }),
  fc.dictionary(hostileText, hostileText, { maxKeys: 2 }),
);

/** Names that an argument may have; most of them are plain, or there would be no table. */
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('to', 'amount', 'path', 'note', 'items', 'a.b') },
  { weight: 1, arbitrary: shortText },
);

const origin = fc.record({
  source: fc.constantFrom('principal', 'trusted', 'untrusted', 'model'),
  item: fc.oneof(fc.constant('s1.c1'), hostileText),
});

const sources = fc.record({ 's1.c1': fc.record({ tool: hostileText, trust: fc.constant('untrusted') }) });

/** Arguments as a table holds them: plain names, values that are made to get out of their cells, and where they come from. */
export const hostileArgs = fc.record({
  args: fc.dictionary(
    fc.constantFrom('to', 'amount', 'path', 'note', 'items'),
    fc.oneof(
      { weight: 3, arbitrary: shortText },
      { weight: 1, arbitrary: json },
      { weight: 1, arbitrary: fc.array(fc.oneof(shortText, fc.integer()), { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('x', 'y', '0'), fc.oneof(shortText, fc.boolean())) },
    ),
    { minKeys: 1 },
  ),
  provenance: fc.dictionary(fc.constantFrom('/to', '/amount', '/path', '/note/0', '/note/1', '/items/x'), origin),
  sources,
}) as fc.Arbitrary<Required<Pick<PendingDecision, 'provenance' | 'sources' | 'args'>>>;

const some = <T>(value: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> => fc.array(value, { maxLength });

const iso = fc.constantFrom('2026-11-21T12:03:00.000Z', '2026-11-22T14:05:59.000Z');

const KINDS = ['approval', 'answer', 'review', 'effect', 'compensation'] as const;
const CODES = ['policy', 'asks_again', 'limit', 'loop', 'review_point', 'final_output', 'undo_failed', 'undo_task'];

const reason = fc.record(
  { code: fc.oneof(fc.constantFrom(...CODES), hostileText), message: hostileText, policy: hostileText },
  { requiredKeys: ['code', 'message'] },
);

const step = fc.oneof(
  fc.record({ at: iso, do: fc.constant('remind' as const) }),
  fc.record({ at: iso, do: fc.constant('escalate' as const), roles: fc.array(hostileText, { maxLength: 8 }) }),
  fc.tuple(iso, fc.constantFrom('deny', 'fallback', 'pause')).map(([at, what]) => expiry(at, what)),
);

const vote = fc.record({ by: hostileText, issuer: hostileText, roles: some(hostileText), at: iso });

const who = fc.record({
  roles: fc.array(hostileText, { maxLength: 8 }),
  quorum: fc.constantFrom(1, 2),
  verified: fc.boolean(),
  not: fc.array(hostileText, { maxLength: 8 }),
});

/** A decision of which everything that is not the platform's own is hostile. */
const pending: fc.Arbitrary<PendingDecision> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    taskId: hostileText,
    tool: hostileText,
    args: fc.oneof({ weight: 3, arbitrary: fc.dictionary(key, json, { maxKeys: 6 }) }, { weight: 1, arbitrary: json }),
    sources,
    question: hostileText,
    reasons: some(reason),
    decision: fc.option(
      fc.record({
        rationale: hostileText,
        alternatives: some(fc.record({ action: hostileText, rejectedBecause: hostileText })),
        confidence: fc.double({ min: 0, max: 1, noNaN: true }),
        basis: some(hostileText),
      }),
      { nil: undefined },
    ),
    provenance: fc.dictionary(fc.oneof(fc.constantFrom('/to', '/amount', '/path', '/items/0'), hostileText), origin, {
      maxKeys: 4,
    }),
    output: json,
    risk: fc.constantFrom('low', 'medium', 'high'),
    rule: hostileText,
    who,
    votes: some(vote),
    scopes: fc.constant(['once', 'values', 'tool'] as const),
    timeline: some(step, 4),
    change: fc.record({ diff: hostileText, before: hostileText, isCut: fc.boolean() }, { requiredKeys: ['isCut'] }),
    share: fc.option(
      fc.dictionary(fc.oneof(fc.constantFrom('costUsd', 'durationMs', 'steps'), hostileText), fc.integer({ min: 1 })),
      { nil: undefined },
    ),
  })
  .map(({ decision, share, ...fields }) => ({
    ...fields,
    id: 's1.c1-7f3a',
    callId: 's1.c1',
    digest: 'sha256:7f3a',
    since: '2026-11-21T12:00:00.000Z',
    may: fields.kind === 'answer' ? ['answer', 'deny'] : ['approve', 'deny', 'edit'],
    ...(decision === undefined ? {} : { decision }),
    ...(share === undefined ? {} : { share }),
  })) as fc.Arbitrary<PendingDecision>;

const standing: fc.Arbitrary<Standing> = fc.record({
  id: fc.constant('s1.c1-7f3a'),
  scope: fc.constantFrom('values', 'tool'),
  tool: hostileText,
  toolDigest: fc.constant('sha256:1' as const),
  reasons: fc.constant([]),
  values: fc.dictionary(hostileText, fc.constant('sha256:1' as const), { maxKeys: 3 }),
  by: hostileText,
  verified: fc.boolean(),
  votes: some(vote),
  at: iso,
  uses: fc.nat(9),
});

const EVENTS = ['decision', 'ignored', 'vote', 'replaced', 'expired', 'revoked'];
const event = fc.record({
  at: iso,
  type: fc.constantFrom(...EVENTS),
  detail: fc.record({
    message: hostileText,
    reason: hostileText,
    id: hostileText,
    decision: hostileText,
    by: hostileText,
    votes: hostileText,
    next: hostileText,
  }),
});

/** A page of which everything that is not the platform's own is hostile. */
export const hostileView: fc.Arbitrary<PageView> = fc
  .record({
    status: fc.constantFrom('waiting', 'running', 'paused', 'compensating'),
    agent: hostileText,
    goal: hostileText,
    principal: hostileText,
    doing: hostileText,
    pending: some(pending, 12),
    standing: some(standing),
    events: some(event, 6),
    plan: fc.option(fc.dictionary(hostileText, hostileText, { maxKeys: 2 }), { nil: undefined }),
    denied: some(fc.record({ callId: fc.constant('s1.c1'), tool: hostileText, reason: hostileText })),
    effects: some(
      fc.record({
        callId: fc.constant('s1.c1'),
        tool: hostileText,
        status: fc.constantFrom('succeeded', 'unknown'),
        key: hostileText,
      }),
    ),
  })
  .map((view) => ({
    ...view,
    taskId: 't',
    usage: { steps: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0.5 },
    limits: { ...DEFAULT_LIMITS, costUsd: 1 },
    pending: view.pending.map((each, n) => ({ ...each, id: `s1.c${n + 1}-7f3a`, callId: `s1.c${n + 1}` })),
  }));

/** A page as its lines say: what stands beside blocks, how many blocks there are, and whether the last one is left open. */
export const apart = (page: string): { readonly text: string; readonly blocks: number; readonly open: boolean } => {
  const text: string[] = [];
  let blocks = 0;
  let fence: string | undefined;
  for (const line of page.split('\n')) {
    const opened = /^(`{3,})(?:text|diff)$/.exec(line)?.[1];
    if (fence === undefined && opened !== undefined) {
      fence = opened;
      blocks += 1;
    } else if (fence === undefined) text.push(line);
    else if (line === fence) fence = undefined;
  }
  return { text: text.join('\n'), blocks, open: fence !== undefined };
};
