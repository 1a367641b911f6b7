import type { TaskSpec } from './schemas/task-spec.ts';

export type { TaskSpec };

/** What a call does to the world. `destructive` cannot be taken back. */
export type Effect = 'read' | 'write' | 'destructive';

/** How a task ended. */
export type OutcomeStatus = 'completed' | 'failed' | 'cancelled' | 'rejected' | 'limit' | 'fallback';

/** What a task is doing, or how it ended; the values of the search attribute `HoldfastStatus`. */
export type TaskStatus = 'running' | 'waiting' | 'paused' | 'compensating' | OutcomeStatus;

/** What a task has used. Tokens are the provider's count; `costUsd` is 0 where no price is configured. */
export type Usage = {
  steps: number;
  toolCalls: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
};

/** One effect that a task had, or may have had. `key` is the idempotency key that its tool was given. */
export type EffectRecord = {
  readonly callId: string;
  readonly tool: string;
  readonly status: 'succeeded' | 'failed' | 'unknown' | 'compensated' | 'compensation_failed';
  readonly key: string;
};

/** A call that a person refused, as the outcome lists it. */
export type DeniedRecord = { readonly callId: string; readonly tool: string; readonly reason?: string };

/** The result of every task: the workflow completes with it, also after a failure or a cancellation. */
export type Outcome = {
  readonly taskId: string;
  readonly runId: string;
  readonly status: OutcomeStatus;
  readonly output?: unknown;
  readonly reason?: string;
  readonly usage: Usage;
  readonly effects: readonly EffectRecord[];
  /** Calls that a person refused; outcomes of before have no such list. */
  readonly denied?: readonly DeniedRecord[];
};

/** Search attributes that a namespace needs, with Temporal's type names. */
export const SEARCH_ATTRIBUTES = {
  HoldfastStatus: 'Keyword',
  HoldfastAgent: 'Keyword',
  HoldfastPrincipal: 'Keyword',
  HoldfastTenant: 'Keyword',
  HoldfastWaitingFor: 'KeywordList',
  HoldfastWaitingRoles: 'KeywordList',
  HoldfastCostUsd: 'Double',
} as const;

/** The name of one of the search attributes. */
export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/** Workflow type and task queue of the contract; other languages start tasks by these names. */
export const AGENT_TASK_TYPE = 'agentTask';
/** The workflow type that undoes what an ended task did. */
export const COMPENSATE_TASK_TYPE = 'compensateTask';
/** The id of the run that undoes what an ended task did. */
export const compensationId = (taskId: string): string => `${taskId}/compensation`;
/** The default task queue. */
export const TASK_QUEUE = 'holdfast';
/** Memo keys: what is pending (the inbox is one list call) and the digest of the specification (INVARIANT H4). */
export const MEMO = {
  pending: 'holdfastPending',
  specDigest: 'holdfastSpecDigest',
  agent: 'holdfastAgent',
  goal: 'holdfastGoal',
} as const;
