import type { DeskEvent } from '../domain/desk-event.ts';
import type { AuditAnchor, TaskRef } from './ports.ts';

/** Whose desk something happened at. */
export type DeskSubject = {
  readonly task: TaskRef;
  readonly agent: string;
  readonly principal: string;
  readonly tenant?: string | undefined;
};

/** How often something was asked, and what came of it; counts, and milliseconds. */
export type DecisionStats = {
  /** The rule's or the tool's name. */
  readonly of: string;
  readonly asked: number;
  readonly approved: number;
  readonly edited: number;
  readonly denied: number;
  readonly answered: number;
  readonly expired: number;
  readonly withdrawn: number;
  /** From the asking to the decision; null where nothing was decided. */
  readonly medianMs: number | null;
};

/** A decision as it is kept. */
export type DecisionRow = {
  readonly taskId: string;
  readonly epoch: string;
  readonly id: string;
  readonly kind: string;
  readonly callId: string;
  readonly tool: string;
  readonly agent: string;
  readonly rule: string;
  readonly policies: readonly string[];
  readonly codes: readonly string[];
  readonly risk: string | null;
  readonly confidence: number | null;
  readonly askedAt: string;
  readonly decidedAt: string;
  readonly outcome: 'approved' | 'edited' | 'denied' | 'answered' | 'expired' | 'withdrawn';
  readonly by: string | null;
  readonly verified: boolean;
};

/** Narrows what is counted or listed. Times are ISO 8601. */
export type DecisionFilter = {
  readonly since?: string | undefined;
  readonly rule?: string | undefined;
  readonly tool?: string | undefined;
  readonly agent?: string | undefined;
};

/** A message for an endpoint: JSON text, as it is sent and signed. */
export type OutboxMessage = { readonly endpoint: string; readonly body: string };

/** Makes the messages that tell of an event: one for each endpoint that wants to know, or none. */
export type MessageMaker = (subject: DeskSubject, event: DeskEvent) => readonly OutboxMessage[];

/** The record of what happened at the desk. Nothing acts on it by itself. */
export type DeskLog = {
  /**
   * Keeps events, each once (by its id), with an entry in the audit trail and its messages in the outbox, all in one
   * transaction: reporting again changes nothing.
   */
  readonly record: (
    subject: DeskSubject,
    events: readonly DeskEvent[],
    messages: MessageMaker,
  ) => Promise<AuditAnchor | undefined>;
  readonly stats: (by: 'rule' | 'tool', filter: DecisionFilter) => Promise<readonly DecisionStats[]>;
  readonly decisions: (
    filter: DecisionFilter,
    page: { readonly limit: number; readonly next?: string | undefined },
  ) => Promise<{ readonly decisions: readonly DecisionRow[]; readonly next: string | null }>;
};

/** A message that has to reach an endpoint, at least once. */
export type Delivery = {
  /** Same for every attempt: for receivers to recognise repeats. */
  readonly id: string;
  readonly endpoint: string;
  /** JSON text, as it is sent and signed. */
  readonly body: string;
  /** Attempts that were made before this one. */
  readonly attempts: number;
  /** Since it was put here, by the database's clock. */
  readonly ageMs: number;
};

/** What an endpoint of the outbox has before it. */
export type OutboxState = {
  readonly endpoint: string;
  readonly waiting: number;
  readonly givenUp: number;
  /** When the oldest one that waits was put there; ISO 8601. */
  readonly oldest: string | null;
  /** Why an attempt failed, of those that wait or were given up the last one. */
  readonly error: string | null;
};

/** Messages on their way; shared by all workers of a task queue, whose endpoints have the same names. */
export type Outbox = {
  /** Takes messages that are due, so that no other worker sends them until the lease ends. */
  readonly claim: (
    endpoint: string,
    take: { readonly limit: number; readonly leaseMs: number },
  ) => Promise<readonly Delivery[]>;
  readonly delivered: (id: string) => Promise<void>;
  /** Tries again later; null: given up, kept for whoever looks. Nothing happens when another worker has taken it since. */
  readonly failed: (
    delivery: Pick<Delivery, 'id' | 'attempts'>,
    error: string,
    retryAfterMs: number | null,
  ) => Promise<void>;
  /** The endpoint answers again: what waits for its next attempt is due now. */
  readonly hurry: (endpoint: string) => Promise<void>;
  /** What waits, and what was given up, by endpoint. */
  readonly state: () => Promise<readonly OutboxState[]>;
};
