import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findHiddenIn, removeHidden, revealHidden } from '../../src/domain/hidden-text.ts';

describe('INVARIANT T3: hidden characters', () => {
  it.each([
    { name: 'zero-width spaces', text: 'pay\u200Bpal', clean: 'paypal' },
    { name: 'bidirectional overrides', text: 'a\u202Egnp.exe\u202C', clean: 'agnp.exe' },
    { name: 'tag characters', text: 'hi\u{E0049}\u{E0067}\u{E006E}', clean: 'hi' },
    { name: 'data in variation selectors', text: '😀\uFE00\uFE01\u{E0100}\u{E01EF}', clean: '😀' },
    { name: 'a run of emoji selectors', text: '❤\uFE0F\uFE0F\uFE0F', clean: '❤\uFE0F' },
    { name: 'a run of emoji selectors that others keep apart', text: '❤\uFE0F\u200B\uFE0F', clean: '❤\uFE0F' },
    { name: 'fillers', text: 'a\u3164b\u115Fc\u034Fd', clean: 'abcd' },
    { name: 'a surrogate pair that others keep apart', text: '\uDB40\u200B\uDC41', clean: '' },
    { name: 'colours of a terminal', text: '\u001B[31mred\u001B[0m', clean: 'red' },
    { name: 'escape characters', text: 'a\u001B]0;title\u0007b', clean: 'a]0;titleb' },
    {
      name: 'nothing of ordinary text',
      text: 'Zeile 1\n\täöü 漢字 שלום 😀 ❤\uFE0F',
      clean: 'Zeile 1\n\täöü 漢字 שלום 😀 ❤\uFE0F',
    },
  ])('are removed: $name', ({ text, clean }) => {
    expect(removeHidden(text)).toBe(clean);
  });

  it('are gone after one removal, whatever the text, and nothing else is', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\uFE0F', '\uFE0E', '\u200B', '\uD83D', '\uDE00', '\u001B[', '1m', '\u{E0041}', '\u034F'),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), (units) => {
        const clean = removeHidden(units.join(''));
        expect(findHiddenIn(clean)).toBeUndefined();
        expect(removeHidden(clean)).toBe(clean);
        expect(revealHidden(clean)).toBe(clean);
      }),
    );
  });

  it('are found in arguments that are nested as deep as their size allows', () => {
    let value: unknown = 'x\u202E';
    for (let depth = 0; depth < 30_000; depth++) value = [value];

    expect(findHiddenIn(value)?.codePoint).toBe('U+202E');
  });
});
