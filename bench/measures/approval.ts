import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { temporal } from '@temporalio/proto';
import { AgentClient } from '../../src/client.ts';
import type { Bench, Side } from '../support/bench.ts';
import { pairedRow, type Row } from '../support/report.ts';

const SIDES = ['minimal', 'holdfast'] as const satisfies readonly Side[];
const ROUNDS = 25;
const BUDGET_MS = 45_000;

const queueOf = (side: Side): string => `${side}-approval`;

/** Decides. @returns when it was sent, milliseconds since 1970 */
type Decide = (bench: Bench, id: string) => Promise<number>;

const now = (): number => performance.timeOrigin + performance.now();

const bySignal: Decide = async ({ client }, id) => {
  const sentAt = now();
  await client.workflow.getHandle(id).signal('approve');
  return sentAt;
};

const byUpdate: Decide = async ({ client }, id) => {
  const task = new AgentClient(client).handle(id);
  const [pending] = (await task.status()).pending;
  const sentAt = now();
  await client.workflow.getHandle(id).executeUpdate('approve', { args: [{ id: pending?.id }] });
  return sentAt;
};

const timeOf = ({ eventTime }: temporal.api.history.v1.IHistoryEvent): number =>
  Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;

/** From when a decision was sent to the start of the first activity after it. Client and server share this machine's clock. */
const delayOf = async ({ client }: Bench, id: string, sentAt: number): Promise<number> => {
  const { events = [] } = await client.workflow.getHandle(id).fetchHistory();
  const decided = (events ?? []).findIndex(
    (event) =>
      event.workflowExecutionSignaledEventAttributes != null ||
      event.workflowExecutionUpdateAcceptedEventAttributes != null,
  );
  const started = (events ?? []).slice(decided).find((event) => event.activityTaskStartedEventAttributes != null);
  if (started === undefined) throw new Error(`${id} has no activity after its decision`);
  return timeOf(started) - sentAt;
};

const untilWaiting = async ({ client }: Bench, id: string): Promise<void> => {
  const task = new AgentClient(client).handle(id);
  while ((await task.status()).pending.length === 0) await sleep(20);
};

/** @returns milliseconds from the decision to the start of the approved activity */
const decideOne = async (bench: Bench, side: Side, decide: Decide): Promise<number> => {
  const id = `${queueOf(side)}-${randomUUID()}`;
  const task = await bench.startTask(side, queueOf(side), { id, tool: 'park', steps: 1, bytes: 1_024 });
  await bench.untilRequest(id, 1);
  // The hand-written loop shows nowhere that it waits; it does as soon as the model has answered.
  await (side === 'holdfast' ? untilWaiting(bench, id) : sleep(150));
  const sentAt = await decide(bench, id);
  await task.done();
  return await delayOf(bench, id, sentAt);
};

const compare = async (bench: Bench, decide: Decide) => {
  const rounds: Record<Side, number>[] = [];
  const from = performance.now();
  for (let n = -3; n < ROUNDS && performance.now() - from < BUDGET_MS; n++) {
    const round: Partial<Record<Side, number>> = {};
    for (const side of n % 2 === 0 ? SIDES : SIDES.toReversed())
      round[side] = await decideOne(bench, side, side === 'minimal' ? bySignal : decide);
    if (n >= 0) rounds.push(round as Record<Side, number>);
  }
  return rounds;
};

/** From a decision to the start of the approved activity, against a bare workflow that waits for a signal. */
export const measureApproval = async (bench: Bench): Promise<Row[]> => {
  for (const side of SIDES) await bench.startWorker(side, queueOf(side));
  const target = { of: 'ratio', atMost: 2 } as const;
  const note = 'from the client’s call to the event of the start';
  return [
    pairedRow(
      { name: '10 signal to start of the approved call', unit: 'ms', target, note },
      await compare(bench, bySignal),
    ),
    pairedRow(
      { name: '  the same by update', unit: 'ms', target, note: `${note}; against a signal` },
      await compare(bench, byUpdate),
    ),
  ];
};
