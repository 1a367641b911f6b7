/**
 * Every failure type that Holdfast raises: whether a retry can help, and what the reader should do.
 * Retry policies, messages and the table in `docs/failures.md` are made from this one list.
 */
export const FAILURES = {
  'Spec.Invalid': { retryable: false, help: 'Correct the named field; `holdfast schema task-spec` prints the schema.' },
  'Spec.TooLarge': { retryable: false, help: 'Put large input where a tool can read it and pass its name.' },
  'Principal.Refused': {
    retryable: false,
    help: 'The host does not know this principal, or not with these roles or this tenant; ask who runs the workers.',
  },
  'Signer.Unavailable': {
    retryable: true,
    help: 'The keys of a signer cannot be fetched; check its `jwks` address from where the workers run.',
  },
  'Agent.Unknown': { retryable: false, help: 'Use one of the named agents, or deploy a worker that has this one.' },
  'Agent.TooLarge': { retryable: false, help: 'Give the agent fewer tools, or shorter descriptions.' },
  'Task.Conflict': { retryable: false, help: 'Use another task id, or start it with the same specification.' },
  'Task.NotFound': { retryable: false, help: 'Check the id with `holdfast list`, and the namespace.' },
  'Task.Running': { retryable: false, help: '`holdfast cancel TASK` ends it; it then undoes what it did by itself.' },
  'Worker.NotReady': {
    retryable: true,
    help: 'Start a worker (`holdfast worker` or `holdfast dev`); `holdfast doctor` says what is missing.',
  },
  'Model.RateLimited': { retryable: true, help: 'Wait, or raise the provider’s quota.' },
  'Model.Unavailable': { retryable: true, help: 'Check the provider’s status.' },
  'Model.Unreachable': { retryable: true, help: 'Check `baseURL` and the network of the worker.' },
  'Model.Timeout': { retryable: true, help: 'Raise the model’s `timeout` if answers really take that long.' },
  'Model.BadResponse': {
    retryable: true,
    help: 'The server did not answer in the API’s format; check `baseURL` and `api`.',
  },
  'Model.BadRequest': { retryable: false, help: 'The provider refused the request; its message says why.' },
  'Model.Unauthorized': { retryable: false, help: 'Set the API key that `apiKey.env` names, on the worker.' },
  'Model.Forbidden': { retryable: false, help: 'The key has no right to this model.' },
  'Model.NotFound': { retryable: false, help: 'Check the model’s name and `baseURL`.' },
  'Model.ContextOverflow': { retryable: false, help: 'Use a model with a larger window, or smaller steps.' },
  'Model.Refused': { retryable: false, help: 'The provider’s content filter refused; change the goal or the input.' },
  'Model.ResponseTooLarge': { retryable: false, help: 'Lower `limits.tokensPerTurn`.' },
  'Model.Busy': { retryable: true, help: 'All slots of this model are in use; raise `maxConcurrent` or wait.' },
  'Transcript.DigestMismatch': { retryable: false, help: 'History and worker disagree; run `holdfast replay TASK`.' },
  'Store.Unavailable': {
    retryable: true,
    help: 'Calls wait until the control store answers again; check `store.url` and the database.',
  },
  'Store.Refused': {
    retryable: false,
    help: 'The control store does not fit this version or this value; see docs/store.md.',
  },
  'Ledger.KeyConflict': { retryable: false, help: 'Other arguments came under a key that was used; report this.' },
  'Effect.Busy': { retryable: true, help: 'Another attempt of this effect may still run; it is waited for.' },
  'Policy.Behind': { retryable: true, help: 'Workers with newer policies are up; deploy this one again.' },
  'Artifact.TooLarge': { retryable: false, help: 'Let the tool return less, or a reference.' },
  'Tool.Failed': { retryable: true, help: 'The tool’s own error; see the message.' },
  'Grants.NotMinimal': {
    retryable: false,
    help: 'The model named no grants that can be used; name them in the specification, or use a stronger model.',
  },
  'Output.Invalid': {
    retryable: false,
    help: 'The model could not meet the output schema; simplify it or use a stronger model.',
  },
  'Page.Unknown': {
    retryable: false,
    help: 'Leave the token out for the first page; each page names the token of the next one.',
  },
  'Decision.Refused': {
    retryable: false,
    help: 'Nothing was decided by it; the message says why. `holdfast inbox` shows what waits now.',
  },
} as const satisfies Record<string, { readonly retryable: boolean; readonly help: string }>;

/** A failure type, `Area.Reason`. */
export type FailureType = keyof typeof FAILURES;

/** The failure types that no retry can help, for retry policies. */
export const NON_RETRYABLE: readonly FailureType[] = (Object.keys(FAILURES) as FailureType[]).filter(
  (type) => !FAILURES[type].retryable,
);

/** Tells whether a text is one of the listed failure types. */
export const isFailureType = (type: unknown): type is FailureType => typeof type === 'string' && type in FAILURES;

/** The one form of a reason for people: type, what happened, what to do. */
export const explain = (type: FailureType, message: string): string =>
  `${type}: ${message}${/[.!?…]$/u.test(message) ? '' : '.'} ${FAILURES[type].help}`;

/**
 * An error with one of the listed types, outside of workflows and activities (those raise Temporal's `ApplicationFailure`
 * with the same types). `message` says what happened; `help` what to do.
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly type: FailureType;
  readonly help: string;
  constructor(type: FailureType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.type = type;
    this.help = FAILURES[type].help;
  }
}
