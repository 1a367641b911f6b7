import { z } from 'zod';
import { Duration, durationMs } from '../../domain/schemas/duration.ts';
import { defineTool } from '../define-tool.ts';
import type { Tool } from '../tool.ts';

const MAX_DAYS = 30;

const Wait = z.object({
  duration: Duration.describe('How long, such as 30s, 5m, 2h or 7d; at most 30d').refine(
    // Other problems have been told already.
    (text) => !Duration.safeParse(text).success || durationMs(text) <= MAX_DAYS * 86_400_000,
    { message: `expected at most ${MAX_DAYS}d` },
  ),
});

/**
 * Waits. The workflow does it with a durable timer: no worker is held, and a restart does not begin it anew. The time counts
 * against the task's `duration`.
 */
export const wait: Tool<z.output<typeof Wait>, unknown> = {
  ...defineTool({
    name: 'wait',
    description: 'Wait before going on, for example until something outside has had time to happen.',
    effect: 'read',
    input: Wait,
    openWorld: false,
    execute: () => {
      throw new Error('wait is done by the workflow, not run');
    },
  }),
  isFree: true,
  builtIn: ({ duration }) => ({ kind: 'wait', ms: durationMs(duration) }),
};
