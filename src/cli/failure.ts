import { ConfigError } from '../config.ts';
import { StackError } from '../dev/stack-error.ts';
import { FAILURES, HoldfastError } from '../domain/failures.ts';
import { EXIT } from './exit-code.ts';
import { note, notePaint, printJson } from './terminal.ts';
import { clean } from './text.ts';

/** A failure for people and programs. `type` is stable. */
export type Failure = { readonly type: string; readonly message: string; readonly help: string };

/** Input of a command that cannot be used; `help` says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

// gRPC's status numbers, those that a person can do something about.
const GRPC_HELP: Record<number, string> = {
  4: 'The server did not answer in time; check --address and the network.',
  5: 'Check --namespace; `holdfast doctor` says what is there.',
  7: 'These credentials have no right to it; check the API key or certificate.',
  14: 'Check --address and the network, or start a server with `holdfast dev`.',
  16: 'The server wants credentials; see TEMPORAL_API_KEY and TEMPORAL_PROFILE.',
};

const EXPORT =
  'Export one with "Download" in the Temporal UI (not decoded), or `temporal workflow show -w TASK --output json`.';

const POLICY = 'docs/policy.md has the vocabulary; `holdfast policy check --schema` prints it with your tools.';

const REPORT = 'Set HOLDFAST_DEBUG=1 to see where it comes from.';

const grpcFailure = (error: Error): Failure | undefined => {
  const at = error.name === 'ServiceError' && error.cause instanceof Error ? error.cause : error;
  if (!('code' in at) || typeof at.code !== 'number' || !('details' in at)) return undefined;
  const details = typeof at.details === 'string' && at.details !== '' ? at.details : at.message;
  return { type: 'Temporal.Failed', message: details, help: GRPC_HELP[at.code] ?? REPORT };
};

/** A failure of a part that workers share with the command line, such as the control store. */
const partFailure = (error: Error): Failure | undefined => {
  if (error.name !== 'ApplicationFailure' || !('type' in error) || typeof error.type !== 'string') return undefined;
  const known = Object.entries(FAILURES).find(([type]) => type === error.type);
  return known === undefined ? undefined : { type: known[0], message: error.message, help: known[1].help };
};

/** Puts anything that was thrown into words. */
export const describeFailure = (error: unknown): Failure => {
  if (!(error instanceof Error)) return { type: 'Unexpected', message: String(error), help: REPORT };
  const { message } = error;
  if (error instanceof HoldfastError) return { type: error.type, message, help: error.help };
  if (error instanceof UsageError) return { type: 'Usage', message, help: error.help };
  if (error instanceof ConfigError)
    return { type: 'Config.Invalid', message, help: '`holdfast doctor` checks configuration and connection.' };
  if (error instanceof StackError) return { type: 'Stack.Failed', message, help: '' };
  if (error.name === 'PolicyError') return { type: 'Policy.Invalid', message, help: POLICY };
  if (error.name === 'HistoryFileError') return { type: 'History.Invalid', message, help: EXPORT };
  return partFailure(error) ?? grpcFailure(error) ?? { type: 'Unexpected', message, help: REPORT };
};

/** Says what went wrong and what to do; with `--json` also on stdout. @returns the exit code */
export const reportFailure = (error: unknown, { json }: { readonly json: boolean }): typeof EXIT.failed => {
  const failure = describeFailure(error);
  const help = failure.help === '' ? '' : `\n  ${clean(failure.help)}`;
  note(`${notePaint.red('error:')} ${clean(failure.message)}${help}`);
  if (process.env['HOLDFAST_DEBUG'] === '1' && error instanceof Error) note(clean(error.stack ?? ''));
  if (json) printJson({ error: failure });
  return EXIT.failed;
};
