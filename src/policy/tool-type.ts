import { PolicyError } from './policy-error.ts';

// Words that Cedar keeps to itself, and the entity types of the vocabulary: a type of the same name in a namespace would hide them.
const TAKEN = new Set(
  'true false if then else in is like has __cedar __proto__ User Role Agent Toolset Action'.split(' '),
);

const escapeBytes = (text: string): string =>
  Array.from(Buffer.from(text, 'utf8'), (byte) => `_x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** A byte that no text starts with: what stands for the empty segment in `a..b`. */
const EMPTY = '_x80';

const LOOKS_ESCAPED = /_(?=x[0-9A-F]{2})/g;

/** One segment of a tool's name as a Cedar identifier. */
const identifier = (segment: string): string => {
  if (segment === '') return EMPTY;
  if (TAKEN.has(segment)) return `${escapeBytes(segment.slice(0, 1))}${segment.slice(1)}`;
  const escaped = segment.replaceAll(LOOKS_ESCAPED, '_x5F').replaceAll(/[^A-Za-z0-9_]+/g, escapeBytes);
  return /^[0-9]/.test(escaped) ? `${escapeBytes(escaped.slice(0, 1))}${escaped.slice(1)}` : escaped;
};

/**
 * The entity type of a tool: `orders.find` is `Tool::orders::find`. Dots separate namespaces; letters, digits and `_` stay;
 * every other character, a digit at the start and the first letter of a reserved word become `_x` and two hexadecimal
 * digits for each of its bytes: `send-mail` is `Tool::send_x2Dmail`, `if` is `Tool::_x69f`. No two names share a type.
 */
export const toolType = (name: string): string => ['Tool', ...name.split('.').map(identifier)].join('::');

/** The sets a tool is in, by the dots of its name: `files.text.read` is in `files.text` and `files`. */
export const toolsetsOf = (name: string): readonly string[] => {
  const segments = name.split('.');
  return segments.slice(1).map((_, index) => segments.slice(0, segments.length - 1 - index).join('.'));
};

/** Makes sure that a type means one tool. @throws PolicyError naming both */
export const assertDistinct = (names: Iterable<string>): void => {
  const seen = new Map<string, string>();
  for (const name of names) {
    const type = toolType(name);
    const other = seen.get(type);
    if (other !== undefined && other !== name) {
      throw new PolicyError(
        `the tools ${JSON.stringify(other)} and ${JSON.stringify(name)} are both ${type}; rename one`,
      );
    }
    seen.set(type, name);
  }
};
