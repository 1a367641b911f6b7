import type { Risk } from './approval-rule.ts';
import type { HumanDecision, PendingKind } from './decision.ts';

/** Types of what happens at the desk. `withdrawn`: the task ended, or asked something else in its place. */
export const DESK_EVENTS = [
  'asked',
  'reminded',
  'escalated',
  'voted',
  'decided',
  'expired',
  'withdrawn',
  'revoked',
] as const;
/** One of them. */
export type DeskEventType = (typeof DESK_EVENTS)[number];

/** Something that happened at the desk: for the record, for notifications, for calibration. Bounded; no arguments. */
export type DeskEvent = {
  /** Same for every attempt to report it, unique within the task's life: `s3.c1-7f3a/asked`. */
  readonly id: string;
  readonly type: DeskEventType;
  /** ISO 8601. */
  readonly at: string;
  readonly decisionId: string;
  readonly kind: PendingKind;
  readonly callId: string;
  readonly tool: string;
  readonly risk?: Risk;
  /** Name of the approval rule. */
  readonly rule: string;
  /** Codes of the reasons, and ids of the policies among them. */
  readonly codes: readonly string[];
  readonly policies: readonly string[];
  /** The agent's own, 0 to 1. */
  readonly confidence?: number;
  /** When it was asked; ISO 8601. */
  readonly since: string;
  readonly deadline?: string;
  /** Who may decide by now; empty: anybody. */
  readonly roles: readonly string[];
  readonly quorum: number;
  /** Only signed decisions count. */
  readonly signed?: true;
  /** The first reason, or the question, in words; bounded. */
  readonly summary: string;
  /** Of `decided`, `expired` and `voted`. Without arguments. */
  readonly human?: Omit<HumanDecision, 'args'>;
};
