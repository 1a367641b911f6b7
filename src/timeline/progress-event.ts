import type { Expiry } from '../domain/approval-rule.ts';
import type { HumanDecision, PendingDecision, PendingKind } from '../domain/decision.ts';
import type { DeskEventType } from '../domain/desk-event.ts';
import type { Reason } from '../domain/proposal.ts';
import type { Outcome } from '../domain/task.ts';

/** A call as progress shows it. */
export type ProposedCall = {
  readonly id: string;
  readonly tool: string;
  readonly args: unknown;
  readonly effect: string;
  readonly verdict: 'allow' | 'ask' | 'reject';
  readonly reasons: readonly Reason[];
  readonly rationale: string | null;
};

/** Something happened to a question, or to a yes that stands. */
export type AtDesk = {
  readonly type: 'desk';
  readonly what: DeskEventType;
  readonly id: string;
  readonly kind: PendingKind;
  readonly tool: string;
  /** The question, or the first reason why it is asked. */
  readonly why: string;
  /** Code of the first reason. */
  readonly code: string;
  /** Name of the approval rule; null in tasks of before. */
  readonly rule: string | null;
  /** Who may decide; of `escalated`: who may decide from now on, too. */
  readonly roles: readonly string[];
  readonly quorum: number;
  /** So many have approved. */
  readonly approvals: number;
  /** Who they are. */
  readonly approvers: readonly string[];
  /** What follows where nobody decides in time; null: nothing, or it is not known. */
  readonly then: Expiry | null;
  /** Of a yes to a question about a budget: what it allowed further. */
  readonly allowed: Readonly<Record<string, number>> | null;
  /** Who did it, where somebody did. */
  readonly human: Omit<HumanDecision, 'args'> | null;
};

/** A message that changed nothing, and why: as its sender was told, or, of a signal, as the task's page says it. `id` may be empty. */
export type Refused = {
  readonly type: 'refused';
  readonly id: string;
  readonly decision: string;
  readonly reason: string;
};

/** What happened in a task, as it happens. `at` is ISO 8601, by the server's clock. */
export type ProgressEvent = { readonly at: string } & (
  | {
      readonly type: 'started';
      readonly taskId: string;
      readonly runId: string;
      readonly agent: string;
      readonly goal: string;
    }
  | { readonly type: 'thinking'; readonly step: number; readonly reads: readonly string[] }
  | {
      readonly type: 'proposed';
      readonly step: number;
      readonly text: string;
      readonly calls: readonly ProposedCall[];
      readonly model: string;
      readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
      readonly costUsd: number;
    }
  | { readonly type: 'running'; readonly callId: string; readonly tool: string }
  | {
      readonly type: 'result';
      readonly callId: string;
      readonly tool: string;
      readonly status: string;
      readonly output: unknown;
    }
  | { readonly type: 'undoing'; readonly callId: string; readonly tool: string }
  | {
      readonly type: 'undone';
      readonly callId: string;
      readonly tool: string;
      readonly status: string;
      readonly message: string | null;
    }
  | { readonly type: 'waiting'; readonly pending: readonly PendingDecision[] }
  | AtDesk
  | Refused
  | { readonly type: 'message'; readonly name: string; readonly payload: unknown; readonly from: string }
  | { readonly type: 'retried'; readonly activity: string; readonly attempt: number; readonly failure: string }
  | { readonly type: 'continued'; readonly runId: string }
  | { readonly type: 'ended'; readonly outcome: Outcome }
);
