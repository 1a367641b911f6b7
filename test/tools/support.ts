import type { CompensationContext } from '../../src/tools/tool.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A tool's context; also that of a compensation. */
export const makeContext = (fields: Partial<CompensationContext> = {}): CompensationContext => ({
  taskId: 't',
  callId: 's1.c1',
  principal: { id: 'ana' },
  idempotencyKey: 't/e1/s1.c1',
  effectKey: 't/e1/s1.c1',
  attempt: 1,
  signal: new AbortController().signal,
  heartbeat: () => undefined,
  log: silent,
  ...fields,
});
