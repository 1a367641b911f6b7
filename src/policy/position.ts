import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';

/** A place in a text, both from 1. */
export type Position = { readonly line: number; readonly column: number };

/** Line and column of a byte of a text in UTF-8; columns count characters. */
export const positionAt = (text: string, byte: number): Position => {
  const before = Buffer.from(text, 'utf8').subarray(0, byte).toString('utf8');
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: Array.from(before.slice(lineStart)).length + 1 };
};

const firstByte = ({ sourceLocations = [] }: DetailedError): number => sourceLocations[0]?.start ?? 0;

/** Findings in the order of the text. */
export const byPosition = (one: DetailedError, other: DetailedError): number => firstByte(one) - firstByte(other);

/** A finding on one line: `policies/a.cedar:3:8: what is wrong (what may help)`. */
export const describeFinding = (source: string, text: string, error: DetailedError): string => {
  const { line, column } = positionAt(text, firstByte(error));
  const label = error.sourceLocations?.[0]?.label;
  const hints = [error.help, label].filter((hint) => typeof hint === 'string' && hint !== '');
  const what = error.message
    .replace(/^for policy `policy\d+`, /, '')
    .replace(/^failed to parse policies from string: /, '');
  return `${source}:${line}:${column}: ${what}${hints.length > 0 ? ` (${hints.join('; ')})` : ''}`.replaceAll(
    /\s+/g,
    ' ',
  );
};
