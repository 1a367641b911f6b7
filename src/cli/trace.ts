import { Command } from 'commander';
import type { AgentClient } from '../client.ts';
import { HoldfastError } from '../domain/failures.ts';
import type { Trace } from '../domain/trace.ts';
import { onCall, wholeNumber, withExamples } from './command.ts';
import { withClient } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { paint, print, printJson } from './terminal.ts';
import { promptLines, stepLines, traceLines } from './trace-lines.ts';

type TraceOptions = { readonly step?: number; readonly prompt?: number };

const MAX_STEP = 100_000;

const readTraced = async (client: AgentClient, taskId: string, step: number | undefined): Promise<Trace> => {
  const trace = await client.handle(taskId).trace();
  if (step === undefined) return trace;
  const steps = trace.steps.filter(({ n }) => n === step);
  if (steps.length === 0)
    throw new HoldfastError('Task.NotFound', `the task ${taskId} has no step ${step}; it has ${trace.steps.length}.`);
  return { ...trace, steps };
};

/** `holdfast trace TASK`: what it did and why. */
export const traceCommand = (): Command => {
  const command = new Command('trace')
    .summary('tell what a task did and why')
    .description(
      'Tells what a task did and why, from its event history: no worker is needed. Long values are cut; --json has them whole.',
    )
    .argument('<task>', 'task id')
    .option('--step <n>', 'one step only', wholeNumber(1, MAX_STEP))
    .option(
      '--prompt <n>',
      'the exact prompt of a step, checked against its recorded digest',
      wholeNumber(1, MAX_STEP),
    );
  withExamples(command, [
    'holdfast trace refund-17 --step 3',
    "holdfast trace refund-17 --json | jq '.steps[].calls[].verdict'",
  ]);
  return onCall<TraceOptions>(command, async ({ args: [taskId = ''], options: { step, prompt }, globals }) => {
    if (step !== undefined && prompt !== undefined)
      throw new UsageError('--step and --prompt cannot stand together.', 'Give one of them.');
    await withClient(globals, async (client) => {
      const isPrompt = prompt !== undefined;
      const read = isPrompt ? await client.handle(taskId).prompt(prompt) : await readTraced(client, taskId, step);
      if (globals.json) printJson(read);
      else {
        const lines =
          'items' in read
            ? promptLines(read, paint)
            : step === undefined
              ? traceLines(read, paint)
              : read.steps.flatMap((each) => stepLines(each, paint));
        for (const line of lines) print(line);
      }
    });
    return EXIT.done;
  });
};
