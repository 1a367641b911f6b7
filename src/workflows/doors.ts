import { ApplicationFailure } from '@temporalio/common';
import * as wf from '@temporalio/workflow';
import { cutText } from '../domain/json.ts';
import type { Checked } from '../domain/messages.ts';
import type { TaskState } from './state.ts';
import { showPage } from './visibility.ts';

/** What an accepted message answers with. */
export type Acknowledged = { readonly status: string; readonly pending: readonly string[] };

/** A message that a task takes, as a signal and as an update of the same name. */
export type Door = {
  readonly wire: string;
  readonly description: string;
  /** What is plainly wrong with a message, before an update is accepted. Synchronous: an async validator wedges the run. */
  readonly check: (payload: unknown) => Checked<unknown>;
  /** Takes the message. @returns why it counted for nothing, in words for its sender */
  readonly act: (payload: unknown) => Promise<string | undefined> | string | undefined;
};

const refuse = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Decision.Refused');

const currentUpdate = (): string | undefined => wf.currentUpdateInfo()?.id;

const REASON_BYTES = 2_000;

/** Records a signal that counted for nothing, where its sender looks. */
const recordIgnored = (task: TaskState, name: string, reason: string): void => {
  task.event('ignored', { message: name.slice(0, 100), reason: cutText(reason, REASON_BYTES) });
  showPage(task);
};

/** Why a signal of a name counts for nothing, as far as that is plain; undefined: its door takes it. */
type Check = (name: string, payload: unknown) => string | undefined;

/** What is asked of a signal before the SDK makes anything of it. A module of a workflow is its own, so these are one task's. */
const checks = new Map<string, Check>();
let checkOthers: Check | undefined;
let keepIgnored: ((name: string, refusal: string) => void) | undefined;

/** Refuses a signal that is plainly wrong, and records it. Synchronous. @returns whether it was */
export const refuseSignal = (name: string, payload: unknown): boolean => {
  const refusal = (checks.get(name) ?? checkOthers)?.(name, payload);
  if (refusal === undefined) return false;
  keepIgnored?.(name, refusal);
  return true;
};

/** Answers signals that no door is for. */
export const openForOthers = (task: TaskState, refuse: (name: string) => string): void => {
  checkOthers = refuse;
  keepIgnored = (name, refusal) => recordIgnored(task, name, refusal);
  // Of those that came before the first line of the run.
  wf.setDefaultSignalHandler((name) => recordIgnored(task, name, refuse(name)));
};

/**
 * Opens a door. An update answers a mistake to its sender; a signal cannot be refused, so its refusal stands on the page.
 * INVARIANT A4: an update id that was processed is not processed again, also by a later run: the server forgets it then.
 */
export const openDoor = (task: TaskState, { wire, description, check, act }: Door): void => {
  const acknowledge = (): Acknowledged => ({ status: task.status, pending: task.desk.pending.map(({ id }) => id) });
  const take = async (payload: unknown): Promise<void> => {
    const refusal = await act(payload);
    if (refusal !== undefined) recordIgnored(task, wire, refusal);
  };
  checks.set(wire, (_, payload) => {
    const checked = check(payload);
    return checked.ok ? undefined : checked.refusal;
  });
  wf.setHandler(
    wf.defineSignal<[unknown?]>(wire),
    (payload) => {
      // Thousands may come before the first line of a run, and the SDK traces every promise: for what is plainly wrong, none is made.
      const checked = check(payload);
      return checked.ok ? take(payload) : recordIgnored(task, wire, checked.refusal);
    },
    { description },
  );
  wf.setHandler(
    wf.defineUpdate<Acknowledged, [unknown]>(wire),
    async (payload) => {
      const id = currentUpdate();
      if (id !== undefined && task.seenUpdate(id)) return acknowledge();
      const refusal = await act(payload);
      if (refusal !== undefined) {
        // What counted for nothing was not processed: sent again, it is refused again, by a later run too.
        if (id !== undefined) task.forgetUpdate(id);
        throw refuse(refusal);
      }
      return acknowledge();
    },
    {
      description,
      validator: (payload) => {
        const checked = task.updates.includes(currentUpdate() ?? '') ? undefined : check(payload);
        if (checked?.ok === false) throw refuse(checked.refusal);
      },
    },
  );
};

/** Closes a door: its name leaves the lists of the UI. */
export const closeDoor = (wire: string): void => {
  checks.delete(wire);
  wf.setHandler(wf.defineSignal(wire), undefined);
  wf.setHandler(wf.defineUpdate(wire), undefined);
};
