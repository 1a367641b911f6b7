import type { TimerInput, WorkflowInterceptors } from '@temporalio/workflow';

/** How many times faster than the server's the clock of a workflow goes: a day in a second. */
const FASTER = 86_400;

/** What `Date` reads in a workflow, milliseconds since 1970. The SDK sets it at every activation that brings a time. */
type Clock = { now: number };

/**
 * Moves the clock of workflows whose bundle holds this module: the time goes faster from the start of their run, and their
 * durable timers are shorter by the same. The server, its timers and the workflow code are the real ones.
 */
export const interceptors = (): WorkflowInterceptors => {
  const { __TEMPORAL_ACTIVATOR__: clock } = globalThis as unknown as { __TEMPORAL_ACTIVATOR__: Clock };
  const start = clock.now;
  let moved = start;
  return {
    internals: [
      {
        activate: (input, next) => {
          if (clock.now !== moved) clock.now = moved = start + (clock.now - start) * FASTER;
          next(input);
        },
      },
    ],
    outbound: [
      {
        startTimer: (input: TimerInput, next: (input: TimerInput) => Promise<void>) =>
          next({ ...input, durationMs: Math.ceil(input.durationMs / FASTER) }),
      },
    ],
  };
};
