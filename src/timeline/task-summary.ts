import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { PendingDecision } from '../domain/decision.ts';
import { MEMO } from '../domain/task.ts';
import { decodeOne } from './history.ts';

/** A task in a list. */
export type TaskSummary = {
  readonly taskId: string;
  readonly runId: string;
  readonly status: string;
  readonly agent: string | null;
  readonly goal: string | null;
  readonly principal: string | null;
  readonly tenant: string | null;
  readonly costUsd: number | null;
  readonly startedAt: string | null;
  readonly closedAt: string | null;
  readonly pending: readonly PendingDecision[];
};

type Execution = NonNullable<
  Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>>['executions']
>[number];

const time = (at: { seconds?: unknown } | null | undefined): string | null =>
  at?.seconds === undefined || at.seconds === null ? null : new Date(Number(at.seconds) * 1_000).toISOString();

const CLOSED: Record<number, string> = { 3: 'failed', 4: 'cancelled', 5: 'terminated', 7: 'timed out' };

const textOf = (value: unknown): string | null => {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : null;
};

/** Reads one of a map of payloads. */
const reader =
  (fields: Record<string, Payload> | null | undefined) =>
  (name: string): unknown => {
    const payload = fields?.[name];
    return payload === undefined ? null : decodeOne(payload);
  };

const RUNNING = 1;

/** A list entry, from visibility alone: no worker is asked. */
export const toSummary = (execution: Execution): TaskSummary => {
  const attribute = reader(execution.searchAttributes?.indexedFields);
  const memo = reader(execution.memo?.fields);
  const code = Number(execution.status);
  const pending = memo(MEMO.pending);
  const cost = attribute('HoldfastCostUsd');
  return {
    ...idsOf(execution),
    status: CLOSED[code] ?? textOf(attribute('HoldfastStatus')) ?? (code === RUNNING ? 'running' : 'completed'),
    agent: textOf(memo(MEMO.agent)),
    goal: textOf(memo(MEMO.goal)),
    principal: textOf(attribute('HoldfastPrincipal')),
    tenant: textOf(attribute('HoldfastTenant')),
    costUsd: typeof cost === 'number' ? cost : null,
    startedAt: time(execution.startTime),
    closedAt: time(execution.closeTime),
    pending: code === RUNNING && Array.isArray(pending) ? pending : [],
  };
};

const idsOf = ({ execution }: Execution) => ({ taskId: execution?.workflowId ?? '', runId: execution?.runId ?? '' });
