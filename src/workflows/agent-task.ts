import * as wf from '@temporalio/workflow';
import type { ProposeInput, ProposeResult } from '../activities/messages.ts';
import { isDeeperThan, jsonBytes } from '../domain/json.ts';
import { watchLoops } from '../domain/loops.ts';
import { SIZES } from '../domain/sizes.ts';
import type { Outcome } from '../domain/task.ts';
import { toolNotes } from '../domain/trace.ts';
import { admission, readable, thinking } from './activities.ts';
import { CallRunner } from './calls.ts';
import { Desk } from './desk.ts';
import { timeDue, whatIsDue } from './due.ts';
import { describeFailure } from './end.ts';
import { handOver, isUnwinding, outwait } from './hand-over.ts';
import { judge } from './judge.ts';
import { registerQueries } from './queries.ts';
import { Reviews } from './reviews.ts';
import { mustUnwind, Saga } from './saga.ts';
import { deniedRecords, situationOf } from './situation.ts';
import { type Carried, type End, type Held, TaskState } from './state.ts';
import { setStatus, showAdmission, showDoing, showEnd } from './visibility.ts';

/**
 * One agent task: limits → propose → verdicts → approval? → execute → record → checkpoint → limits → … → outcome; what a task
 * that did not complete has done is undone first.
 * Deterministic and generic: prompts, tools, schemas and rules live on the activity side.
 * Always completes with an outcome, also when the task failed or was cancelled; Temporal's own failure is for bugs.
 * @param spec the task specification; anything: `admit` parses it
 * @param carried the state that the run before this one handed over
 */
export async function agentTask(spec: unknown, carried?: Carried): Promise<Outcome> {
  const { workflowId, runId } = wf.workflowInfo();
  const task = new TaskState({ taskId: workflowId, runId }, spec, carried);
  const desk = new Desk(task);
  desk.register();
  registerQueries(task);
  const end =
    task.end ?? task.asksToUndo ?? (await loop(task, desk).catch((error: unknown) => describeFailure(error, task)));
  return wf.CancellationScope.nonCancellable(() => finish(task, desk, end));
}

async function loop(task: TaskState, desk: Desk): Promise<End> {
  if (task.admission === undefined) await admitTask(task);
  const reviews = new Reviews(task, desk);
  while (mustNarrow(task)) await inTime(task, reviews, () => narrowGrants(task));
  const calls = new CallRunner(task, desk, () => whilePaused(task));
  const noteTimeUp = (error: unknown) => reviews.noteTimeUp(error);
  await calls.resume().catch(noteTimeUp);
  for (;;) {
    const proposal = (task.held ??= await nextProposal(task, reviews));
    const judged = judge(task, proposal);
    if (judged.next === 'settle') {
      await reviews.settle(judged.due);
      continue;
    }
    if (judged.next === 'end' && (await reviews.accepts(judged.end))) return judged.end;
    task.held = undefined;
    if (judged.next === 'run') await calls.run(judged.calls, proposal.reviews).catch(noteTimeUp);
  }
}

/** Does something that the limit `duration` may cut off; then people may allow more. */
async function inTime<T>(task: TaskState, reviews: Reviews, work: () => Promise<T>): Promise<T | undefined> {
  const due = timeDue(task);
  if (due !== undefined) await reviews.settle(due);
  return work().catch((error: unknown) => reviews.noteTimeUp(error));
}

const toHeld = ({ reviews, final, finish }: ProposeResult): Held => ({
  reviews,
  finish,
  ...(final === undefined ? {} : { final }),
});

/** The model's next proposal, once nothing stands in its way any more. @throws Ending where something keeps standing there */
async function nextProposal(task: TaskState, reviews: Reviews): Promise<Held> {
  for (;;) {
    await checkpoint(task);
    const due = whatIsDue(task);
    if (due !== undefined) await reviews.settle(due);
    else {
      const proposal = await propose(task).catch((error: unknown) => reviews.noteTimeUp(error));
      if (proposal !== undefined) return toHeld(proposal);
    }
  }
}

/** Schemas in a specification are nested, hand-written data hardly. */
const MAX_SPEC_DEPTH = 100;

/** Resolves what the worker knows, once; from then on it stands in history. */
async function admitTask(task: TaskState): Promise<void> {
  // The checks stand before the scheduling: a payload that is too large, or too deep to be written, would wedge the run.
  if (isDeeperThan(task.spec, MAX_SPEC_DEPTH)) {
    throw wf.ApplicationFailure.nonRetryable('the specification is nested too deep.', 'Spec.Invalid');
  }
  if (jsonBytes(task.spec ?? null) > SIZES.spec) {
    throw wf.ApplicationFailure.nonRetryable(`the specification is larger than ${SIZES.spec} bytes.`, 'Spec.TooLarge');
  }
  const input = { spec: task.spec ?? null, firstRunId: wf.workflowInfo().firstExecutionRunId };
  task.admission = readable(await admission.admit.executeWithOptions({ summary: 'admit the task' }, [input]));
  const { goal, input: data, output } = task.admission;
  task.transcript.append({
    kind: 'goal',
    id: 'goal',
    text: goal,
    ...(data === undefined ? {} : { input: data }),
    ...(output === undefined ? {} : { output }),
  });
  showAdmission(task);
}

/** Grants that were to be narrowed are named by the model, so none are there until it did. */
const mustNarrow = ({ admitted: { narrowGrants, context } }: TaskState): boolean =>
  narrowGrants === true && context.grants === undefined;

/** The smallest grants for the goal, before anything else was read. They can only narrow. */
async function narrowGrants(task: TaskState): Promise<void> {
  const { context, goal, limits, heartbeatTimeoutMs } = task.admitted;
  showDoing(task, 'choosing the smallest grants');
  const { narrowGrants: narrow } = thinking(limits.durationMs - task.activeMs, heartbeatTimeoutMs);
  const input = { context, goal, maxOutputTokens: limits.tokensPerTurn };
  const narrowed = readable(await narrow.executeWithOptions({ summary: 'choose the smallest grants' }, [input]));
  const { grants, model, usage, costUsd } = narrowed;
  task.admission = { ...task.admitted, context: { ...context, grants } };
  task.usage.inputTokens += usage.inputTokens;
  task.usage.outputTokens += usage.outputTokens;
  task.usage.costUsd += costUsd;
  task.event('grants', { grants, model });
}

/** One step's thinking: the reads that were just allowed, the model, the review of what it proposes. */
async function propose(task: TaskState): Promise<ProposeResult> {
  const { context, limits, model, heartbeatTimeoutMs } = task.admitted;
  task.step += 1;
  showDoing(task, `thinking (step ${task.step})`);
  const startedAt = Date.now();
  const { step, reads } = task;
  const input = {
    step,
    context,
    ...unsent(task),
    at: task.transcript.at,
    reads,
    maxOutputTokens: limits.tokensPerTurn,
    situation: situationOf(task),
  };
  const summary = `step ${step}: ${reads.length > 0 ? `${reads.length} read${reads.length > 1 ? 's' : ''}, then ` : ''}ask ${model}`;
  const { propose: ask } = thinking(limits.durationMs - task.activeMs, heartbeatTimeoutMs);
  const proposal = readable(await ask.executeWithOptions({ summary }, [input]));
  record(task, proposal, startedAt);
  return proposal;
}

/** What came since the last answer; where it is too large to be sent along, the worker fetches it (INVARIANT H1). */
const unsent = ({ base, appended, transcript }: TaskState): Pick<ProposeInput, 'base' | 'appended'> =>
  jsonBytes(appended) <= SIZES.appended ? { base, appended } : { base: transcript.at, appended: [] };

/** Appends the answer and counts what it cost. */
function record(task: TaskState, proposal: ProposeResult, startedAt: number): void {
  task.transcript.append(...proposal.items);
  for (const note of toolNotes(proposal.items)) task.event('breaker', note);
  task.base = task.transcript.at;
  task.reads = [];
  const { usage, costUsd, model, window, promptDigest, reviews } = proposal;
  const { inputTokens, outputTokens } = usage;
  task.usage.steps += 1;
  task.usage.inputTokens += inputTokens;
  task.usage.outputTokens += outputTokens;
  task.usage.costUsd += costUsd;
  const durationMs = Date.now() - startedAt;
  task.steps.push({
    n: task.step,
    startedAt,
    durationMs,
    model,
    inputTokens,
    outputTokens,
    costUsd,
    window,
    promptDigest,
    reviews,
  });
}

/** Between two steps: what people said is heard, a pause is kept, and a long history gets a new run. */
async function checkpoint(task: TaskState): Promise<void> {
  if (task.paused) await whilePaused(task);
  task.takeSaid();
  if (task.admitted.findsLoops === true) task.loops = watchLoops(task.loops, task.transcript.items);
  const { continueAsNewSuggested } = wf.workflowInfo();
  if (!continueAsNewSuggested || task.transcript.size > SIZES.continueAsNew) return;
  await wf.condition(wf.allHandlersFinished);
  await handOver(task);
}

/** Waits while the task is paused. Handlers may pause it again before this goes on, hence the loop. */
async function whilePaused(task: TaskState): Promise<void> {
  while (task.paused) {
    task.doing = 'paused';
    setStatus(task, 'paused');
    task.stopClock();
    try {
      await outwait(task, () => !task.paused);
    } finally {
      task.startClock();
    }
    setStatus(task, task.desk.pending.length > 0 ? 'waiting' : 'running');
  }
}

/** Takes the questions off the desk, undoes what is to be undone, writes the last values and builds the outcome. */
async function finish(task: TaskState, desk: Desk, end: End): Promise<Outcome> {
  // A run that takes over the undoing goes on with its questions.
  if (!isUnwinding(task)) desk.clear();
  if (mustUnwind(task, end)) await new Saga(task, desk, () => unwindInNewRun(task)).unwind(end);
  await desk.settled();
  if (task.admission !== undefined) showEnd(task, end);
  const { taskId, runId, usage, effects } = task;
  return { taskId, runId, ...end, usage, effects, denied: deniedRecords(task) };
}

/** Between two undos: a long history gets a new run, which goes on with the rest. */
async function unwindInNewRun(task: TaskState): Promise<void> {
  if (!wf.workflowInfo().continueAsNewSuggested || task.undo.length === 0) return;
  await wf.condition(wf.allHandlersFinished);
  await handOver(task);
}
