import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { structuredPatch } from 'diff';
import type { Outcome, PendingDecision } from 'holdfast';
import { effectLines, usageLine } from '../../src/cli/task-lines.ts';
import type { Paint } from '../../src/cli/terminal.ts';
import { clean, oneLine } from '../../src/cli/text.ts';
import { Repair } from './agent.ts';
import type { LedgerEntry } from './ledger.ts';

/** A share as people write it: 0.052 is `5.2 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** What changes between two texts, with the lines around it. */
export const diffLines = (
  { path, before, after }: { path: string; before: string; after: string },
  paint: Paint,
): string[] => {
  const { hunks } = structuredPatch(path, path, before, after, undefined, undefined, { context: 2 });
  const colour = (line: string): string =>
    line.startsWith('+') ? paint.green(line) : line.startsWith('-') ? paint.red(line) : paint.dim(line);
  return [
    paint.bold(oneLine(path, 120)),
    ...hunks.flatMap(({ lines }) => lines.filter((line) => !line.startsWith('\\')).map((line) => colour(clean(line)))),
  ];
};

/** The files of a folder and their texts. */
export const snapshot = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(
        async (file): Promise<[string, string]> => [file.slice(folder.length + 1), await readFile(file, 'utf8')],
      ),
    ),
  );
};

/** What a person is asked: the question, or the change itself, and what else the agent considered. */
export const questionLines = async (pending: PendingDecision, root: string, paint: Paint): Promise<string[]> => {
  const { question, args, decision, tool } = pending;
  if (question !== undefined) return [paint.yellow(`? ${clean(question)}`)];
  const { path = '', content = '' } = (args ?? {}) as { readonly path?: string; readonly content?: string };
  const before = (await snapshot(root)).get(path) ?? '';
  return [
    paint.yellow(`? ${tool} needs a person's approval`),
    ...diffLines({ path, before, after: content }, paint).map((line) => `  ${line}`),
    ...(decision?.alternatives ?? []).map(
      ({ action, rejectedBecause }) =>
        `  ${paint.dim('instead of')} ${oneLine(action, 100)}: ${oneLine(rejectedBecause, 150)}`,
    ),
  ];
};

/** One effect, and how often it was really done. */
export type EffectProof = {
  readonly key: string;
  readonly tool: string;
  /** How often it was done. */
  readonly executions: number;
  /** How often the platform ran the call. */
  readonly calls: number;
};

/** Counts the ledger by key. */
export const countEffects = (ledger: readonly LedgerEntry[]): EffectProof[] =>
  [...Map.groupBy(ledger, ({ key }) => key)].map(([key, entries]) => ({
    key,
    tool: entries[0]?.tool ?? '',
    executions: entries.filter(({ event }) => event === 'applied').length,
    calls: entries.length,
  }));

/** What an ended run has to show. */
export type Ended = {
  readonly outcome: Outcome;
  readonly before: ReadonlyMap<string, string>;
  readonly after: ReadonlyMap<string, string>;
  readonly rates: { readonly before: number; readonly after: number };
};

/** How it ended: what the agent says, what changed, what the service says. */
export const resultLines = ({ outcome, before, after, rates }: Ended, paint: Paint): string[] => {
  const { status, output, reason, effects, usage } = outcome;
  const repair = Repair.safeParse(output).data;
  const changed = [...after].filter(([path, text]) => path.startsWith('config/') && before.get(path) !== text);
  const isGood = repair?.repaired === true;
  return [
    `${isGood ? paint.green('✓') : paint.yellow('!')} ${paint.bold(isGood ? 'repaired' : status === 'completed' ? 'not repaired' : status)}${reason === undefined ? '' : `: ${oneLine(reason, 400)}`}`,
    ...(repair === undefined ? [] : [`  ${oneLine(repair.note, 600)}`]),
    '',
    ...(changed.length === 0
      ? [paint.dim('No file below config/ was changed.')]
      : changed.flatMap(([path, text]) => diffLines({ path, before: before.get(path) ?? '', after: text }, paint))),
    '',
    `error rate  ${paint.red(percent(rates.before))} before, ${(rates.after < rates.before ? paint.green : paint.red)(percent(rates.after))} now, asked of the service itself`,
    ...(effects.length === 0 ? [] : ['effects', ...effectLines(effects, paint)]),
    paint.dim(usageLine(usage)),
  ];
};

/** What `--auto` has shown. */
export type Proof = {
  readonly workerKills: number;
  readonly effects: readonly EffectProof[];
  /** Requests to the model by step; null with a real model, which nobody counts here. */
  readonly modelRequests: Readonly<Record<string, number>> | null;
  readonly errorRateBefore: number;
  readonly errorRateAfter: number;
};

const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);

const askedWords = (requests: Readonly<Record<string, number>>): string => {
  const more = Object.entries(requests).filter(([, count]) => count > 1);
  return `once for each of ${Object.keys(requests).length} steps${more.length === 0 ? '' : `, but ${more.map(([step, count]) => `${count} times for step ${step}`).join(', ')}`}`;
};

/** That nothing was done twice, although workers were killed. */
export const proofLines = ({ workerKills, effects, modelRequests }: Proof, paint: Paint): string[] => [
  paint.bold('nothing was done twice'),
  `  workers killed with SIGKILL  ${workerKills}`,
  ...effects.map(
    ({ tool, key, executions, calls }) =>
      `  ${`${tool} done`.padEnd(28)} ${times(executions)}, called ${times(calls)} ${paint.dim(`with the key ${key}`)}`,
  ),
  ...(modelRequests === null ? [] : [`  model asked                  ${askedWords(modelRequests)}`]),
];
