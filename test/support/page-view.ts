import type { Expiry } from '../../src/domain/approval-rule.ts';
import type { DeskStep, PendingDecision } from '../../src/domain/decision.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import type { PageView } from '../../src/domain/page.ts';

/** A call that waits for approval. */
export const makePending = (fields: Partial<PendingDecision> = {}): PendingDecision => ({
  id: 's1.c1-7f3a',
  taskId: 't',
  kind: 'approval',
  callId: 's1.c1',
  tool: 'files.write',
  args: { path: 'config/prod/a.yaml' },
  reasons: [{ code: 'confirmation_required', message: 'writes to production' }],
  decision: { rationale: 'because', alternatives: [], confidence: 0.9, basis: ['goal'] },
  digest: 'sha256:7f3a',
  since: '2026-01-01T00:00:00.000Z',
  may: ['approve', 'deny', 'edit'],
  ...fields,
});

/** What the page of a task shows that waits for these. */
export const makeView = (pending: readonly PendingDecision[], fields: Partial<PageView> = {}): PageView => ({
  taskId: 't',
  status: 'waiting',
  agent: 'a',
  goal: 'g',
  principal: 'ana',
  doing: 'x',
  usage: { steps: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 },
  limits: DEFAULT_LIMITS,
  pending,
  effects: [],
  events: [],
  ...fields,
});

/** The step by which a question expires. */
export const expiry = (at: string, what: Expiry): DeskStep => ({ at, do: 'expire', then: what });
