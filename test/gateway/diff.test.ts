import { applyPatch } from 'diff';
import { array, assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../src/domain/json.ts';
import { compareLines } from '../../src/gateway/diff-lines.ts';
import { diffTexts } from '../../src/gateway/diff-text.ts';

const lines = array(constantFrom('a', 'b', 'c', '', '- d', '+ e', '@@ -1 +1 @@', '~ 3 more lines')).map((all) =>
  all.map((line) => `${line}\n`).join(''),
);

const patchOf = (before: string, after: string): string =>
  ['--- a', '+++ b', ...compareLines(before, after).flatMap(({ head, lines }) => [head, ...lines]), ''].join('\n');

describe('a diff', () => {
  it('makes the one text of the other', () => {
    assert(
      property(lines, lines, (before, after) => {
        expect(applyPatch(before, patchOf(before, after))).toBe(after);
      }),
    );
  });

  it('of texts that are too different, or too large, is one place, and right as well', () => {
    const many = (text: string, count: number) => Array.from({ length: count }, (_, n) => `${text} ${n}\n`).join('');
    const around = (text: string) => `head\nof it\n${text}tail\n`;

    for (const count of [2_000, 60_000]) {
      const [before, after] = [around(many('old', count)), around(many('new', count))];
      const hunks = compareLines(before, after);
      expect(hunks).toHaveLength(1);
      expect(hunks[0]?.lines.slice(0, 3)).toEqual([' head', ' of it', '-old 0']);
      expect(applyPatch(before, patchOf(before, after)) === after).toBe(true);
    }
  });

  it('stays in its bounds for any texts, and says when it is not whole', () => {
    assert(
      property(string({ maxLength: 3_000, unit: 'binary' }), string({ maxLength: 3_000 }), (before, after) => {
        const { diff, isCut } = diffTexts(before, after, 600);
        expect(jsonBytes(diff)).toBeLessThanOrEqual(600);
        const whole = diffTexts(before, after, 1_000_000);
        expect(isCut || diff === whole.diff).toBe(true);
      }),
    );
  });

  it('shows something of every place that changes, before all of the first one', () => {
    const text = (word: string) =>
      Array.from({ length: 5 }, (_, place) => `${`same ${place}\n`.repeat(10)}${`${word} ${place}\n`.repeat(30)}`).join(
        '',
      );

    const { diff, isCut } = diffTexts(text('old'), text('new'), 1_500);

    expect(isCut).toBe(true);
    for (let place = 0; place < 5; place++) {
      expect(diff).toContain(`-old ${place}`);
      expect(diff).toContain(`+new ${place}`);
    }
  });

  it('of long lines begins shortly before they differ', () => {
    const long = `{"padding":"${'x'.repeat(5_000)}","limit":`;

    const { diff, isCut } = diffTexts(`${long}5}`, `${long}5000}`, 2_000);

    expect(diff).toMatch(/-\[\d+ same\] x+","limit":5}\n/);
    expect(diff).toMatch(/\+\[\d+ same\] x+","limit":5000}\n/);
    expect(isCut).toBe(true);
  });

  it('says how many places there is no room for', () => {
    const text = (word: string) => Array.from({ length: 60 }, (_, n) => `${'same\n'.repeat(9)}${word} ${n}\n`).join('');

    expect(diffTexts(text('old'), text('new'), 800).diff).toMatch(/~ \d+ more places$/);
  });
});
