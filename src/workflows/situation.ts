import type { Situation } from '../activities/ports.ts';
import type { DeniedCall } from '../domain/denied.ts';
import { jsonBytes } from '../domain/json.ts';
import { SIZES } from '../domain/sizes.ts';
import type { DeniedRecord } from '../domain/task.ts';
import type { TaskState } from './state.ts';

/** Refused calls that are remembered. */
const KEPT_DENIED = 50;

/** What had happened in the task by now; reviews and rules look at it. */
export const situationOf = ({ usage, transcript, denied }: TaskState): Situation => ({
  usage: { ...usage },
  isUntrusted: transcript.items.some(
    (item) =>
      (item.kind === 'result' && item.trust === 'untrusted') || (item.kind === 'goal' && item.input !== undefined),
  ),
  denied: [...denied],
});

/** Remembers a call that a person refused. INVARIANT H1: it travels with every step, so the oldest make room. */
export const rememberDenied = ({ denied }: TaskState, call: DeniedCall): void => {
  denied.push(call);
  if (denied.length > KEPT_DENIED) denied.shift();
  // The largest gives up its arguments, never a call its place: the outcome lists them all.
  while (jsonBytes(denied) > SIZES.denied) {
    const sizes = denied.map(({ args }) => jsonBytes(args));
    const at = sizes.indexOf(Math.max(...sizes));
    const largest = denied[at];
    if (largest === undefined || sizes[at] === 2) return;
    denied[at] = { ...largest, args: {} };
  }
};

/** Refused calls as the outcome lists them. */
export const deniedRecords = ({ denied }: TaskState): readonly DeniedRecord[] =>
  denied.map(({ callId, tool, reason }) => ({ callId, tool, ...(reason === undefined ? {} : { reason }) }));
