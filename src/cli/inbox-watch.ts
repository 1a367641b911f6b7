import { setTimeout as sleep } from 'node:timers/promises';
import type { PendingPage } from '../client.ts';
import type { PendingDecision } from '../domain/decision.ts';
import { note, paint, print, printJson } from './terminal.ts';
import { oneLine } from './text.ts';

const WATCH_MS = 2_000;

const nameOf = ({ taskId, id }: PendingDecision): string => `${taskId} ${id}`;

/** Votes and escalations change what a person is told, the passing of time does not. */
const stateOf = (pending: PendingDecision): string => JSON.stringify(pending);

type Seen = ReadonlyMap<string, PendingDecision>;

const printChanges = (
  before: Seen,
  now: Seen,
  { show, isWhole }: { readonly show: Show; readonly isWhole: boolean },
) => {
  for (const [name, each] of before) {
    // What fell off the end of a page still waits.
    if (!now.has(name) && isWhole)
      print(paint.dim(`✓ ${oneLine(each.taskId, 200)} ${oneLine(each.id, 40)} waits no more`));
  }
  const changed = [...now].filter(([name, each]) => {
    const old = before.get(name);
    return old === undefined || stateOf(old) !== stateOf(each);
  });
  show(changed.map(([, each]) => each));
};

type Show = (pending: readonly PendingDecision[]) => void;

/**
 * Keeps looking, and tells what is new, what changed and what waits no more; with `json` the whole array at every change, each on its line.
 * Never returns by itself: Ctrl-C ends it.
 */
export const watchInbox = async (
  read: () => Promise<PendingPage>,
  { json, show }: { readonly json: boolean; readonly show: Show },
): Promise<never> => {
  let known: Seen | undefined;
  for (;;) {
    const pending = await read();
    const now: Seen = new Map(pending.map((each) => [nameOf(each), each]));
    const isNew = known === undefined || [...known.values()].map(stateOf).join() !== pending.map(stateOf).join();
    if (json && isNew) printJson(pending);
    else if (!json) {
      printChanges(known ?? new Map(), now, { show, isWhole: pending.next === null });
      if (known === undefined) note('watching; Ctrl-C ends it');
    }
    known = now;
    await sleep(WATCH_MS);
  }
};
