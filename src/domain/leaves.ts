/** A value in which nothing else is, and its JSON pointer. */
export type Leaf = { readonly pointer: string; readonly value: string | number | boolean | null };

/** A key as a part of a JSON pointer. */
export const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** A key that no schema would name: an address, a sentence. It is a value in the place of a key. */
const isValueLike = (key: string): boolean => !/^[A-Za-z_$][\w$-]{0,63}$/.test(key) && !/^\d{1,2}$/.test(key);

const isLeaf = (value: unknown): value is Leaf['value'] =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

type Open = { readonly value: unknown; readonly pointer: string };

const inner = ({ value, pointer }: Open): Open[] => {
  if (Array.isArray(value)) return value.map((each, index) => ({ value: each, pointer: `${pointer}/${index}` }));
  const entries = Object.entries(value as Record<string, unknown>);
  return entries.flatMap(([key, each]) => {
    const below = { value: each, pointer: `${pointer}/${escapeKey(key)}` };
    return isValueLike(key) ? [{ value: key, pointer: below.pointer }, below] : [below];
  });
};

/**
 * The leaves of arguments in their order. Keys that no schema would name count as leaves too, under the pointer of what they
 * lead to. Not recursive: arguments may be nested as deep as their size allows.
 */
export const leavesOf = (args: unknown): Leaf[] => {
  const leaves: Leaf[] = [];
  const open: Open[] = [{ value: args, pointer: '' }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (isLeaf(at.value)) leaves.push({ pointer: at.pointer, value: at.value });
    else if (typeof at.value === 'object' && at.value !== null) open.push(...inner(at).toReversed());
  }
  return leaves;
};

/** The texts of any JSON, numbers and keys included, one a line. */
export const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const texts: string[] = [];
  const open: unknown[] = [value];
  while (open.length > 0) {
    const at = open.pop();
    if (typeof at === 'string') texts.push(at);
    else if (typeof at !== 'object' || at === null) texts.push(JSON.stringify(at) ?? '');
    else if (Array.isArray(at)) for (let index = at.length - 1; index >= 0; index--) open.push(at[index]);
    else for (const [key, each] of Object.entries(at).toReversed()) open.push(each, key);
  }
  return texts.join('\n');
};
