import { Command } from 'commander';
import type { AgentClient, TaskState } from '../client.ts';
import type { EffectRecord } from '../domain/task.ts';
import type { Trace, TracedStep } from '../domain/trace.ts';
import { onCall, withExamples } from './command.ts';
import { taskPage, withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { decideLines, effectLines, outcomeLines, pendingLines, statusWord, usageLine } from './task-lines.ts';
import { paint, print, printJson } from './terminal.ts';
import { ago, briefArgs, oneLine } from './text.ts';
import { planLines } from './trace-lines.ts';

type ShownEffect = Pick<EffectRecord, 'callId' | 'tool'> & { readonly status: string; readonly key?: string };

/** What `show` says of a task; the shape of `show --json`. */
export type ShownTask = TaskState & {
  readonly outcome: Trace['outcome'];
  readonly effects: readonly ShownEffect[];
  readonly steps: readonly TracedStep[];
  readonly ui: string | null;
};

const LAST_STEPS = 5;

/** While a task runs, its effects stand in the results only. */
const effectsOf = ({ outcome, steps }: Trace): readonly ShownEffect[] =>
  outcome?.effects ??
  steps
    .flatMap(({ calls }) => calls)
    .flatMap(({ id, tool, effect, result, compensation }) =>
      effect === 'read' || result === undefined || result.status === 'rejected'
        ? []
        : [{ callId: id, tool, status: compensation?.status === 'compensated' ? 'compensated' : result.status }],
    );

/** Reads all that is known of a task. @throws HoldfastError `Task.NotFound` */
const readShown = async (
  client: AgentClient,
  taskId: string,
  ui: string | null,
): Promise<{ shown: ShownTask; trace: Trace }> => {
  const task = client.handle(taskId);
  const state = await task.status();
  const trace = await task.trace();
  return {
    trace,
    shown: { ...state, outcome: trace.outcome, effects: effectsOf(trace), steps: trace.steps.slice(-LAST_STEPS), ui },
  };
};

const stepLine = ({ n, calls, text }: TracedStep): string => {
  const made = calls.map(({ tool, args, result, verdict }) => {
    const how = result?.status ?? (verdict.outcome === 'ask' ? 'waiting' : 'running');
    return `${oneLine(tool, 60)}(${briefArgs(args, 60)}) ${statusWord(how, paint)}`;
  });
  return `  ${String(n).padStart(3)}  ${made.length > 0 ? made.join('; ') : oneLine(text, 120)}`;
};

const activityLines = ({ activity }: ShownTask): string[] => {
  if (activity === null) return [];
  const { type, attempt, lastFailure } = activity;
  const failed = lastFailure === null ? [] : [`  ${paint.red('failed before')}: ${oneLine(lastFailure, 300)}`];
  return [`under way: ${oneLine(type, 40)}, attempt ${attempt}`, ...failed];
};

const shownLines = ({ shown, trace }: { shown: ShownTask; trace: Trace }): string[] => {
  const { taskId, status, agent, goal, principal, tenant, startedAt, closedAt, pending, effects, ui, outcome } = shown;
  const of = [agent, principal === null ? null : `for ${principal}${tenant === null ? '' : ` (${tenant})`}`].filter(
    (part) => part !== null,
  );
  return [
    `${paint.bold(oneLine(taskId, 200))}  ${statusWord(status, paint)}  ${paint.dim(of.map((part) => oneLine(part, 100)).join(' · '))}`,
    oneLine(goal ?? '', 300),
    paint.dim(
      `started ${ago(startedAt)}${closedAt === null ? '' : `, ended ${ago(closedAt)}`}${ui === null ? '' : ` · ${ui}`}`,
    ),
    ...pending.flatMap((each) => ['', ...pendingLines(each, paint), ...decideLines(each, paint, null)]),
    ...activityLines(shown),
    ...(shown.steps.length === 0
      ? []
      : ['', `last steps (all: holdfast trace ${oneLine(taskId, 200)})`, ...shown.steps.map(stepLine)]),
    ...(effects.length === 0 || outcome !== null ? [] : ['', 'effects so far', ...effectLines(effects, paint)]),
    '',
    ...planLines(trace.plan, paint),
    ...(outcome === null ? [paint.dim(usageLine(trace.usage))] : outcomeLines(outcome, paint)),
  ];
};

/** `holdfast show TASK`: one task. */
export const showCommand = (): Command => {
  const command = new Command('show')
    .summary('show one task')
    .description(
      'Shows one task: its state, what waits for a person and how to decide it, what is under way, effects, last steps.',
    )
    .argument('<task>', 'task id');
  withExamples(command, ['holdfast show refund-17']);
  return onCall(command, async ({ args: [taskId = ''], globals }) => {
    const read = await withClient(
      globals,
      async (client) => await readShown(client, taskId, taskPage(globals, taskId)),
    );
    if (globals.json) printJson(read.shown);
    else for (const line of shownLines(read)) print(line);
    return EXIT.done;
  });
};
