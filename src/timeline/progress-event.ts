import type { PendingDecision } from '../domain/decision.ts';
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
  | { readonly type: 'message'; readonly name: string; readonly payload: unknown; readonly from: string }
  | { readonly type: 'retried'; readonly activity: string; readonly attempt: number; readonly failure: string }
  | { readonly type: 'continued'; readonly runId: string }
  | { readonly type: 'ended'; readonly outcome: Outcome }
);
