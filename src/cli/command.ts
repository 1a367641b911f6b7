import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { isRecord } from '../domain/json.ts';
import type { ExitCode } from './exit-code.ts';

/** What every command takes. */
export type Globals = {
  readonly config?: string;
  readonly address?: string;
  readonly namespace?: string;
  readonly json: boolean;
};

/** One call of a command: its arguments in order, its own options, and those that all have. */
export type Call<Options> = {
  readonly args: readonly (string | undefined)[];
  readonly options: Options;
  readonly globals: Globals;
};

/** Gives a command what it does; the exit code is what that returns. */
export const onCall = <Options>(command: Command, run: (call: Call<Options>) => Promise<ExitCode>): Command =>
  command.action(async () => {
    const all = command.optsWithGlobals<Partial<Globals>>();
    const globals: Globals = { ...all, json: all.json ?? false };
    process.exitCode = await run({
      args: command.processedArgs as (string | undefined)[],
      options: command.opts() as Options,
      globals,
    });
  });

/** Gives a command its examples, below the help. */
export const withExamples = (command: Command, examples: readonly string[]): Command =>
  command.addHelpText(
    'after',
    `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((each) => `  $ ${each}`).join('\n')}`,
  );

/** Parses an option that is a JSON object. */
export const jsonObject = (text: string): Record<string, unknown> => {
  const value = jsonValue(text);
  if (!isRecord(value)) throw new InvalidArgumentError('Expected a JSON object, such as \'{"path":"a.txt"}\'.');
  return value;
};

/** Parses an option that is any JSON. */
export const jsonValue = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`This is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
};

/** Parses an option that is a whole number between two bounds. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };

/** Who sits at this terminal, by the operating system: a claim, like every name in a decision. */
export const osUser = (): string => {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
};
