import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PendingDecision } from '../../src/domain/decision.ts';
import { findHiddenIn } from '../../src/domain/hidden-text.ts';
import { type PageView, renderPage } from '../../src/domain/page.ts';
import { apart, EVIL, hostileArgs, hostileView } from '../support/hostile-page.ts';

const withoutSpans = (text: string): string => text.replace(/(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, '');

const shownOf = ({ pending }: PageView, page: string): readonly PendingDecision[] =>
  pending.filter(({ id }) => page.includes(`(${id})\n`));

describe('INVARIANT T4: whatever the content of a page is', () => {
  it('nothing of it is a link, an image, HTML or a heading, and no block ends early', () => {
    fc.assert(
      fc.property(hostileView, (view) => {
        const page = renderPage(view);
        const { text, open } = apart(page);
        const bare = withoutSpans(text);

        expect(open).toBe(false);
        expect(bare).not.toMatch(/\]\(|\]:|!\[|<[a-z/!?]|https?:\/\//i);
        expect(findHiddenIn(page)).toBeUndefined();
        expect(bare).not.toContain(EVIL);
        const headings = bare.split('\n').filter((line) => /^\s{0,3}#|^\s{0,3}(?:=+|-+)\s*$/.test(line));
        const own = /^## .*\(s1\.c\d+-7f3a\)$|^## Task: \w+$|^---$/;
        expect(headings.filter((line) => !own.test(line))).toEqual([]);
        expect(headings.length).toBeLessThanOrEqual(view.pending.length + 2);
      }),
      { numRuns: 60 },
    );
  });

  it('no line of a table has more cells than the table, in a renderer that takes a pipe in code for an end as well', () => {
    let tables = 0;
    fc.assert(
      fc.property(hostileView, hostileArgs, (view, given) => {
        const pending = view.pending.map((each) => ({ ...each, ...given }));
        const { text } = apart(renderPage({ ...view, pending }));
        for (const [table] of text.matchAll(/(?:^\|.*\n?)+/gm)) {
          const counts = table
            .trimEnd()
            .split('\n')
            .map((line) => line.split('|').length);
          expect(new Set(counts).size).toBe(1);
          tables += table.startsWith('| Argument') ? 1 : 0;
        }
      }),
      { numRuns: 60 },
    );
    // Random content seldom fits a table; some of it does.
    expect(tables).toBeGreaterThan(0);
  });

  it('the page fits, and holds all that decides of what it shows: names, who, deadline, warnings', () => {
    fc.assert(
      fc.property(hostileView, (view) => {
        const page = renderPage(view);
        const shown = shownOf(view, page);

        expect(encodeURIComponent(page).length).toBeLessThanOrEqual(14_000);
        expect(shown.length).toBeGreaterThanOrEqual(Math.min(1, view.pending.length));
        for (const { id, may, timeline = [], reasons } of shown) {
          const section = page.slice(page.indexOf(`(${id})\n`)).split('\n## ')[0] ?? '';
          const names = may.filter((each) => each !== 'edit').map((each) => `\`${each} ${id.replace('-', ' ')}\``);
          for (const name of names) expect(section).toContain(name);
          expect(section).toContain('**Who may decide**');
          expect(section).toContain('**Cost so far**: 0.5 of 1 USD');
          const end = timeline.find((step) => step.do === 'expire')?.at;
          expect(section).toContain(
            end === undefined ? '**No deadline**' : `**Until** ${end.slice(11, 16)} UTC on ${end.slice(0, 10)}`,
          );
          const isAgain = reasons.some(({ code }) => code === 'asks_again');
          expect(section.includes('**Careful**: it was approved')).toBe(isAgain);
        }
      }),
      { numRuns: 60 },
    );
  });
});
