import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { renderPage } from '../../src/domain/page.ts';
import { apart, hostileArgs, hostileView } from '../support/hostile-page.ts';
import { makePending, makeView } from '../support/page-view.ts';
import { leavesOf, rowsOf } from './args-table.ts';

const { ui } = inject('temporal');

/** What the UI's own renderer makes of a page. */
const rendered = async (page: string): Promise<string> => {
  const answer = await fetch(`${ui}/render?content=${encodeURIComponent(page)}`);
  expect(answer.status).toBe(200);
  const html = await answer.text();
  return html.slice(html.indexOf('<main>') + '<main>'.length, html.indexOf('</main>'));
};

/** What the platform's own Markdown becomes, and nothing else. */
const OWN = 'h2|p|strong|code|pre|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|hr|br|em';

describe.skipIf(ui === '')('INVARIANT T4: the renderer of the UI', () => {
  it('makes of whatever content text only: no link, no image, no HTML, no heading', async () => {
    await fc.assert(
      fc.asyncProperty(hostileView, async (view) => {
        const page = renderPage(view);
        const html = await rendered(page);

        const tags = [...html.matchAll(/<\/?([a-z0-9]+)([^>]*)>/gi)];
        const foreign = tags.filter(
          ([, name = '', rest = '']) =>
            !new RegExp(`^(?:${OWN})$`, 'i').test(name) ||
            !/^(?: id="[\p{L}\p{N}_-]*"| class="language-\w+"| align="left"|\s*\/)?$/u.test(rest),
        );
        expect(foreign.map(([tag]) => tag)).toEqual([]);
        const { text, blocks } = apart(page);
        const headings = [...text.matchAll(/^## .*(?:\(s1\.c\d+-7f3a\)|Task: \w+)$/gm)];
        expect([...html.matchAll(/<h\d/g)].length).toBe(headings.length);
        expect([...html.matchAll(/<pre/g)].length).toBe(blocks);
      }),
      { numRuns: 60 },
    );
  });

  it('shows of a table of arguments every value once, in order, exactly, and whose it is; none leaves its cell', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(hostileArgs, async (given) => {
        const rows = rowsOf(await rendered(renderPage(makeView([makePending(given)]))));
        const all = leavesOf(given.args);
        const found = rows.flatMap(({ name, value, isUntrusted }) => {
          const row = all.get(name);
          expect([row?.json, `${row?.bytes} bytes, below`]).toContain(value);
          const sources = row?.pointers.map((each) => given.provenance?.[each]?.source === 'untrusted');
          expect(sources).toEqual(row?.pointers.map(() => isUntrusted));
          return row?.pointers;
        });
        count += found.length;
        const every = [...all.values()].flatMap(({ pointers }) => (pointers.length === 1 ? pointers : []));
        expect([[], [...new Set(every)]]).toContainEqual(found);
      }),
      { numRuns: 60 },
    );
    expect(count).toBeGreaterThan(0);
  });
});
