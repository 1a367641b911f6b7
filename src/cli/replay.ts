import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { HistoryEvent } from '../timeline/history.ts';
import type { ReplayDifference } from '../timeline/replay.ts';
import { type Globals, onCall, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { note, notePaint, paint, print, printJson } from './terminal.ts';
import { firstReason, oneLine } from './text.ts';

type RecordedRun = { readonly runId: string; readonly history: { readonly events: readonly HistoryEvent[] } };
type Recorded = { readonly taskId: string; readonly runs: readonly RecordedRun[] };

type Replayed = {
  readonly ok: boolean;
  readonly taskId: string;
  readonly runs: readonly {
    readonly runId: string;
    readonly events: number;
    readonly steps: number;
    readonly ms: number;
  }[];
  readonly difference: (ReplayDifference & { readonly runId: string }) | null;
};

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

const readHistoryFile = async (path: string): Promise<Recorded> => {
  const { HistoryFileError, parseHistoryFile } = await import('../timeline/history-file.ts');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new HistoryFileError(`${path} is not JSON: ${firstReason(error)}`, {
      cause: error,
    });
  }
  const { taskId, runId, history } = parseHistoryFile(value, path);
  return { taskId, runs: [{ runId, history: { events: history.events ?? [] } }] };
};

const readRuns = async (globals: Globals, taskId: string): Promise<Recorded> => {
  const { readRun, runChain } = await import('../timeline/history.ts');
  return await withClient(globals, async ({ temporal }) => {
    const runs: RecordedRun[] = [];
    for (const runId of await runChain(temporal, taskId)) {
      const events: HistoryEvent[] = [];
      for await (const event of readRun(temporal, { taskId, runId })) events.push(event);
      runs.push({ runId, history: { events } });
    }
    return { taskId, runs };
  });
};

const readRecorded = async (globals: Globals, what: string): Promise<Recorded> => {
  if (isFile(what)) return await readHistoryFile(what);
  if (what.endsWith('.json')) {
    throw new UsageError(`there is no file ${what}.`, 'Give a task id, or the path of a history in JSON.');
  }
  return await readRuns(globals, what);
};

/** The SDK tells of its replay worker what is no news here. */
const quietRuntime = async (): Promise<void> => {
  const { DefaultLogger, Runtime } = await import('@temporalio/worker');
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: 'off' } },
  });
};

const replayAll = async ({ taskId, runs }: Recorded, onLine: (line: string) => void): Promise<Replayed> => {
  await quietRuntime();
  const { replayHistory } = await import('../timeline/replay.ts');
  const done: Replayed['runs'][number][] = [];
  for (const { runId, history } of runs) {
    if (runs.length > 1) onLine(paint.dim(`run ${done.length + 1} of ${runs.length}, ${runId}`));
    const onStep = ({ n, tools }: { n: number; tools: readonly string[] }): void =>
      onLine(
        `  ${paint.green('✓')} step ${n}  ${paint.dim(tools.map((tool) => oneLine(tool, 60)).join(', ') || 'answers')}`,
      );
    const { ok, events, steps, ms, difference } = await replayHistory({ taskId, history, onStep });
    done.push({ runId, events, steps, ms });
    if (!ok) return { ok, taskId, runs: done, difference: difference === undefined ? null : { runId, ...difference } };
  }
  return { ok: true, taskId, runs: done, difference: null };
};

const printResult = ({ ok, taskId, runs, difference }: Replayed): void => {
  const sum = (field: 'events' | 'steps' | 'ms'): number => runs.reduce((total, run) => total + run[field], 0);
  if (ok) {
    print(
      `${paint.green('✓')} ${oneLine(taskId, 200)}: today's code makes the same ${sum('events')} events, ${sum('steps')} steps (${sum('ms')} ms)`,
    );
    return;
  }
  const at =
    difference?.eventId === null || difference === null
      ? 'somewhere'
      : `at event ${difference.eventId} (${difference.eventType ?? 'unknown type'})`;
  note(
    `${notePaint.red('error:')} ${oneLine(taskId, 200)}: today's code parts from the history ${at} of run ${difference?.runId ?? '?'}`,
  );
  note(`  ${oneLine(difference?.message ?? '', 1_000)}`);
  note(
    '  Tasks that run under this history would be stuck on this code: put the change behind `patched`, or deploy the code that made it.',
  );
};

/** `holdfast replay TASK|FILE`: the recorded history through today's workflow code. */
export const replayCommand = (): Command => {
  const command = new Command('replay')
    .summary("run a recorded history through today's workflow code")
    .description(
      "Runs a recorded history through today's workflow code: nothing is executed, no model is asked, no key is needed. Exit code 1 where the code would have done something else.",
    )
    .argument(
      '<task-or-file>',
      'task id, or a history in JSON (from "Download" in the UI or `temporal workflow show --output json`)',
    );
  withExamples(command, ['holdfast replay refund-17', 'holdfast replay test/histories/refund-17.json']);
  return onCall(command, async ({ args: [what = ''], globals }): Promise<ExitCode> => {
    const recorded = await readRecorded(globals, what);
    const replayed = await replayAll(recorded, globals.json ? note : print);
    if (globals.json) printJson(replayed);
    if (!globals.json || !replayed.ok) printResult(replayed);
    return replayed.ok ? EXIT.done : EXIT.failed;
  });
};
