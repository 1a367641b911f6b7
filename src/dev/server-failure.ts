import { StackError } from './stack-error.ts';

/** What is known of a server that did not come up. */
export type ServerFailure = {
  readonly what: string;
  /** The last lines that it wrote. */
  readonly output: string;
  readonly dataDir: string | null;
};

const PORT_TAKEN = /address already in use|only one usage of each socket address/i;

/** Whether the server found one of its ports taken. */
export const isPortTaken = (output: string): boolean => PORT_TAKEN.test(output);

const DATA_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/not a database|malformed|file is encrypted/i, 'holds a database that is damaged'],
  [
    /no such (table|column)|schema|has no column/i,
    'was written by another version of the Temporal server, or half written',
  ],
  [/database is locked|SQLITE_BUSY/i, 'is in use by another Temporal server'],
  [/permission denied|read-?only|unable to open database|no such file or directory/i, 'cannot be written'],
  [/no space left|disk is full/i, 'lies on a disk that is full'],
];

const indent = (output: string): string =>
  output
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

/** The error for a server that did not come up: what is wrong with its data folder if that is it, and its last words. */
export const explainServerFailure = ({ what, output, dataDir }: ServerFailure): StackError => {
  const lastWords = output === '' ? 'It wrote nothing.' : `It wrote:\n${indent(output)}`;
  const problem = DATA_PROBLEMS.find(([pattern]) => pattern.test(output))?.[1];
  if (dataDir === null || problem === undefined) return new StackError(`The Temporal server ${what}. ${lastWords}`);
  return new StackError(
    [
      `The Temporal server ${what}: the data folder ${dataDir} ${problem}.`,
      'Move or delete that folder (its tasks go with it), choose another with --data, or run with --ephemeral.',
      lastWords,
    ].join('\n'),
  );
};
