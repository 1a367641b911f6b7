import { Command } from 'commander';
import type { AgentClient, TaskState } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { HoldfastError } from '../domain/failures.ts';
import { compensationId, type EffectRecord } from '../domain/task.ts';
import type { Trace, TracedStep } from '../domain/trace.ts';
import { callState } from './call-state.ts';
import { onCall, withExamples } from './command.ts';
import { taskPage, withClient } from './connect.ts';
import { decideLines } from './decide-lines.ts';
import { EXIT } from './exit-code.ts';
import { humanText } from './human-text.ts';
import { latelyLines, latelyOf } from './lately-lines.ts';
import { pendingLines } from './pending-lines.ts';
import { standingLines } from './standing-lines.ts';
import { effectLines, outcomeLines, statusWord, usageLine } from './task-lines.ts';
import { paint, print, printJson } from './terminal.ts';
import { ago, briefArgs, oneLine, shellWord, whenText } from './text.ts';
import { planLines } from './trace-lines.ts';

type ShownEffect = Pick<EffectRecord, 'callId' | 'tool'> & { readonly status: string; readonly key?: string };

/** What `show` says of a task; the shape of `show --json`. */
export type ShownTask = TaskState & {
  readonly outcome: Trace['outcome'];
  readonly effects: readonly ShownEffect[];
  readonly steps: readonly TracedStep[];
  /** The last ones that say why it stands as it does. */
  readonly events: Trace['events'];
  readonly ui: string | null;
  readonly standing: Trace['standing'];
  /** What undoing it by `holdfast compensate` came to; null where nobody did that. */
  readonly undoing: Pick<TaskState, 'taskId' | 'status'> | null;
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

/** A task that was ended from outside undoes nothing itself; somebody may have done it after it. */
const readUndoing = async (client: AgentClient, { taskId, closedAt }: TaskState): Promise<ShownTask['undoing']> => {
  if (closedAt === null) return null;
  try {
    const { taskId: id, status } = await client.handle(compensationId(taskId)).status();
    return { taskId: id, status };
  } catch (error) {
    if (error instanceof HoldfastError && error.type === 'Task.NotFound') return null;
    throw error;
  }
};

/** Reads all that is known of a task. @throws HoldfastError `Task.NotFound` */
const readShown = async (
  client: AgentClient,
  taskId: string,
  ui: string | null,
): Promise<{ shown: ShownTask; trace: Trace }> => {
  const task = client.handle(taskId);
  const state = await task.status();
  const [trace, undoing] = await Promise.all([task.trace(), readUndoing(client, state)]);
  return {
    trace,
    shown: {
      ...state,
      // A task that was not admitted never wrote its status where the list looks for it; its outcome has it.
      status: state.status === 'completed' ? (trace.outcome?.status ?? state.status) : state.status,
      outcome: trace.outcome,
      effects: effectsOf(trace),
      steps: trace.steps.slice(-LAST_STEPS),
      events: latelyOf(trace.events),
      standing: trace.standing,
      ui,
      undoing,
    },
  };
};

const stepLine = ({ n, calls, text }: TracedStep, shown: ShownTask): string => {
  const made = calls.map((call) => {
    const { word, why } = callState(call, shown);
    const human = call.human === undefined ? '' : paint.dim(` (${humanText(call.human)})`);
    return `${oneLine(call.tool, 60)}(${briefArgs(call.args, 60)}) ${statusWord(word, paint)}${why === '' ? '' : ` ${why}`}${human}`;
  });
  return `  ${String(n).padStart(3)}  ${made.length > 0 ? made.join('; ') : oneLine(text, 120)}`;
};

/** A decision alone does not let a paused task go on. */
const pausedLines = ({ status, taskId, pending }: ShownTask): string[] =>
  status !== 'paused'
    ? []
    : [
        '',
        `${paint.yellow('paused')}: nothing runs${pending.length === 0 ? '' : ', also once this is decided,'} until ${paint.cyan(`holdfast resume ${shellWord(taskId)}`)}`,
      ];

const activityLines = ({ activity, closedAt }: ShownTask): string[] => {
  // The server goes on listing what a terminated run had under way.
  if (activity === null || closedAt !== null) return [];
  const { type, attempt, lastFailure } = activity;
  const failed = lastFailure === null ? [] : [`  ${paint.red('failed before')}: ${oneLine(lastFailure, 300)}`];
  return [`under way: ${oneLine(type, 40)}, attempt ${attempt}`, ...failed];
};

/** Ends that leave what was done as it is, because nobody was there to undo it. */
const CUT_OFF: ReadonlySet<string> = new Set(['terminated', 'timed out', 'failed']);

const undoingLines = ({ taskId, status, effects, undoing }: ShownTask): string[] => {
  if (undoing !== null) return [`undone by ${oneLine(undoing.taskId, 220)}: ${statusWord(undoing.status, paint)}`];
  const isLeft =
    CUT_OFF.has(status) && effects.some((effect) => effect.status === 'succeeded' || effect.status === 'unknown');
  return isLeft ? [`what it did stands; to undo it: ${paint.cyan(`holdfast compensate ${shellWord(taskId)}`)}`] : [];
};

const headLines = ({
  taskId,
  status,
  agent,
  goal,
  principal,
  tenant,
  startedAt,
  closedAt,
  ui,
}: ShownTask): string[] => {
  const of = [agent, principal === null ? null : `for ${principal}${tenant === null ? '' : ` (${tenant})`}`].filter(
    (part) => part !== null,
  );
  return [
    `${paint.bold(oneLine(taskId, 200))}  ${statusWord(status, paint)}  ${paint.dim(of.map((part) => oneLine(part, 100)).join(' · '))}`,
    oneLine(goal ?? '', 300),
    paint.dim(
      `started ${ago(startedAt)}${closedAt === null ? '' : `, ended ${ago(closedAt)}`}${ui === null ? '' : ` · ${ui}`}`,
    ),
  ];
};

const questionLines = (pending: PendingDecision): string[] => [
  '',
  ...pendingLines(pending, paint),
  `  ${paint.dim('asked'.padEnd(10))} ${whenText(pending.since)}`,
  ...decideLines(pending, paint, null),
];

/** Lines under a heading, with a space above; nothing where there are none. */
const section = (heading: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', heading, ...lines];

const shownLines = ({ shown, trace }: { shown: ShownTask; trace: Trace }): string[] => {
  const { taskId, closedAt, pending, effects, outcome, steps, events } = shown;
  const all = `all: holdfast trace ${shellWord(taskId)}`;
  return [
    ...headLines(shown),
    ...pending.flatMap(questionLines),
    ...pausedLines(shown),
    ...activityLines(shown),
    ...section(
      `last steps (${all})`,
      steps.map((step) => stepLine(step, shown)),
    ),
    ...section(`lately (${all})`, latelyLines(events, paint)),
    ...(outcome === null ? section('effects so far', effectLines(effects, paint)) : []),
    '',
    ...planLines(trace.plan, paint),
    ...standingLines(shown.standing, { taskId, paint, isOpen: closedAt === null }),
    ...(outcome === null ? [paint.dim(usageLine(trace.usage))] : outcomeLines(outcome, paint)),
    ...undoingLines(shown),
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
