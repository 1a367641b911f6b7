import type { DeskEvent } from '../../src/domain/desk-event.ts';
import type { DeskSubject, MessageMaker } from '../../src/gateway/desk-ports.ts';
import type { TaskRef } from '../../src/gateway/ports.ts';

export const makeSubject = (task: TaskRef, over: Partial<DeskSubject> = {}): DeskSubject => ({
  task,
  agent: 'clerk',
  principal: 'ana',
  ...over,
});

/** An event at a question; its id follows from both. */
export const makeEvent = (over: Partial<DeskEvent> = {}): DeskEvent => {
  const { type = 'asked', decisionId = 's1.c1-7f3a' } = over;
  return {
    id: `${decisionId}/${type}`,
    type,
    at: '2026-03-01T10:00:00.000Z',
    decisionId,
    kind: 'approval',
    callId: 's1.c1',
    tool: 'orders.refund',
    risk: 'high',
    rule: 'refunds',
    codes: ['policy.ask'],
    policies: ['refunds-ask'],
    confidence: 0.8,
    since: '2026-03-01T10:00:00.000Z',
    roles: ['finance'],
    quorum: 1,
    summary: 'refunds ask a person',
    ...over,
  };
};

/** The end of a question, so many milliseconds after it was asked. */
export const makeEnd = (
  decision: 'approved' | 'edited' | 'denied' | 'answered' | 'expired' | 'withdrawn',
  afterMs: number,
  over: Partial<DeskEvent> = {},
): DeskEvent => {
  const since = over.since ?? '2026-03-01T10:00:00.000Z';
  const at = new Date(Date.parse(since) + afterMs).toISOString();
  const type = decision === 'expired' || decision === 'withdrawn' ? decision : 'decided';
  return makeEvent({
    type,
    at,
    ...(decision === 'withdrawn' ? {} : { human: { decision, by: 'ben', verified: true, at } }),
    ...over,
  });
};

export const noMessages: MessageMaker = () => [];

/** Tells every endpoint of every event. */
export const tellAll =
  (...endpoints: readonly string[]): MessageMaker =>
  (subject, event) =>
    endpoints.map((endpoint) => ({ endpoint, body: JSON.stringify({ of: subject.task.taskId, event: event.id }) }));
