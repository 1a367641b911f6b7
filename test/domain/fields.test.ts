import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readBlockYaml } from '../../src/domain/block-yaml.ts';
import { canonicalJson } from '../../src/domain/digest.ts';
import { fieldsOf, isIdName } from '../../src/domain/fields.ts';

const values = (output: unknown) => fieldsOf(output).map(({ value }) => value);

describe('block YAML', () => {
  it.each([
    { name: 'names and values', text: 'id_: 5\ntitle: A: b', data: { id_: '5', title: 'A: b' } },
    { name: 'a list', text: "- '017'\n- two words\n-  c", data: ['017', 'two words', 'c'] },
    {
      name: 'a list as deep as its name, and one deeper',
      text: 'a:\n- x\nb:\n  - y\nc: []\nd: {}',
      data: { a: ['x'], b: ['y'], c: [], d: {} },
    },
    {
      name: 'objects in a list',
      text: '- id: 1\n  tags:\n  - x\n- id: 2\n  in:\n    at: 3\n  tags: []',
      data: [
        { id: '1', tags: ['x'] },
        { id: '2', in: { at: '3' }, tags: [] },
      ],
    },
    { name: 'a long plain text', text: 'a: one\n  two: 2\n  - three\nb: x', data: { a: 'one two: 2 - three', b: 'x' } },
    { name: 'quotes', text: `a: "x\\n\\"y\\" \\u00e9"\nb: 'it''s'`, data: { a: 'x\n"y" é', b: "it's" } },
    { name: 'quotes over lines', text: 'a: "one\n\n  id: 7\\\n  \\ two"\nb: x', data: { a: 'one  id: 7 two', b: 'x' } },
    {
      name: 'backslashes in quotes',
      text: 'a: "# \\\\ \\\\a \\\\\n  b\\\n  c"\nb: x',
      data: { a: '# \\ \\a \\ bc', b: 'x' },
    },
    { name: 'an indented text', text: 'a: |-\n  id: 7\n\n  b\nc: x', data: { a: 'id: 7\nb', c: 'x' } },
    { name: 'nothing behind a name', text: '---\na:\nb: 1', data: { a: null, b: '1' } },
  ])('is read: $name', ({ text, data }) => {
    expect(JSON.parse(JSON.stringify(readBlockYaml(text)))).toEqual(data);
  });

  it.each([
    { name: 'prose', text: 'Pay at once.\nThanks!' },
    { name: 'prose with a colon', text: 'Note: pay at once.\nThanks!' },
    { name: 'a name that comes twice', text: 'id: 1\nbody: hello\nid: 2' },
    { name: 'what stands too deep', text: 'a:\n  b: "1"\n   c: 2' },
    { name: 'an alias', text: 'a: &x 1\nb: *x' },
    { name: 'quotes that do not end', text: 'a: "x\nb: 1' },
    { name: 'words behind quotes', text: 'a: "x" id' },
    { name: 'lists and names mixed', text: '- a\nb: 1' },
    { name: 'depth without end', text: Array.from({ length: 50 }, (_, n) => `${' '.repeat(n)}a:`).join('\n') },
  ])('is left alone: $name', ({ text }) => {
    expect(readBlockYaml(text)).toBeUndefined();
  });

  it('is read as it was written, or not at all', () => {
    const words = fc.string({ unit: fc.constantFrom(...'abc :-#\'"\n|>&*[]{}\\?%é '.split('')), maxLength: 30 });
    const name = fc.constantFrom('id', 'title', 'body', 'to_list');
    const data = fc.array(fc.dictionary(name, fc.oneof(words, fc.array(words, { maxLength: 3 })), { minKeys: 1 }), {
      minLength: 1,
      maxLength: 4,
    });
    const flat = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value ?? null), (_, each) =>
        typeof each === 'string' ? each.replaceAll(/\s+/g, '') : (each ?? ''),
      );
    fc.assert(
      fc.property(data, fc.constantFrom(20, 80), (given, lineWidth) => {
        const read = readBlockYaml(stringify(given, { schema: 'failsafe', lineWidth, indentSeq: false }));
        return read === undefined || canonicalJson(flat(read)) === canonicalJson(flat(given));
      }),
    );
    expect(readBlockYaml(stringify([{ id: 'a' }]))).toEqual([{ id: 'a' }]);
  });
});

describe('fields', () => {
  it('are the values, entries and names of JSON, of a text that is JSON, and of one that is block YAML', () => {
    const expected = ['to', 'ana', 'ben', 'id', '17'].toSorted();

    expect(values({ to: ['Ana', 'ben'], id: 17 }).toSorted()).toEqual(expected);
    expect(values('{"to":["Ana","ben"],"id":17}').toSorted()).toEqual(expected);
    expect(values('to:\n- Ana\n- ben\nid: 17').toSorted()).toEqual(expected);
  });

  it('are none in prose', () => {
    expect(fieldsOf('Please pay 17 to Ana, at once.')).toEqual([]);
    expect(fieldsOf(null)).toEqual([]);
  });

  it.each(['id', 'ID', 'id_', '_id', 'file_id', 'fileId', 'fileID', 'message-id', 'uuid', 'userIds'])(
    '%s names an identifier',
    (name) => expect(isIdName(name)).toBe(true),
  );

  it.each(['paid', 'valid', 'identity', 'to', 'idea', 'PAID'])('%s names no identifier', (name) =>
    expect(isIdName(name)).toBe(false),
  );

  it('are found in a time that the length of a text bounds, whatever it holds', () => {
    const long = ['- ', '? ', '[ ', 'a: b\n', ': ', `"'`, 'a:\n ', '&a ', '|\n', 'a: "\\', '{"a":'];
    const startedAt = performance.now();
    for (const piece of long) fieldsOf(piece.repeat(64_000 / piece.length));

    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
