import * as wf from '@temporalio/workflow';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import { HISTORY } from './due.ts';
import { historyIsFull, limitEnd } from './end.ts';
import { Ending } from './ending.ts';
import type { Carried, TaskState } from './state.ts';

/** Tells whether the task has ended, and only undoing is left. */
export const isUnwinding = ({ end, asksToUndo }: TaskState): boolean => end !== undefined || asksToUndo !== undefined;

/** Tells whether this state may be the input of a run (INVARIANT H1). */
const fits = (task: TaskState, carried: Carried): boolean =>
  jsonBytes(carried) + jsonBytes(task.spec) <= SIZES.continueAsNew;

/** Tells whether the history is long, and nothing is under way that a new run would not know of. */
const isHandOverDue = (): boolean => wf.workflowInfo().continueAsNewSuggested && wf.allHandlersFinished();

/**
 * Ends this run and goes on in a new one, at exactly this point: what waits, what was decided and what was begun is handed over.
 * Returns where the state is too large to be handed over; the run then goes on.
 * @throws ContinueAsNew
 */
export const handOver = async (task: TaskState): Promise<void> => {
  const whole = task.carry();
  // Once the task has ended, no model is asked any more: a transcript that is too large stays behind.
  const carried = fits(task, whole) || !isUnwinding(task) ? whole : { ...whole, items: [], steps: [] };
  if (!fits(task, carried)) return;
  // The server gives a new run the memo that the first one was started with; what waits stands in the one of now.
  const { memo = {} } = wf.workflowInfo();
  const goOn = wf.makeContinueAsNewFunc<(spec: unknown, carried?: Carried) => Promise<unknown>>({ memo });
  await goOn(task.spec, carried);
};

/**
 * Lets everything run that can run without another event: conditions are looked at again only then. A message that ends a wait is
 * answered before what it leads to, also where replay gives it to the workflow together with the start of its run: two workflow
 * tasks, of which the first commanded nothing, are one there.
 */
export const afterTheRest = async (): Promise<void> => {
  let isLookedAt = false;
  await wf.condition(() => {
    const isAgain = isLookedAt;
    isLookedAt = true;
    return isAgain;
  });
};

const outwaitInRuns = async (task: TaskState, isOver: () => boolean): Promise<void> => {
  await wf.condition(() => isOver() || isHandOverDue());
  await afterTheRest();
  if (isOver()) return;
  await handOver(task);
  await wf.condition(() => isOver() || (!isUnwinding(task) && historyIsFull(task)));
  await afterTheRest();
  if (!isOver()) throw new Ending(limitEnd(task, HISTORY));
};

/**
 * Waits for what a person does, in as many runs as that takes: a long wait must not run the history into the server's end.
 * Tasks of before wait in the run they are in, and go on in the very turn they did: their histories tell.
 * @throws ContinueAsNew
 * @throws Ending where the state is too large to be handed over, and the history has no more room
 */
export const outwait = (task: TaskState, isOver: () => boolean): Promise<void> =>
  task.admission?.approvalRules === undefined ? wf.condition(isOver) : outwaitInRuns(task, isOver);
