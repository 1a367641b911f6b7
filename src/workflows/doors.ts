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
  wf.setHandler(
    wf.defineSignal<[unknown?]>(wire),
    (payload) => {
      // Thousands may come at once, and the SDK traces every promise: for what is plainly wrong, none is made.
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
  wf.setHandler(wf.defineSignal(wire), undefined);
  wf.setHandler(wf.defineUpdate(wire), undefined);
};

/** Records a signal that counted for nothing, where its sender looks. */
export const recordIgnored = (task: TaskState, name: string, reason: string): void => {
  task.event('ignored', { message: name.slice(0, 100), reason: cutText(reason, REASON_BYTES) });
  showPage(task);
};

const REASON_BYTES = 2_000;
