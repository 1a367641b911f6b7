import type { Tool } from '../tools/tool.ts';
import { type Evidence, evidenceOf } from './error-evidence.ts';
import { describeParts, type ErrorPart, partsOf, readProperty, readText } from './error-reading.ts';
import { toDelayMs } from './retry-after.ts';
import { TOOL_ERROR_MARK, type ToolErrorKind } from './tool-error.ts';

export { retryDelayMs } from './retry-after.ts';

/** How a failed attempt is to be taken. */
export type Classified = {
  readonly kind: ToolErrorKind;
  /** When the other side welcomes another attempt, milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
  /** INVARIANT E3: true unless it is proven that nothing happened. Never true of a read. */
  readonly mayHaveHappened: boolean;
  /** Of at most 2,000 characters; a tool's words, so untrusted. */
  readonly message: string;
};

const KINDS: ReadonlySet<unknown> = new Set<ToolErrorKind>(['transient', 'permanent', 'rate_limited']);

/** What the tool's author says. Another copy of the package may be of another version: everything is checked. */
const explained = (error: unknown): (Evidence & { readonly nothingHappened: unknown }) | undefined => {
  const kind = readProperty(error, 'kind');
  if (readProperty(error, TOOL_ERROR_MARK) !== true || !KINDS.has(kind)) return undefined;
  return {
    kind: kind as ToolErrorKind,
    retryAfterMs: toDelayMs(readProperty(error, 'retryAfterMs')),
    nothingHappened: readProperty(error, 'nothingHappened'),
  };
};

/** A part of what was thrown, and what it shows. */
type Weighed = Evidence & { readonly isExplained: boolean };

const weigh = ({ error, isOneOfMany }: ErrorPart): Weighed => {
  const shown = evidenceOf(error);
  const told = explained(error);
  const isOpen = told?.nothingHappened === false || (isOneOfMany && shown.proof === undefined);
  return {
    isExplained: told !== undefined,
    kind: told?.kind ?? shown.kind,
    proof: isOpen ? 'open' : shown.proof,
    retryAfterMs: told?.retryAfterMs ?? shown.retryAfterMs,
  };
};

/** INVARIANT E3: every part that says something says that nothing happened, and at least one does. */
const isProven = (weighed: readonly Weighed[]): boolean =>
  weighed.some(({ proof }) => proof !== undefined) && !weighed.some(({ proof }) => proof === 'open');

/** Errors of the language and of libraries come from anywhere: a reply that could not be parsed is one. */
const NOT_OWN =
  /^(TypeError|RangeError|ReferenceError|SyntaxError|EvalError|URIError|AggregateError|AssertionError|\$?ZodError|DOMException)$/;

/**
 * Whether an error is a tool's own word that it failed: made by the tool itself, without a code and with nothing of a
 * request in it or its causes. A tool that cannot know throws a `ToolError` with `nothingHappened: false`.
 */
const isOwnWord = (parts: readonly ErrorPart[], weighed: readonly Weighed[]): boolean =>
  parts.length > 0 &&
  weighed.every(
    ({ proof, kind, isExplained }) =>
      proof === undefined && (kind === undefined || (isExplained && kind === 'permanent')),
  ) &&
  parts.every(({ error }) => {
    const name = typeof error === 'object' ? readText(error, 'name') : undefined;
    return readProperty(error, 'code') === undefined && typeof name === 'string' && name !== '' && !NOT_OWN.test(name);
  });

const mayHaveHappened = (error: unknown, { parts, weighed, isWhole, isAborted }: Found): boolean => {
  // What was thrown knows how it ended; behind another error it is only one of several attempts.
  if (explained(error)?.nothingHappened === true) return false;
  if (!isAborted && isWhole && isOwnWord(parts, weighed)) return false;
  return isAborted || !isWhole || !isProven(weighed);
};

type Found = {
  readonly parts: readonly ErrorPart[];
  readonly weighed: readonly Weighed[];
  readonly isWhole: boolean;
  readonly isAborted: boolean;
};

/** A tool's own word first, then that its time was up, then the outermost error that has a kind. */
const kindOf = ({ weighed, isAborted }: Found): Evidence => {
  const told = weighed.find(({ isExplained }) => isExplained);
  const shown = weighed.find(({ kind }) => kind !== undefined) ?? {};
  return told ?? (isAborted ? { ...shown, kind: 'transient' } : shown);
};

/**
 * Sorts what a tool threw: whether another attempt can help, when, and whether the effect may have happened. Never throws,
 * whatever it is given. A tool's own `ToolError` comes first, then status and codes of the error and its causes, outermost
 * first.
 */
export const classify = (
  tool: Pick<Tool, 'effect' | 'idempotent'>,
  error: unknown,
  { isAborted }: { readonly isAborted: boolean },
): Classified => {
  const { parts, isWhole } = partsOf(error);
  const found: Found = { parts, weighed: parts.map(weigh), isWhole, isAborted };
  const { kind = 'permanent', retryAfterMs } = kindOf(found);
  return {
    kind,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    mayHaveHappened: tool.effect !== 'read' && mayHaveHappened(error, found),
    message: describeParts(parts),
  };
};
