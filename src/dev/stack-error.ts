/** One thing that was tried, and why it did not work. */
export type Attempt = { readonly what: string; readonly reason: string };

/**
 * Why the local stack cannot run, in words for the person at the terminal: what happened, with which value, what to do.
 * `attempts` lists everything that was tried, in order; the message holds them too.
 */
export class StackError extends Error {
  readonly attempts: readonly Attempt[];

  constructor(message: string, options: { attempts?: readonly Attempt[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StackError';
    this.attempts = options.attempts ?? [];
  }
}

/** The message of anything that was thrown. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  return cause === '' || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
};

/** The code of a Node system error (`ENOENT`, …), if it is one. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
