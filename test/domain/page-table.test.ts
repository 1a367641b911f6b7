import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { renderPage } from '../../src/domain/page.ts';
import { makePending, makeView } from '../support/page-view.ts';

const pageOf = (args: unknown, fields: Partial<PendingDecision> = {}): string =>
  renderPage(makeView([makePending({ args, ...fields })]));

/** The lines of the table of arguments, without the space that keeps names apart. */
const rowsOf = (page: string): readonly string[] => {
  const [, table = ''] = /\n\n((?:\| Argument.*\n)(?:\|.*\n)+)/.exec(page) ?? [];
  return table.trimEnd().replaceAll('&#160;', '').split('\n').slice(2);
};

const untrusted = { source: 'untrusted', item: 's1.c1' } as const;
const mail = { 's1.c1': { tool: 'mail.read', trust: 'untrusted' } } as const;

describe('the table of arguments', () => {
  it('has a row for each value, in their order, as JSON: a text is told from a number, and nothing from nothing else', () => {
    const args = {
      to: { iban: 'DE02 1203', 'a.b': [{ sku: 'x-1' }] },
      amount: 100,
      text: '100',
      flag: '--force "now"',
      empty: '',
      none: null,
      no: [],
      nil: {},
      yes: true,
      list: [1, 'two'],
    };

    expect(rowsOf(pageOf(args))).toEqual([
      '| `to.iban` | `"DE02 1203"` |',
      '| `to."a.b"[0].sku` | `"x-1"` |',
      '| `amount` | `100` |',
      '| `text` | `"100"` |',
      '| `flag` | `"--force \\"now\\""` |',
      '| `empty` | `""` |',
      '| `none` | `null` |',
      '| `no` | `[]` |',
      '| `nil` | `{}` |',
      '| `yes` | `true` |',
      '| `list` | `[1,"two"]` |',
    ]);
  });

  it('says where each value comes from, and has no other place that says it', () => {
    const provenance = {
      '/to/0': untrusted,
      '/to/1': { source: 'model' },
      '/sum': { source: 'principal', item: 'goal' },
      '/rate': { source: 'trusted', item: 's2.c1' },
    } as const;
    const args = { to: ['x@evil.example', 'y'], sum: 5, rate: 2, no: [] };
    const page = pageOf(args, { provenance, sources: mail });

    expect(rowsOf(page)).toEqual([
      '| `to[0]` | `"x@evil.example"` | **text that an outsider may have written**: s1&#46;c1 (mail&#46;read) |',
      '| `to[1]` | `"y"` | the agent’s own |',
      '| `sum` | `5` | the task’s own words |',
      '| `rate` | `2` | trusted text: s2&#46;c1 |',
      '| `no` | `[]` | — |',
    ]);
    expect(page).toContain('“The agent’s own” is chosen, derived or made up.');
    expect(page).not.toContain('Where the values come from');
  });

  it('keeps a list on one row where all of it comes from one place, and leaves what has no row to its own section', () => {
    const provenance = { '/to/0': untrusted, '/to/1': untrusted, '/gone': { source: 'model' } } as const;
    const page = pageOf({ to: ['x', 'y'] }, { provenance, sources: mail });

    expect(rowsOf(page)).toEqual([expect.stringMatching(/^\| `to` \| `\["x","y"\]` \| \*\*text that an outsider/)]);
    expect(page).toMatch(/\*\*Where the values come from\*\*\n\n- ` \/gone `: the agent’s own: chosen/);
    expect(page.split('an outsider may have written')).toHaveLength(2);
  });

  it('says that not all origins are told where they are not', () => {
    const args = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`a${n}`, `v${n}`]));
    const provenance = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`/a${n}`, untrusted]));
    const page = pageOf(args, { provenance });

    expect(page).toContain('Only the most doubtful 16 origins are told.');
    expect(rowsOf(page).at(-1)).toBe('| `a19` | `"v19"` | — |');
  });

  it.each([
    { name: 'several lines', value: 'x: 1\ny: 2\n', bytes: 10, below: 'x: 1\ny: 2\n' },
    { name: 'more than 100 columns', value: 'ab '.repeat(40), bytes: 120, below: JSON.stringify('ab '.repeat(40)) },
    { name: 'a word that pushes the next column away', value: 'a'.repeat(60), bytes: 60, below: 'a'.repeat(60) },
    { name: 'a pipe', value: 'cat a | grep b', bytes: 14, below: 'cat a | grep b' },
    { name: 'a backtick', value: '`x`', bytes: 3, below: '`x`' },
    { name: 'spaces that a browser joins', value: 'a  b', bytes: 4, below: 'a  b' },
    { name: 'nothing but spaces', value: '   ', bytes: 3, below: '"   "' },
    { name: 'digits and a pipe', value: '5|', bytes: 2, below: '"5|"' },
  ])('has a block below, exactly, for a value with $name', ({ value, bytes, below }) => {
    const page = pageOf({ other: 1, value });

    expect(rowsOf(page)).toEqual(['| `other` | `1` |', `| \`value\` | ${bytes} bytes, below |`]);
    const [, shown = ''] = /\*\*value\*\*\n\n(?:```text)\n([\s\S]*?)\n```/.exec(page) ?? [];
    expect(shown.replaceAll('\n↪ ', '')).toBe(below);
  });

  it('says above it that only a part fits of a value below', () => {
    const page = pageOf({ path: 'a', content: '漢字\n'.repeat(5_000) });

    expect(rowsOf(page)).toEqual(['| `path` | `"a"` |', '| `content` | 35000 bytes, below |']);
    expect(page.indexOf('Only a part of the arguments fits')).toBeGreaterThan(0);
    expect(page.indexOf('Only a part of the arguments fits')).toBeLessThan(page.indexOf('| Argument'));
  });

  it.each([
    { name: 'more than 25 values', args: Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`a${n}`, n])) },
    { name: 'a nest of them', args: { a: Array.from({ length: 30 }, (_, n) => ({ n })) } },
    { name: 'a name that has no place in a cell', args: { 'a | b': 1 } },
    { name: 'a name that pushes the values away', args: { ['n'.repeat(33)]: 1 } },
    { name: 'a name of 100 KB', args: { ['n'.repeat(100_000)]: 1 } },
    { name: 'more blocks than there is room for', args: Array.from({ length: 9 }, () => 'a|b') },
    { name: 'no arguments', args: {} },
    { name: 'no names', args: 'a text' },
  ])('gives way to blocks where there are $name, and origins have their section then', ({ args }) => {
    const page = pageOf(args, { provenance: { '/a0': untrusted } });

    expect(page).not.toContain('| Argument');
    expect(page).toContain('- ` /a0 `: **text that an outsider may have written**: s1&#46;c1');
    expect(page).toMatch(/```text\n(?:a0: 0\na1: 1\n|"a \| b": 1|"?n{33}|\(no arguments\)|arguments: |a: )/);
  });

  it('nothing is cut only because a table takes more room than a block', () => {
    const args = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`a${n}`, `${n} "words" of a row, "quoted", which a URL makes long`]),
    );
    const content = Array.from({ length: 260 }, (_, n) => `line ${n}: "value"`).join('\n');
    const origins = Object.fromEntries(Object.keys(args).map((key) => [`/${key}`, untrusted]));
    const page = pageOf({ ...args, content }, { provenance: origins });

    expect(page).not.toContain('Only a part');
    expect(page).toContain('line 259: "value"');
    expect(page).not.toContain('| Argument');
    expect(pageOf(args, { provenance: origins })).toContain('| Argument');
  });

  it('INVARIANT T4: shows hidden characters in names and values', () => {
    expect(rowsOf(pageOf({ 'x\u202Ey': 'a\u200Bb' }))).toEqual(['| `"x⟨U+202E⟩y"` | `"a⟨U+200B⟩b"` |']);
  });
});
