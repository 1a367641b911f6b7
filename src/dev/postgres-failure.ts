import { StackError } from './stack-error.ts';

/** What is known of a PostgreSQL that did not come up. */
export type PostgresFailure = {
  /** Continues a sentence: `ended with exit code 1`. */
  readonly what: string;
  /** The last lines that it wrote. */
  readonly output: string;
  /** Where its data is; null where nobody chose the place. */
  readonly folder: string | null;
};

const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/initialized by PostgreSQL version|incompatible with server/i, 'was written by another version of PostgreSQL'],
  [/lock file .* already exists|shared memory block .* still in use/i, 'is in use by another PostgreSQL'],
  [
    /permission denied|wrong ownership|has group or world access/i,
    'cannot be used by the user that PostgreSQL runs as',
  ],
  [/no space left/i, 'lies on a disk that is full'],
  [/could not (open|read|locate|access)|invalid (checkpoint|page|data|contents)|corrupt/i, 'is damaged'],
];

/** Whether PostgreSQL found its port taken. */
export const isStorePortTaken = (output: string): boolean => /could not bind .*|could not create any TCP/i.test(output);

/** Whether children of a server that was killed hold its memory still; they notice its end within a moment. */
export const isStillHeld = (output: string): boolean => /shared memory block .* still in use/i.test(output);

const indent = (output: string): string => output.replaceAll(/^/gm, '  ');

/** The error for a PostgreSQL that did not come up: what is wrong with its folder if that is it, and its last words. */
export const explainPostgresFailure = ({ what, output, folder }: PostgresFailure): StackError => {
  const lastWords = output === '' ? 'It wrote nothing.' : `It wrote:\n${indent(output)}`;
  const problem = PROBLEMS.find(([pattern]) => pattern.test(output))?.[1];
  if (folder === null || problem === undefined)
    return new StackError(`The control store (PostgreSQL) ${what}. ${lastWords}`);
  return new StackError(
    [
      `The control store (PostgreSQL) ${what}: the folder ${folder} ${problem}.`,
      'Move or delete that folder (ledger and audit go with it), choose another with --data, or run with --ephemeral.',
      lastWords,
    ].join('\n'),
  );
};
