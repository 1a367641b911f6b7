import { ApplicationFailure } from '@temporalio/common';

/** What a refused value, or a limit of the database, looks like: the same statement will never succeed. */
const HOPELESS = /^(22|23|54)/;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Drizzle wraps what the driver threw, and prints statement and parameters into its message. */
const rootOf = (error: unknown): unknown =>
  isRecord(error) && error['name'] !== 'AggregateError' && isRecord(error['cause']) ? rootOf(error['cause']) : error;

/** SQLSTATE or errno of an error; undefined where it has none. */
const errorCode = (error: unknown): string | undefined => {
  const root = rootOf(error);
  return isRecord(root) && typeof root['code'] === 'string' ? root['code'] : undefined;
};

/** The unique constraint that refused a row; undefined when it was anything else. */
export const violatedConstraint = (error: unknown): string | undefined => {
  const root = rootOf(error);
  return isRecord(root) && root['code'] === '23505' ? String(root['constraint']) : undefined;
};

/** Messages of the driver that have no code and hold nothing secret. */
const DRIVER_MESSAGES = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Query read timeout',
  'Cannot use a pool after calling end',
  'Client has encountered a connection error',
  'Client was closed',
];

/** What happened, in words that hold neither address, user, password, statement nor values. */
const wordsFor = (error: unknown): string => {
  const code = errorCode(error);
  if (code !== undefined) return code;
  const root = rootOf(error);
  const message = isRecord(root) && typeof root['message'] === 'string' ? root['message'] : '';
  return DRIVER_MESSAGES.find((known) => message.startsWith(known)) ?? 'an error without a code';
};

/**
 * The failure for whatever went wrong between here and the database. INVARIANT: a store that does not answer makes calls
 * wait, so everything is retryable but what can never succeed. The error itself is not attached as a cause: Temporal's
 * history would show addresses and parameters.
 */
export const toStoreFailure = (error: unknown): ApplicationFailure => {
  if (error instanceof ApplicationFailure) return error;
  const code = errorCode(error);
  if (code !== undefined && HOPELESS.test(code)) {
    return ApplicationFailure.create({
      type: 'Store.Refused',
      message: `the control store refused a value (SQLSTATE ${code})`,
      nonRetryable: true,
    });
  }
  return ApplicationFailure.create({
    type: 'Store.Unavailable',
    message: `the control store did not answer (${wordsFor(error)})`,
  });
};

/** The database and this version of Holdfast do not fit together. */
export const refused = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'Store.Refused', message, nonRetryable: true });
