import { readFile } from 'node:fs/promises';
import { text as readText } from 'node:stream/consumers';
import { parse as parseYaml } from 'yaml';
import { isRecord } from '../domain/json.ts';
import type { TaskSpec } from '../domain/task.ts';
import { osUser } from './command.ts';
import { UsageError } from './failure.ts';
import { firstReason, shellWord } from './text.ts';

/** What `run` was given on its command line. */
export type RunInput = {
  readonly agent: string | undefined;
  readonly goal: string | undefined;
  readonly spec?: string;
  readonly input?: unknown;
};

const HOW = "Write `holdfast run AGENT 'GOAL'`, or `holdfast run --spec FILE` (- for stdin).";

const nameOf = (source: string): string => (source === '-' ? 'on stdin' : source);

const readSource = async (source: string): Promise<string> => {
  if (source === '-') return await readText(process.stdin);
  try {
    return await readFile(source, 'utf8');
  } catch (error) {
    throw new UsageError(`the specification ${source} cannot be read: ${firstReason(error)}`, HOW);
  }
};

const readFileSpec = async (source: string): Promise<Record<string, unknown>> => {
  const written = await readSource(source);
  let value: unknown;
  try {
    // JSON is YAML, so one parser reads both.
    value = parseYaml(written);
  } catch (error) {
    throw new UsageError(`the specification ${nameOf(source)} is neither JSON nor YAML: ${firstReason(error)}`, HOW);
  }
  if (!isRecord(value))
    throw new UsageError(
      `the specification ${nameOf(source)} is not an object.`,
      '`holdfast schema task-spec` prints its schema.',
    );
  return value;
};

/**
 * The specification that a command line means; the principal is the operating system's user where none is given. Its
 * fields are checked when the task is started.
 * @throws UsageError
 */
export const readSpec = async ({ agent, goal, spec, input }: RunInput): Promise<TaskSpec> => {
  if (spec !== undefined && agent !== undefined)
    throw new UsageError('--spec and AGENT GOAL cannot stand together.', HOW);
  if (spec === undefined && (agent === undefined || goal === undefined)) {
    throw new UsageError(
      agent === undefined ? 'which agent, and what for?' : `what is ${JSON.stringify(agent)} to do? GOAL is missing.`,
      HOW,
    );
  }
  const written = spec === undefined ? { agent, goal } : await readFileSpec(spec);
  return { principal: { id: osUser() }, ...written, ...(input === undefined ? {} : { input }) } as unknown as TaskSpec;
};

/** The command that comes back to a task; null where the specification came by stdin and is gone. */
export const comeBackCommand = ({ agent, goal, spec, input }: RunInput, taskId: string): string | null => {
  if (spec === '-') return null;
  const what = spec === undefined ? `${shellWord(agent ?? '')} ${shellWord(goal ?? '')}` : `--spec ${shellWord(spec)}`;
  const data = input === undefined ? '' : ` --input ${shellWord(JSON.stringify(input))}`;
  return `holdfast run ${what}${data} --id ${shellWord(taskId)}`;
};
