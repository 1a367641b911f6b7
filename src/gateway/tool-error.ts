/** Whether a tool's failure may pass by itself. */
export type ToolErrorKind =
  /** Another attempt may succeed. */
  | 'transient'
  /** The same input will fail again. */
  | 'permanent'
  /** The system behind it asks for a pause. */
  | 'rate_limited';

/** What a tool knows about its own failure. */
export type ToolErrorOptions = {
  readonly kind: ToolErrorKind;
  /** When another attempt is welcome, milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
  /**
   * True: the tool is sure that its effect did not happen, so the call is `failed` and not `unknown` (INVARIANT E3).
   * False: it may have happened, whatever the cause looks like. Left out: the cause is judged, as any other error is.
   */
  readonly nothingHappened?: boolean | undefined;
  readonly cause?: unknown;
};

/** Known by its mark and not by its class: a configuration may load another copy of the package. */
const MARK = Symbol.for('holdfast.ToolError');

/**
 * A failure that a tool explains. Without it the gateway goes by HTTP status and error codes, and takes an effect that may
 * have happened for unknown.
 * @example throw new ToolError('the card was declined', { kind: 'permanent', nothingHappened: true })
 */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly [MARK] = true;
  readonly kind: ToolErrorKind;
  readonly retryAfterMs: number | undefined;
  readonly nothingHappened: boolean | undefined;
  constructor(message: string, options: ToolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind;
    this.retryAfterMs = options.retryAfterMs;
    this.nothingHappened = options.nothingHappened;
  }
}

/** The key under which a `ToolError` of any copy of the package says what it is. */
export const TOOL_ERROR_MARK: symbol = MARK;
