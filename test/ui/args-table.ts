import { utf8Bytes } from '../../src/domain/json.ts';

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'", '#34': '"' };

/** A text as a browser shows it, with hidden characters back from how a page makes them visible. */
const read = (html: string): string => {
  const text = html.replace(/&(\w+|#\d+);/g, (all: string, name: string) => ENTITIES[name] ?? all);
  return hidden(text);
};

const hidden = (text: string): string =>
  text.replace(/⟨U\+([0-9A-F]{4,6})⟩/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));

/** What is in a cell that holds one code span and nothing else; of any other cell, what is in it. */
const codeOf = (cell: string): string => read(/^<code>([^<]*)<\/code>\W*$/.exec(cell)?.[1] ?? cell.trimEnd());

/** A row of the table of arguments, as a browser gets it. */
type ReadRow = { readonly name: string; readonly value: string; readonly isUntrusted: boolean };

/** The rows of the first table of arguments of a page. Cells that are too many are read with the last one. */
export const rowsOf = (html: string): readonly ReadRow[] => {
  const table = /<table>\s*<thead>\s*<tr>\s*<th[^>]*>Argument\s*<[\s\S]*?<\/table>/.exec(html)?.[0] ?? '';
  return [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].slice(1).map(([, row = '']) => {
    const [name = '', value = '', ...from] = [...row.matchAll(/<td[^>]*>([\s\S]*?)<\/td>/g)].map(
      ([, cell = '']) => cell,
    );
    const isUntrusted = from.join('').startsWith('<strong>text that an outsider may have written</strong>');
    return { name: codeOf(name), value: codeOf(value), isUntrusted: isUntrusted && from.length === 1 };
  });
};

/** What a row has to say. */
type Wanted = { readonly json: string; readonly bytes: number; readonly pointers: readonly string[] };

/** The values of arguments, by the names that rows may have: `to`, `to.iban`, `items[0]`. */
export const leavesOf = (value: unknown, path = '', pointer = ''): ReadonlyMap<string, Wanted> => {
  const json = JSON.stringify(value);
  const isNest = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  const inner = isNest
    ? Object.entries(value).flatMap(([key, each]) => {
        const name = Array.isArray(value) ? `${path}[${key}]` : `${path === '' ? '' : `${path}.`}${quoted(key)}`;
        return [...leavesOf(each, name, `${pointer}/${key}`)];
      })
    : [];
  const pointers = isNest ? [...new Set(inner.flatMap(([, row]) => row.pointers))] : [pointer];
  const bytes = utf8Bytes(typeof value === 'string' ? value : json);
  return new Map([[path, { json: hidden(json), bytes, pointers }], ...inner]);
};

const quoted = (key: string): string => (/^[\w$-]+$/.test(key) ? key : hidden(JSON.stringify(key)));
