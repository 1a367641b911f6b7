import { digestText } from '../domain/digest.ts';

/** Longer texts find no place in an index: an entry of a B-tree has at most a third of a page. */
const MAX_LENGTH = 200;

/** A text that names something, as it is kept where it is looked for by an index: a long one by its digest. */
export const indexKey = (text: string): string => (text.length <= MAX_LENGTH ? text : digestText(text));
