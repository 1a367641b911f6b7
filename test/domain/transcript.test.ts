import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, jsonBytes, utf8Bytes } from '../../src/domain/json.ts';
import { Transcript, type TranscriptItem } from '../../src/domain/transcript.ts';

const makeNote = (n: number, text = `note ${n}`): TranscriptItem => ({
  kind: 'note',
  id: `n${n}`,
  from: 'human',
  text,
});

describe('a transcript', () => {
  it('has a digest for every version, and tells an answer that the workflow never accepted', () => {
    const truth = new Transcript([makeNote(1), makeNote(2)]);
    const copy = new Transcript([makeNote(1), makeNote(2, 'another answer')]);

    expect(copy.holds(truth.at)).toBe(false);
    expect(copy.holds(new Transcript([makeNote(1)]).at)).toBe(true);
  });

  it('has the same digest whatever the order of keys', () => {
    const one = new Transcript([{ kind: 'goal', id: 'goal', text: 'x', input: { a: 1, b: 2 } }]);
    const two = new Transcript([{ id: 'goal', kind: 'goal', input: { b: 2, a: 1 }, text: 'x' }]);

    expect(one.at).toEqual(two.at);
  });

  it('INVARIANT H1: pages hold at most the bound, at least one item, and together everything once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 300 }), { maxLength: 40 }),
        fc.integer({ min: 50, max: 2_000 }),
        (texts, bound) => {
          const transcript = new Transcript(texts.map((text, index) => makeNote(index, text)));
          const seen: TranscriptItem[] = [];
          for (let from: number | undefined = 0; from !== undefined; ) {
            const page = transcript.page(from, texts.length, bound);
            expect(
              page.items.length === 1 ||
                page.items.reduce((sum, item) => sum + jsonBytes(item), 0) <= bound ||
                texts.length === 0,
            ).toBe(true);
            seen.push(...page.items);
            from = page.next;
          }
          expect(seen).toEqual(transcript.items);
        },
      ),
    );
  });

  it('grows back to the same digest after it was cut', () => {
    const transcript = new Transcript([makeNote(1), makeNote(2), makeNote(3)]);
    const { at } = transcript;

    transcript.truncate(1);
    transcript.append(makeNote(2), makeNote(3));

    expect(transcript.at).toEqual(at);
  });
});

describe('cutText', () => {
  it('never splits a character, keeps to the bound and says what is missing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 1, max: 100 }), (text, bound) => {
        const cut = cutText(text, bound);
        const [head = ''] = cut.split('\n[cut: ');
        if (cut === text) return;
        expect(utf8Bytes(head)).toBeLessThanOrEqual(bound);
        expect(head.isWellFormed() || !text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('counts bytes as the encoder does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });
});
